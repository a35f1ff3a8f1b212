//! Gradients derived by hand, in plain loops over numbers. The tape is tested against them, and printed derivations can
//! be tested against the tape.

mod elman;
mod lstm;
mod numbers;

pub use elman::Elman;
pub use lstm::Lstm;

use bptt_tensor::Tensor;

/// A recurrence whose gradients were derived by hand.
///
/// Parameters are in the order in which the cell's module declares them. All tensors have the shapes that they have in
/// the cell. [`Check::oracle`](crate::Check::oracle) compares the oracle with a cell.
pub trait Oracle {
    /// Returns the outputs `[T, B, O]` and the variables of the last state, for inputs `[T, B, I]` and the variables of
    /// the initial state.
    fn run(
        &self,
        parameters: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>>;

    /// Returns the cotangents of the inputs, the initial state and the parameters, in this order, for cotangents of the
    /// outputs and the last state.
    fn reverse(
        &self,
        parameters: &[Tensor<f64>],
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
        cotangents: &[Tensor<f64>],
    ) -> Vec<Tensor<f64>>;
}
