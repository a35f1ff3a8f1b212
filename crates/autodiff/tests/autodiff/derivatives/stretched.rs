//! Cotangents that are the same along an axis, as a sum's, next to all others of one value.

use std::rc::Rc;

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::harness::{V, assert_near, check_at};

/// The uses of `y: [3, 2]` that are not summed at once, recorded in the order of their bits.
fn others<'t>(y: V<'t>, uses: usize) -> V<'t> {
    let row = y.tape().constant(Tensor::from_vec([1, 2], vec![0.7, -1.1]));
    let column = row.transpose(0, 1);
    let indices: Rc<[usize]> = Rc::new([2, 0, 2]);
    let all = [
        y.slice(0, 1..3).sin().sum_all(),
        y.slice(1, 0..1).cos().sum_all(),
        y.matmul(column).sin().sum_all(),
        row.matmul(y.transpose(0, 1)).cos().sum_all(),
        y.gather_rows(&indices).sin().sum_all(),
        (y * row).cos().sum_all(),
    ];
    let used = all.into_iter().enumerate().filter(|(i, _)| uses & (1 << i) != 0);
    used.fold(y.tape().scalar(0.0), |sum, (_, value)| sum + value)
}

/// `y` is summed over all elements, over each axis, and after functions; before or after `others`.
fn joined<'t>(y: V<'t>, uses: usize, sums_first: bool) -> V<'t> {
    let sums = |y: V<'t>| {
        let (rows, columns) = (y.sum(&[0]), y.sum_keep(&[1]));
        (-y).exp().sum_all() + (rows * rows).sum_all() + (columns.sin() * 3.0).sum_all()
            - y.sum_all()
    };
    if sums_first {
        let sums = sums(y);
        sums + others(y, uses)
    } else {
        others(y, uses) + sums(y)
    }
}

#[test]
fn sums_join_all_other_uses_of_a_value() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let at = Tensor::<f64>::uniform([3, 2], -1.0, 1.0, &mut rng);
    for uses in 0..1 << 6 {
        for sums_first in [false, true] {
            // a leaf, a function of one, and a function of that
            for depth in 0..3 {
                let tape = Tape::new();
                let x = tape.variable(at.clone());
                let y = joined((0..depth).fold(x, |y, _| y.tanh()), uses, sums_first);
                let [recorded] = tape.grad(y, [x]);
                assert_near(tape.backward(y).wrt(x), &recorded.value(), 1e-13);
            }
        }
    }
    check_at(&|x| joined(x[0].tanh(), (1 << 6) - 1, true), &[at], &mut rng);
}
