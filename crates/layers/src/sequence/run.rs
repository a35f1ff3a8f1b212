//! Cells, run over a sequence.

use bptt_autodiff::{Operand, Scan, Var};
use bptt_tensor::{Scalar, Shape, Tensor};

use super::options::RunOptions;
use super::shape::assert_batch;
use crate::core::cell::Cell;
use crate::core::state::State;

/// The outputs and the last state.
#[track_caller]
pub(crate) fn run<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    options: RunOptions<'_, T>,
) -> (Var<'t, T>, C::State<'t>) {
    let steps = Steps::new(xs, &state.leaves(), options);
    let scanned = steps.scan(&state.leaves(), options).run(|entries, state| {
        let (y, next) = steps.step(cell, steps.entry(entries), state);
        let kept = options.states.map_or_else(Vec::new, |_| next.clone());
        ([vec![y], kept].concat(), next)
    });
    if let Some(states) = options.states {
        states.borrow_mut().extend(scanned.outputs[1..].iter().map(|kept| kept.value()));
    }
    (scanned.outputs[0], State::from_leaves(&scanned.state))
}

/// The last output and the last state. The output is carried along with the state rather than kept at
/// every step; for its shape, the equations are recorded twice.
#[track_caller]
pub(crate) fn last<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    options: RunOptions<'_, T>,
) -> (Var<'t, T>, C::State<'t>) {
    let mut state = state.leaves();
    let steps = Steps::new(xs, &state, options);
    let shapes = steps.scan(&state, options).output_shapes(|entries, state| {
        let (y, next) = steps.step(cell, steps.entry(entries), state);
        (vec![y], next)
    });
    // the output is part of the state, which stays where there is no input
    state.push(xs.tape().constant(Tensor::zeros(&shapes[0])));
    let mut scanned = steps.scan(&state, options).run(|entries, state| {
        let (&before, state) = state.split_last().expect("the output was added");
        let entry = steps.entry(entries);
        let mask = entry.mask;
        let (y, mut next) = steps.step(cell, entry, state);
        next.push(match mask {
            Some(mask) => choose(mask, y, before),
            None => y,
        });
        (vec![], next)
    });
    let last = scanned.state.pop().expect("the output was added");
    (last, State::from_leaves(&scanned.state))
}

/// How [`run`] would run the cell, as text.
#[track_caller]
pub(crate) fn plan<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    options: RunOptions<'_, T>,
) -> String {
    let steps = Steps::new(xs, &state.leaves(), options);
    steps.scan(&state.leaves(), options).plan(|entries, state| {
        let (y, next) = steps.step(cell, steps.entry(entries), state);
        (vec![y], next)
    })
}

/// The sequences that the steps of a run read.
struct Steps<'t, T> {
    xs: Var<'t, T>,
    /// 1 where a sequence has a step, else 0: `[T, B, 1]`.
    mask: Option<Var<'t, T>>,
    resets: Option<Resets<'t, T>>,
    /// What is added to each variable of the state after a step, `[T, B, ..]`. Empty, unless costates are wanted.
    added: Vec<Var<'t, T>>,
}

/// Where the state starts anew, and from what.
struct Resets<'t, T> {
    /// 0 where the state starts anew before the step is run, else 1: `[T, B, 1]`.
    goes_on: Var<'t, T>,
    /// For each variable of the state.
    starts: Vec<Var<'t, T>>,
}

/// The values that one step reads.
struct Entry<'t, T> {
    x: Var<'t, T>,
    mask: Option<Var<'t, T>>,
    goes_on: Option<Var<'t, T>>,
    added: Vec<Var<'t, T>>,
}

