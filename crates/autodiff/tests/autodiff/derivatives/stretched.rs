//! Cotangents that are constant along an axis, such as that of a sum, added to all other kinds of
//! cotangents of one value.

use std::rc::Rc;

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::support::{V, assert_near};

/// The uses of `y: [3, 2]` that are not whole sums, recorded in the order of their bits.
fn others<'t>(y: V<'t>, uses: usize) -> V<'t> {
    let row = y.tape().constant(Tensor::from_vec([1, 2], vec![0.7, -1.1]));
    let column = row.transpose(0, 1);
    let indices: Rc<[usize]> = Rc::new([2, 0, 2]);
    let all = [
        y.slice(0, 1..3).sin().sum_all(),
        y.slice(1, 0..1).cos().sum_all(),
        y.matmul(column).sin().sum_all(),
        y.tape().constant(Tensor::ones([1, 3])).matmul(y).cos().sum_all(),
        y.gather_rows(&indices).sin().sum_all(),
        (y * row).cos().sum_all(),
    ];
    let used = all.into_iter().enumerate().filter(|(i, _)| uses & (1 << i) != 0);
    used.fold(y.tape().scalar(0.0), |sum, (_, value)| sum + value)
}

/// A loss that uses `y: [3, 2]` in its sum, in its sums over an axis and in a function, by the bits
/// of `uses`.
fn sums<'t>(y: V<'t>, uses: usize) -> V<'t> {
    let all = [
        y.sum_all(),
        y.sum(&[0]).square().sum_all(),
        y.sum_keep(&[1]).sin().sum_all(),
        (-y).exp().sum_all(),
    ];
    let used = all.into_iter().enumerate().filter(|(i, _)| uses & (1 << i) != 0);
    used.fold(y.tape().scalar(0.0), |sum, (_, value)| sum + value)
}

#[test]
fn sums_join_all_other_uses_of_a_value() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let at = Tensor::<f64>::uniform([3, 2], -1.0, 1.0, &mut rng);
    for uses in 1..1 << 10 {
        // for a leaf and for functions of a leaf; the value recorded last is differentiated first
        for (depth, sums_last) in [(0, true), (1, true), (2, true), (0, false), (1, false)] {
            let tape = Tape::new();
            let x = tape.variable(at.clone());
            let y = (0..depth).fold(x, |y, _| y.tanh());
            let loss = if sums_last {
                let others = others(y, uses);
                others + sums(y, uses >> 6)
            } else {
                let sums = sums(y, uses >> 6);
                sums + others(y, uses)
            };
            let [recorded] = tape.grad(loss, [x]);
            assert_near(tape.backward(loss).wrt(x), &recorded.value(), 1e-13);
        }
    }
}

/// Products are collected until they have many rows, and are then added to a cotangent that is not
/// broadcast yet.
#[test]
fn sums_join_products_of_many_rows() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(Tensor::from_vec([1, 2], vec![0.3, -0.2]));
    for y in [x, x.tanh()] {
        let product = |seed: u64| {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let rows = tape.constant(Tensor::uniform([700, 1], -1.0, 1.0, &mut rng));
            (rows.matmul(y) * 0.1).sin().sum_all()
        };
        // the reverse pass takes these from the last to the first
        let loss = y.slice(1, 0..1).exp().sum_all() + y.sum_all();
        let loss = loss + product(1) + y.sum_all() + product(2) + product(3) + y.sum_all();
        let [recorded] = tape.grad(loss, [x]);
        assert_near(tape.backward(loss).wrt(x), &recorded.value(), 1e-12);
    }
}
