//! Recurrence as one operation: what running a cell should cost.

use bptt_autodiff::{Stepper, Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::{Cell, State, Way, sequence};

/// Runs a cell over a sequence, like [`unroll`](crate::unroll), but fast: the step is recorded once
/// and replayed through time.
///
/// `xs` is time-major, `[T, B, I]`; the result is the sequence of outputs `[T, B, O]` and the state
/// after the last step. Values and gradients of any order are those of `unroll`, up to rounding.
/// [`Recurrence`](crate::Recurrence) runs it in other ways: masked, reversed, to the last output only, in less memory.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Lstm, StateSizes, scan};
/// use bptt_tensor::Tensor;
/// use rand::SeedableRng;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
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
/// If `xs` does not have three axes; if the state is of another batch; as the cell's equations do; or if the cell reads a value, as one
/// that branches on values must: run that with [`unroll`](crate::unroll).
#[track_caller]
#[must_use]
pub fn scan<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
) -> (Var<'t, T>, C::State<'t>) {
    sequence::run(cell, xs, state, Way::PLAIN)
}

/// The cell as one that is run step by step as inputs `[B, I]` arrive, from a state given by its
/// values: what [`scan`] computes, a step at a time. See [`Stepper`].
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Lstm, State, StateSizes, stepper};
/// use rand::SeedableRng;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
/// let lstm = Lstm::<f32>::new(&mut rng, 3, 4);
/// let start = lstm.zero_state(&Tape::new(), 1).values();
/// let mut online = stepper(&lstm, [1, 3], &start);
/// for x in [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]] {
///     online.step(&[&x]);
/// }
/// assert_eq!(online.output(0).len(), 4);
/// ```
///
/// # Panics
///
/// If the state has not as many variables as the cell's, or is of another batch; or as the cell's equations do.
#[track_caller]
#[must_use]
pub fn stepper<T: Scalar, C: Cell<T>>(
    cell: &C,
    [batch, features]: [usize; 2],
    state: &[Tensor<T>],
) -> Stepper<T> {
    let tape = Tape::new();
    let entry = tape.constant(Tensor::zeros([1, batch, features]));
    let state = C::State::from_values(&tape, state);
    sequence::assert_batch(entry, &state.leaves());
    tape.scan(&[entry], &state.leaves()).stepper(|x, state| {
        let (y, next) = cell.step(x[0], C::State::from_leaves(state));
        (vec![y], next.leaves())
    })
}