impl<'t, T: Scalar> Steps<'t, T> {
    #[track_caller]
    fn new(xs: Var<'t, T>, state: &[Var<'t, T>], options: RunOptions<'_, T>) -> Self {
        assert_batch(xs, state);
        let chooses = options.mask.is_some() || options.resets.is_some();
        assert!(
            !chooses || state.iter().all(|leaf| !leaf.shape().is_empty()),
            "a state without axes is shared by the batch, so it cannot stay or start anew for some sequences \
             alone; make it [B, 1], or use no mask, lengths or resets"
        );
        let tape = xs.tape();
        let goes_on = options.goes_on(xs).map(|goes_on| tape.constant(goes_on));
        Self {
            xs,
            mask: options.mask_of(xs).map(|mask| tape.constant(mask)),
            resets: goes_on
                .map(|goes_on| Resets { goes_on, starts: options.starts(tape, state.len()) }),
            added: options.costates.map_or_else(Vec::new, |costates| costates.add_to(state, xs)),
        }
    }

    /// The scan over all sequences that the steps read.
    #[track_caller]
    fn scan(&self, state: &[Var<'t, T>], options: RunOptions<'_, T>) -> Scan<'t, T> {
        let goes_on = self.resets.as_ref().map(|resets| resets.goes_on);
        let sequences = [self.xs].into_iter().chain(self.mask).chain(goes_on);
        let sequences: Vec<_> = sequences.chain(self.added.iter().copied()).collect();
        let mut scan = self.xs.tape().scan(&sequences, state);
        if options.reversed {
            scan = scan.reversed();
        }
        match options.recompute {
            Some(recompute) => scan.recompute(recompute),
            None => scan,
        }
    }

    /// The entries of the sequences of [`scan`](Self::scan), each in its place.
    fn entry(&self, entries: &[Var<'t, T>]) -> Entry<'t, T> {
        let mut entries = entries.iter().copied();
        let mut next = || entries.next().expect("an entry of each sequence");
        Entry {
            x: next(),
            mask: self.mask.map(|_| next()),
            goes_on: self.resets.as_ref().map(|_| next()),
            added: entries.collect(),
        }
    }

    #[track_caller]
    fn step<C: Cell<T>>(
        &self,
        cell: &C,
        Entry { x, mask, goes_on, added }: Entry<'t, T>,
        state: &[Var<'t, T>],
    ) -> (Var<'t, T>, Vec<Var<'t, T>>) {
        let starts = self.resets.iter().flat_map(|resets| &resets.starts);
        let state: Vec<_> = match goes_on {
            None => state.to_vec(),
            Some(goes_on) => {
                let pairs = state.iter().zip(starts);
                pairs.map(|(&state, &start)| choose(goes_on, state, start)).collect()
            }
        };
        // selected before the step as well: a NaN would pass through a product with zeros
        let x = match mask {
            Some(mask) => mask.select(x, 0.0),
            None => x,
        };
        let (y, next) = cell.step(x, State::from_leaves(&state));
        let mut next = next.leaves();
        // an output that is a variable of the state remains that variable
        let output = next.iter().position(|leaf| y.is(*leaf));
        if let Some(mask) = mask {
            let pairs = next.iter_mut().zip(&state);
            pairs.for_each(|(next, &state)| *next = choose(mask, *next, state));
        }
        next.iter_mut().zip(added).for_each(|(next, added)| *next = *next + added);
        let y = match (output, self.added.is_empty()) {
            (Some(leaf), false) => next[leaf],
            _ => y,
        };
        let y = match mask {
            Some(mask) => choose(mask, y, 0.0),
            None => y,
        };
        (y, next)
    }
}

/// Of a mask `[B, 1]` and values `[B, ..]`: `there` where the mask is not zero, `else_` where it is.
#[track_caller]
fn choose<'t, T: Scalar>(
    mask: Var<'t, T>,
    there: Var<'t, T>,
    else_: impl Operand<'t, T>,
) -> Var<'t, T> {
    let (batch, axes) = (mask.shape()[0], there.shape().len());
    // axes are counted from the last, but the batch is the first
    let mask = match axes {
        2 => mask,
        _ => {
            let extent = |axis| if axis == 0 { batch } else { 1 };
            mask.reshape((0..axes).map(extent).collect::<Shape>())
        }
    };
    mask.select(there, else_)
}
