//! Tapes that add rounding errors to values.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;

type V<'t> = Var<'t, f64>;

/// The value and gradient of a function at `at`, on a tape with the errors of this seed.
fn run(seed: Option<u64>, at: &[f64], f: impl for<'t> Fn(V<'t>) -> V<'t>) -> [Vec<f64>; 2] {
    let tape = seed.map_or_else(Tape::new, Tape::perturbed);
    let x = tape.variable(Tensor::from_slice([at.len()], at));
    let y = f(x);
    let gradients = tape.backward(y.sum_all());
    [y.value().to_vec(), gradients.wrt(x).to_vec()]
}

/// The largest relative distance of several runs from the exact one, in units of one rounding.
fn farthest(at: &[f64], f: impl for<'t> Fn(V<'t>) -> V<'t> + Copy) -> f64 {
    let exact = run(None, at, f).concat();
    let far = (0..8).flat_map(|seed| {
        let perturbed = run(Some(seed), at, f).concat();
        exact.clone().into_iter().zip(perturbed).map(|(x, y)| ((x - y) / x).abs())
    });
    far.fold(0.0, f64::max) / f64::EPSILON
}

#[test]
fn errors_are_as_large_as_rounding_makes_them() {
    // one operation, with its error and that of its gradient
    let one = farthest(&[0.3, -0.7], |x| x.exp());
    assert!((0.5..4.0).contains(&one), "{one}");
    // a cancellation of six digits
    let cancelled = farthest(&[1e-6], |x| (x + 1.0) - (x * 0.5 + 1.0));
    assert!((1e5..1e8).contains(&cancelled), "{cancelled}");
}

#[test]
fn a_seed_reproduces_its_errors() {
    let [one, again, other] =
        [1, 1, 2].map(|seed| run(Some(seed), &[0.3, -0.7, 1.1], |x| (x * x).tanh().exp()));
    assert_eq!(one, again);
    assert_ne!(one, other);
}

#[test]
fn exact_operations_have_no_errors() {
    let value = |tape: Tape<f64>| {
        let x = tape.constant(Tensor::from_slice([3], &[0.3, -0.7, 0.0]));
        let row = (-x).abs().relu().maximum(0.1).reshape([3, 1]);
        let row = Var::concat(&[row, row], 1).slice(1, 0..1).permute(&[1, 0]); // [1, 3]
        Var::concat(&[row, row.gt(0.2).select(row, 0.0)], 0).max(&[0]).value()
    };
    for seed in 0..8 {
        assert_eq!(value(Tape::perturbed(seed)), value(Tape::new()));
    }
}
