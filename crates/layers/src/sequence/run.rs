//! Runs of a cell over a sequence, as a scan.

use bptt_autodiff::{Operand, Scan, Tree, Var};
use bptt_tensor::{Scalar, Shape, Tensor};

use super::options::RunOptions;
use super::shape::assert_batch;
use crate::core::cell::Cell;

/// Returns the outputs of a cell and the last state.
#[track_caller]
#[inline(never)]
pub(crate) fn run<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    options: RunOptions<'_, T>,
) -> (Var<'t, T>, C::State<'t>) {
    if options.last_only {
        return last(cell, xs, state, options);
    }
    let steps = Steps::new(xs, &state, options);
    let scanned = steps.scan(state, options).run(|entry, state| {
        let (y, next) = steps.step(cell, entry, state);
        ((y, options.states.map(|_| next.clone())), next)
    });
    let (ys, kept) = scanned.outputs;
    if let (Some(states), Some(kept)) = (options.states, kept) {
        states.borrow_mut().extend(kept.leaves().into_iter().map(Var::value));
    }
    (ys, scanned.state)
}

/// Returns the last output and the last state. The output is carried in the state, so that the outputs of earlier steps
/// need no memory. The equations are recorded twice, the first time for the shape of the output.
#[track_caller]
fn last<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    options: RunOptions<'_, T>,
) -> (Var<'t, T>, C::State<'t>) {
    let steps = Steps::new(xs, &state, options);
    let shapes = steps
        .scan(state.clone(), options)
        .output_shapes(|entry, state| steps.step(cell, entry, state));
    // the output is carried in the state, which stays at steps without an input
    let before = xs.tape().constant(Tensor::zeros(&shapes[0]));
    let scanned = steps.scan((state, before), options).run(|entry, (state, before)| {
        let (_, mask, ..) = entry;
        let (y, next) = steps.step(cell, entry, state);
        let y = match mask {
            Some(mask) => choose(mask, y, before),
            None => y,
        };
        ((), (next, y))
    });
    let (state, last) = scanned.state;
    (last, state)
}

/// Returns a description of how [`run`] would run the cell.
#[track_caller]
pub(crate) fn plan<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    options: RunOptions<'_, T>,
) -> String {
    let steps = Steps::new(xs, &state, options);
    steps.scan(state, options).plan(|entry, state| steps.step(cell, entry, state))
}

/// The operands of the steps of a run.
struct Steps<'t, T, S> {
    sequences: Sequences<'t, T, S>,
    /// The values from which the variables of the state start anew, in a run with resets.
    starts: Option<S>,
}

/// The sequences that the steps read, or the entries of one step. All but the first may be absent.
///
/// 1. The inputs `[T, B, I]`.
/// 2. The mask `[T, B, 1]`: 1 where a sequence has a step, else 0.
/// 3. The resets `[T, B, 1]`: 0 where the state starts anew before the step, else 1.
/// 4. The zeros of costates `[T, B, ..]`, which are added to each variable of the state after a step.
type Sequences<'t, T, S> = (Var<'t, T>, Option<Var<'t, T>>, Option<Var<'t, T>>, Option<S>);

impl<'t, T: Scalar, S: Tree<'t, T>> Steps<'t, T, S> {
    #[track_caller]
    #[inline(never)]
    fn new(xs: Var<'t, T>, state: &S, options: RunOptions<'_, T>) -> Self {
        assert_batch(xs, state);
        let (tape, leaves) = (xs.tape(), state.leaves());
        let chooses = options.mask.is_some() || options.resets.is_some();
        assert!(
            !chooses || leaves.iter().all(|leaf| !leaf.shape().is_empty()),
            "a state without axes is shared by the batch, so it cannot stay or start anew for some sequences \
             alone; make it [B, 1], or use no mask, lengths or resets"
        );
        let mask = options.mask_of(xs).map(|mask| tape.constant(mask));
        let goes_on = options.goes_on(xs).map(|goes_on| tape.constant(goes_on));
        let starts = goes_on.map(|_| state.with_leaves(&options.starts(tape, leaves.len())));
        let added =
            options.costates.map(|costates| state.with_leaves(&costates.add_to(&leaves, xs)));
        Self { sequences: (xs, mask, goes_on, added), starts }
    }

    /// Returns the scan over all sequences that the steps read.
    #[track_caller]
    fn scan<R: Tree<'t, T>>(
        &self,
        state: R,
        options: RunOptions<'_, T>,
    ) -> Scan<'t, T, Sequences<'t, T, S>, R> {
        let xs = self.sequences.0;
        let mut scan = xs.tape().scan(self.sequences.clone(), state);
        if options.reversed {
            scan = scan.reversed();
        }
        if options.is_windowed {
            scan = scan.windowed();
        }
        match options.recompute {
            Some(recompute) => scan.recompute(recompute),
            None => scan,
        }
    }

    #[track_caller]
    fn step<C: Cell<T, State<'t> = S>>(
        &self,
        cell: &C,
        (x, mask, goes_on, added): Sequences<'t, T, S>,
        state: S,
    ) -> (Var<'t, T>, S) {
        let state = match (goes_on, &self.starts) {
            (Some(goes_on), Some(starts)) => {
                zipped(&state, starts, |state, start| choose(goes_on, state, start))
            }
            _ => state,
        };
        // the input is selected before the step as well: a NaN would pass through a product with zeros
        let x = match mask {
            Some(mask) => mask.select(x, 0.0),
            None => x,
        };
        let (y, mut next) = cell.step(x, state.clone());
        // an output that is a variable of the state remains that variable
        let output = next.leaves().iter().position(|leaf| y.is(*leaf));
        if let Some(mask) = mask {
            next = zipped(&next, &state, |next, state| choose(mask, next, state));
        }
        let mut y = y;
        if let Some(added) = added {
            next = zipped(&next, &added, |next, added| next + added);
            y = output.map_or(y, |leaf| next.leaves()[leaf]);
        }
        let y = match mask {
            Some(mask) => choose(mask, y, 0.0),
            None => y,
        };
        (y, next)
    }
}

/// Returns the state whose leaves `combine` computes from the leaves of two states.
fn zipped<'t, T: Scalar, S: Tree<'t, T>>(
    left: &S,
    right: &S,
    combine: impl Fn(Var<'t, T>, Var<'t, T>) -> Var<'t, T>,
) -> S {
    let pairs = left.leaves().into_iter().zip(right.leaves());
    left.with_leaves(&pairs.map(|(left, right)| combine(left, right)).collect::<Vec<_>>())
}

/// Returns `there` where the mask `[B, 1]` is not zero, and `else_` where it is. The values are `[B, ..]`.
#[track_caller]
#[inline(never)]
fn choose<'t, T: Scalar>(
    mask: Var<'t, T>,
    there: Var<'t, T>,
    else_: impl Operand<'t, T>,
) -> Var<'t, T> {
    let (batch, axes) = (mask.shape()[0], there.shape().len());
    // broadcasting aligns the last axes, but the batch is the first axis
    let mask = match axes {
        2 => mask,
        _ => {
            let extent = |axis| if axis == 0 { batch } else { 1 };
            mask.reshape((0..axes).map(extent).collect::<Shape>())
        }
    };
    mask.select(there, else_)
}
