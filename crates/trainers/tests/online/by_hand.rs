//! The matrices of one step of one sequence, computed by unit vectors.

use bptt_autodiff::{Tape, Tree, Var};
use bptt_layers::{Module, Stepwise};
use bptt_tensor::Tensor;

use super::support::loss;

/// `rows[i][j]`
pub(crate) type Matrix = Vec<Vec<f64>>;

/// One step from a state, and its derivatives. A state and the parameters are vectors.
pub(crate) struct Step {
    pub(crate) next: Vec<Tensor<f64>>,
    /// `J: [S, S]`
    pub(crate) jacobian: Matrix,
    /// `I: [S, P]`
    pub(crate) immediate: Matrix,
    /// `∂L/∂s_{t−1}: [S]`
    pub(crate) of_state: Vec<f64>,
    /// `∂L/∂θ: [P]` within the step
    pub(crate) direct: Vec<f64>,
}

impl Step {
    pub(crate) fn new<L: Stepwise<f64> + Module<f64>>(
        layer: &L,
        x: &Tensor<f64>,
        state: &[Tensor<f64>],
        t: usize,
    ) -> Self {
        let tape = Tape::new();
        let before: Vec<_> = state.iter().map(|leaf| tape.variable(leaf.clone())).collect();
        let parameters: Vec<_> =
            layer.parameters().into_iter().map(|(_, parameter)| tape.param(parameter)).collect();
        let start = layer.start(&tape, 1).with_leaves(&before);
        let (y, next) = layer.advance(tape.constant(x.clone()), start);
        let after = next.leaves();
        let pull = |y: Var<'_, f64>, v: Tensor<f64>, of: &[Var<'_, f64>]| -> Vec<f64> {
            let pulled = tape.vjp(&[(y, tape.constant(v))], of);
            pulled.iter().flat_map(|pulled| pulled.value().to_vec()).collect()
        };
        let (mut jacobian, mut immediate) = (Vec::new(), Vec::new());
        for leaf in &after {
            for element in 0..leaf.shape().elements() {
                let unit = Tensor::from_fn(leaf.shape(), |i| if i == element { 1.0 } else { 0.0 });
                jacobian.push(pull(*leaf, unit.clone(), &before));
                immediate.push(pull(*leaf, unit, &parameters));
            }
        }
        let loss = loss(y, t);
        let of_state = pull(loss, Tensor::ones(loss.shape()), &before);
        let direct = pull(loss, Tensor::ones(loss.shape()), &parameters);
        Self { next: next.values(), jacobian, immediate, of_state, direct }
    }
}

pub(crate) fn product(a: &Matrix, b: &Matrix) -> Matrix {
    a.iter().map(|row| vector_product(row, b)).collect()
}

/// `aᵀ B`
pub(crate) fn vector_product(a: &[f64], b: &Matrix) -> Vec<f64> {
    let mut sum = vec![0.0; b[0].len()];
    for (a, row) in a.iter().zip(b) {
        sum.iter_mut().zip(row).for_each(|(sum, b)| *sum += a * b);
    }
    sum
}
