//! Known systems, written as cells.

use bptt_autodiff::Var;
use bptt_layers::{Activation, Cell, Elman, StateSizes};
use bptt_tensor::{Scalar, Tensor};

/// The logistic map `x ← r x (1 − x)`. It reads no input.
pub(crate) struct Logistic {
    pub(crate) r: f64,
}

impl<T: Scalar> Cell<T> for Logistic {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, _: Var<'t, T>, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let x = x * (1.0 - x) * self.r;
        (x, x)
    }
}

impl StateSizes for Logistic {
    fn state_sizes(&self) -> Vec<usize> {
        vec![1]
    }
}

/// The Hénon map `(x, y) ← (1 − a x² + y, b x)` with `a = 1.4`, `b = 0.3` (Hénon 1976), in two variables.
pub(crate) struct Henon;

impl<T: Scalar> Cell<T> for Henon {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, _: Var<'t, T>, (x, y): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let next = 1.0 - x * x * 1.4 + y;
        (next, (next, x * 0.3))
    }
}

impl StateSizes for Henon {
    fn state_sizes(&self) -> Vec<usize> {
        vec![1, 1]
    }
}

/// A delay line: `s ← [x, s₀, …, s_{N−2}]`.
pub(crate) struct DelayLine {
    pub(crate) units: usize,
}

impl<T: Scalar> Cell<T> for DelayLine {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let s = Var::concat(&[x, s.slice(1, 0..self.units - 1)], 1);
        (s, s)
    }
}

impl StateSizes for DelayLine {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.units]
    }
}

/// A counter of steps, `n ← n + 1`, which rests nowhere.
pub(crate) struct Counter;

impl<T: Scalar> Cell<T> for Counter {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, _: Var<'t, T>, n: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let n = n + 1.0;
        (n, n)
    }
}

impl StateSizes for Counter {
    fn state_sizes(&self) -> Vec<usize> {
        vec![1]
    }
}

/// `s ← x √s`, whose slope at 0 is infinite.
pub(crate) struct Root;

impl<T: Scalar> Cell<T> for Root {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, s: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let s = x * s.sqrt();
        (s, s)
    }
}

impl StateSizes for Root {
    fn state_sizes(&self) -> Vec<usize> {
        vec![1]
    }
}

/// The network `h = f(x W_ih + h₋ W)` with one input of weight 0, so that it runs by itself.
pub(crate) fn autonomous(w: &Tensor<f64>, activation: Activation<f64>) -> Elman<f64> {
    let size = w.shape()[0];
    let mut elman = Elman::new(&mut bptt_layers::rng(0), 1, size).activation(activation);
    elman.w_ih.set(Tensor::zeros([1, size]));
    elman.w_hh.set(w.clone());
    elman
}

/// `scale` times the rotation by this angle.
pub(crate) fn rotation(scale: f64, angle: f64) -> Tensor<f64> {
    let (sin, cos) = angle.sin_cos();
    Tensor::from([[cos, sin], [-sin, cos]]) * scale
}

/// A matrix with these eigenvalues, whose eigenvectors are not orthogonal.
pub(crate) fn with_eigenvalues(values: &[f64]) -> Tensor<f64> {
    let size = values.len();
    let mut rng = bptt_layers::rng(7);
    let upper = Tensor::uniform([size, size], -1.0, 1.0, &mut rng);
    let triangular = Tensor::from_fn([size, size], |i| match (i / size, i % size) {
        (row, column) if row == column => values[row],
        (row, column) if row < column => upper.as_slice()[i],
        _ => 0.0,
    });
    let q = bptt_layers::Init::Orthogonal { gain: 1.0 }.tensor(&mut rng, [size, size]);
    q.matmul(&triangular).matmul_t(&q)
}

pub(crate) fn assert_close(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} within {tolerance}");
}
