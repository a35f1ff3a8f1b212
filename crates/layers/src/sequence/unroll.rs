//! A recurrence as a loop on the tape: the specification of every other way to run a cell.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use super::shape::assert_batch;
use crate::core::cell::Cell;

/// Runs a cell over a sequence, step by step: `(y_t, s_t) = cell(x_t, s_{t−1})`.
///
/// `xs` is time-major, `[T, B, I]`. The result is the sequence of outputs `[T, B, O]` and the state after the last
/// step. Every step is recorded, so the reverse pass over the tape is back-propagation through time.
///
/// With `T = 0` the outputs are `[0, B, O]` and the state is the initial one.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Lstm, StateSizes, unroll};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f64>::new(&mut rng, 3, 4);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([7, 2, 3]));
/// let (ys, (h, _c)) = unroll(&lstm, xs, lstm.zero_state(&tape, 2));
/// assert_eq!(ys.shape(), [7, 2, 4]);
/// assert_eq!(ys.index_first(6).value(), h.value());
/// ```
///
/// # Panics
///
/// If `xs` does not have three axes, if the state has another batch, or if the cell's equations panic.
#[track_caller]
#[must_use]
pub fn unroll<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
) -> (Var<'t, T>, C::State<'t>) {
    let shape = xs.shape();
    let &[steps, batch, features] = &shape[..] else {
        panic!("unroll: a sequence is [T, B, I], not {shape}; reshape it");
    };
    assert_batch(xs, &state);
    let tape = xs.tape();
    let _outer_step = RestoreStep(tape, tape.set_step(Some(0)));
    if steps == 0 {
        // one step on zeros gives the shape of the outputs
        let zeros = tape.constant(Tensor::zeros([batch, features]));
        let ((y, _), _) = tape.probed_step(|| cell.step(zeros, state.clone()));
        let outputs = std::iter::once(0).chain(y.shape().iter().copied()).collect::<Vec<_>>();
        return (tape.constant(Tensor::zeros(outputs)), state);
    }
    let mut state = state;
    let (mut ys, mut probed) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
    for t in 0..steps {
        tape.set_step(Some(t));
        let ((y, next), named) = tape.probed_step(|| cell.step(xs.index_first(t), state));
        ys.push(y);
        probed.push(named);
        state = next;
    }
    name(tape, &probed);
    (Var::stack(&ys, 0), state)
}

/// Names the values that steps named, stacked over time.
#[track_caller]
fn name<'t, T: Scalar>(tape: &'t Tape<T>, steps: &[Vec<(String, Var<'t, T>)>]) {
    for (place, (name, _)) in steps[0].iter().enumerate() {
        let values: Vec<_> = steps.iter().map(|named| named[place].1).collect();
        tape.name(name, Var::stack(&values, 0));
    }
}

/// Restores the tape's time step at the end of a loop over time, even if a step panics.
struct RestoreStep<'t, T: Scalar>(&'t Tape<T>, Option<usize>);

impl<T: Scalar> Drop for RestoreStep<'_, T> {
    fn drop(&mut self) {
        self.0.set_step(self.1);
    }
}
