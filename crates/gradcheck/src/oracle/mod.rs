//! Gradients derived by hand, in plain loops over numbers: what the tape is held against, and what a printed
//! derivation can be tested by.

mod elman;
mod lstm;
mod numbers;

pub use elman::Elman;
pub use lstm::Lstm;

use bptt_tensor::Tensor;

/// A recurrence whose gradients somebody derived.
///
/// Parameters come in the order in which the cell's module declares them, all tensors in the shapes that the
/// cell has them in. [`Check::oracle`](crate::Check::oracle) compares the two.
pub trait Oracle {
    /// The outputs `[T, B, O]` and the variables of the last state, from inputs `[T, B, I]` and those of
    /// the first.
    fn run(
        &self,
        parameters: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>>;

    /// What the cotangents of the outputs and the last state become: those of the inputs, the first state and
    /// the parameters, in this order.
    fn reverse(
        &self,
        parameters: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
        cotangents: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>>;
}
