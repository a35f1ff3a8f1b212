//! Operations that are linear: products, sums, and elements in other places.

use bptt_autodiff::Pullback;
use bptt_gradcheck::{Report, operation};
use bptt_tensor::Tensor;

use crate::rule::Rule;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    NotTransposed,
    FactorsSwapped,
    AverageForSum,
    SumForAverage,
    LikeRowsCountOnce,
    RepeatedRowOverwritten,
    RowShifted,
    StartForgotten,
    PartsSwapped,
    ForwardInTime,
}

pub(crate) fn matmul(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (a, b, g) = (at.input(0), at.input(1), at.cotangent());
        at.add(0, || if bug == Bug::NotTransposed { g.matmul(b) } else { g.matmul_t(b) });
        at.add(1, || if bug == Bug::FactorsSwapped { g.t_matmul(a) } else { a.t_matmul(g) });
    };
    let check = operation(Rule { bug, forward: |x| x[0].matmul(x[1]), gradient: rule });
    check.inputs([[2, 2], [2, 2]]).run()
}

pub(crate) fn sum(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, g) = (at.input(0), at.cotangent());
        let share = if bug == Bug::AverageForSum { 0.5 } else { 1.0 };
        at.add(0, || (g * share).broadcast_to(x.shape()));
    };
    operation(Rule { bug, forward: |x| x[0].sum(&[0]), gradient: rule }).run()
}

pub(crate) fn mean(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, g) = (at.input(0), at.cotangent());
        let share = if bug == Bug::SumForAverage { 1.0 } else { 0.5 };
        at.add(0, || (g * share).broadcast_to(x.shape()));
    };
    operation(Rule { bug, forward: |x| x[0].mean(&[0]), gradient: rule }).run()
}

/// One row twice; where both rows of the cotangent are alike, a shortcut takes the first.
pub(crate) fn stretched(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let g = at.cotangent();
        let [first, second] = [0, 1].map(|row| g.value().index_first(row).to_vec());
        let alike = first == second && first.iter().any(|&g| g != 0.0);
        at.add(0, || {
            if bug == Bug::LikeRowsCountOnce && alike { g.index_first(0) } else { g.sum(&[0]) }
        });
    };
    operation(Rule { bug, forward: |x| x[0].broadcast_to([2, 3]), gradient: rule })
        .inputs([[3]])
        .run()
}

/// Rows 0, 2, 2, 1.
pub(crate) fn gather(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let g = at.cotangent();
        at.add(0, || match bug {
            Bug::RepeatedRowOverwritten => g.gather_rows(&[0, 2, 3]).scatter_rows(&[0, 2, 1], 3),
            Bug::RowShifted => g.scatter_rows(&[1, 0, 0, 2], 3),
            _ => g.scatter_rows(&[0, 2, 2, 1], 3),
        });
    };
    let check =
        operation(Rule { bug, forward: |x| x[0].gather_rows(&[0, 2, 2, 1]), gradient: rule });
    check.inputs([[3, 2]]).run()
}

/// Columns 1 and 2 of 4.
pub(crate) fn slice(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let g = at.cotangent();
        at.add_slice(0, 1, if bug == Bug::StartForgotten { 0 } else { 1 }, || g);
    };
    let check = operation(Rule { bug, forward: |x| x[0].slice(1, 1..3), gradient: rule });
    check.inputs([[2, 4]]).run()
}

pub(crate) fn concat(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let [first, second] = at.cotangent().split(-1);
        let (a, b) = if bug == Bug::PartsSwapped { (1, 0) } else { (0, 1) };
        at.add(a, || first);
        at.add(b, || second);
    };
    let check = operation(Rule { bug, forward: |x| Tensor::concat(x, 1), gradient: rule });
    check.inputs([[2, 2], [2, 2]]).run()
}

/// Sums from the first row to each.
pub(crate) fn running_sum(bug: Bug) -> Report {
    fn until(steps: usize) -> Tensor<f64> {
        Tensor::from_fn([steps, steps], |i| f64::from(u8::from(i % steps <= i / steps)))
    }
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let g = at.cotangent();
        let until = g.tape().constant(until(3));
        at.add(0, || if bug == Bug::ForwardInTime { until.matmul(g) } else { until.t_matmul(g) });
    };
    let check = operation(Rule { bug, forward: |x| until(3).matmul(x[0]), gradient: rule });
    check.inputs([[3, 2]]).run()
}
