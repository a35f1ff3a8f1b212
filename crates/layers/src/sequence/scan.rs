//! A recurrence as one operation.

use bptt_autodiff::Var;
use bptt_tensor::Scalar;

use super::options::RunOptions;
use super::run::run;
use crate::core::cell::Cell;

/// Runs a cell over a sequence, like [`unroll`](crate::unroll), but fast: the step is recorded once and compiled.
///
/// `xs` is time-major, `[T, B, I]`. The result is the sequence of outputs `[T, B, O]` and the state after the last
/// step. Values and gradients of any order equal those of `unroll`, up to rounding. [`Recurrence`](crate::Recurrence)
/// has options: masks, direction, the last output only, recomputation. A gradient with respect to the outputs,
/// `tape.grad(loss, [ys])`, includes only the direct dependence of the loss on them. [`Costates`](crate::Costates) are
/// the gradients with respect to the states, through all later steps.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Lstm, StateSizes, scan};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f64>::new(&mut rng, 3, 4);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([7, 2, 3]));
/// let (ys, (h, _c)) = scan(&lstm, xs, lstm.zero_state(&tape, 2));
/// assert_eq!(ys.shape(), [7, 2, 4]);
/// assert_eq!(ys.index_first(6).value(), h.value());
/// ```
///
/// # Panics
///
/// If `xs` does not have three axes; if the state has another batch; if the cell's equations panic; or if the cell
/// reads a value, for instance to branch on it. Run such a cell with [`unroll`](crate::unroll).
#[track_caller]
#[must_use]
pub fn scan<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
) -> (Var<'t, T>, C::State<'t>) {
    run(cell, xs, state, RunOptions::default())
}
