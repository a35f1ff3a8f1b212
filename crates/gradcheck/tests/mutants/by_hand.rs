//! Back-propagation through time, derived by hand for a whole sequence: where texts go wrong.
//!
//! ```text
//! h_t = tanh(x_t W_ih + h_{t−1} W_hh + b),  o_t = σ(h_t W_ho)
//! ```

use bptt_autodiff::{Pullback, Var};
use bptt_gradcheck::{Report, operation};
use bptt_tensor::Tensor;

use crate::rule::{Rule, V};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    SlopeBehindWeight,
    FirstStateSkipped,
    AveragedOverTime,
    NoSlope,
    StateForStateBefore,
    OutputSlopeInside,
    RecurrenceForgotten,
    LastStepAlone,
    LossOfLastStepAlone,
}

pub(crate) fn sequence(bug: Bug) -> Report {
    let shapes = [&[3, 1, 1][..], &[1, 2], &[1, 2], &[2, 2], &[2], &[2, 1]];
    operation(Rule { bug, forward, gradient }).inputs(shapes).run()
}

/// `o` and `h` side by side, `[T, B, O + H]`
fn forward(at: &[&Tensor<f64>]) -> Tensor<f64> {
    let &[xs, h0, w_ih, w_hh, b, w_ho] = at else { panic!("xs, h₀, W_ih, W_hh, b, W_ho") };
    let mut h = h0.clone();
    let step = |t| {
        h = (xs.index_first(t).matmul(w_ih) + h.matmul(w_hh) + b).tanh();
        Tensor::concat(&[&h.matmul(w_ho).sigmoid(), &h], 1)
    };
    let steps: Vec<_> = (0..xs.shape()[0]).map(step).collect();
    Tensor::stack(&steps.iter().collect::<Vec<_>>(), 0)
}

/// The sums over time, and what reaches the state at the beginning.
struct Sums<'t> {
    xs: Vec<V<'t>>,
    h: V<'t>,
    w_ih: V<'t>,
    w_hh: V<'t>,
    b: V<'t>,
    w_ho: V<'t>,
}

fn gradient(bug: Bug, at: &mut Pullback<'_, '_, f64>) {
    let Sums { mut xs, h, w_ih, w_hh, b, w_ho } = sums(bug, at);
    xs.reverse();
    at.add(0, || Var::stack(&xs, 0));
    at.add(1, || h);
    let share = if bug == Bug::AveragedOverTime { 1.0 / xs.len() as f64 } else { 1.0 };
    for (i, sum) in [w_ih, w_hh, b, w_ho].into_iter().enumerate() {
        at.add(2 + i, || sum * share);
    }
}

fn sums<'t>(bug: Bug, at: &Pullback<'_, 't, f64>) -> Sums<'t> {
    let [xs, h0, w_ih, w_hh, b, w_ho] = [0, 1, 2, 3, 4, 5].map(|i| at.input(i));
    let (outputs, steps) = (w_ho.shape()[1], xs.shape()[0]);
    let parts = |of: V<'t>, t: usize| {
        let row = of.index_first(t);
        let width = row.shape()[1];
        (row.slice(1, 0..outputs), row.slice(1, outputs..width))
    };
    let mut sums = Sums {
        xs: vec![],
        h: h0 * 0.0,
        w_ih: w_ih * 0.0,
        w_hh: w_hh * 0.0,
        b: b * 0.0,
        w_ho: w_ho * 0.0,
    };
    for t in (0..steps).rev() {
        let (o, h) = parts(at.output(), t);
        let (mut of_o, mut of_h) = parts(at.cotangent(), t);
        if bug == Bug::LossOfLastStepAlone && t + 1 < steps {
            (of_o, of_h) = (of_o * 0.0, of_h * 0.0);
        }
        let (x, before) =
            (xs.index_first(t), if t == 0 { h0 } else { parts(at.output(), t - 1).1 });
        let of_o = of_o * o * (1.0 - o);
        let of_h = of_h + of_o.matmul_t(w_ho) + sums.h;
        let slope = if bug == Bug::OutputSlopeInside { h * (1.0 - h) } else { 1.0 - h * h };
        let of_z = of_h * slope;
        if bug == Bug::LastStepAlone {
            sums =
                Sums { w_ih: w_ih * 0.0, w_hh: w_hh * 0.0, b: b * 0.0, w_ho: w_ho * 0.0, ..sums };
        }
        sums.xs.push(of_z.matmul_t(w_ih));
        sums.w_ih = sums.w_ih + x.t_matmul(of_z);
        sums.b = sums.b + of_z.sum(&[0]);
        sums.w_ho = sums.w_ho + h.t_matmul(of_o);
        if !(bug == Bug::FirstStateSkipped && t == 0) {
            let state = if bug == Bug::StateForStateBefore { h } else { before };
            sums.w_hh = sums.w_hh + state.t_matmul(of_z);
        }
        sums.h = match bug {
            Bug::SlopeBehindWeight => of_h.matmul_t(w_hh) * slope,
            Bug::NoSlope => of_h.matmul_t(w_hh),
            Bug::RecurrenceForgotten => h0 * 0.0,
            Bug::FirstStateSkipped if t == 0 => h0 * 0.0,
            _ => of_z.matmul_t(w_hh),
        };
    }
    sums
}
