//! Ways of running a cell over a sequence.

use bptt_autodiff::{Checkpoint, Scan, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::{Cell, State};

/// A cell to be run over a sequence, in a way other than [`scan`](crate::scan)'s plain one.
///
/// ```
/// use bptt_autodiff::{Checkpoint, Tape};
/// use bptt_layers::{Lstm, Recurrence, StateSizes};
/// use bptt_tensor::Tensor;
/// use rand::SeedableRng;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
/// let lstm = Lstm::<f64>::new(&mut rng, 3, 4);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([3, 2, 3]));
/// let mask = Tensor::from_vec([3, 2], vec![1.0, 1.0, 1.0, 0.0, 1.0, 0.0]); // lengths 3 and 1
/// let (last, _state) = Recurrence::new(&lstm)
///     .masked(&mask)
///     .checkpoint(Checkpoint::Auto)
///     .last(xs, lstm.zero_state(&tape, 2));
/// assert_eq!(last.shape(), [2, 4]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a recurrence computes nothing until it is run"]
pub struct Recurrence<'c, T, C> {
    cell: &'c C,
    mask: Option<Tensor<T>>,
    reversed: bool,
    checkpoint: Option<Checkpoint>,
}

impl<'c, T: Scalar, C: Cell<T>> Recurrence<'c, T, C> {
    /// The plain recurrence.
    pub fn new(cell: &'c C) -> Self {
        Self { cell, mask: None, reversed: false, checkpoint: None }
    }

    /// Runs from the last step to the first. Outputs keep their places in time.
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Only where `mask: [T, B]` is not zero are there inputs: sequences of different lengths, padded
    /// to the longest. Elsewhere the state stays as it was and the output is zero; what stands in the
    /// input there, NaN included, changes neither values nor gradients.
    pub fn masked(mut self, mask: &Tensor<T>) -> Self {
        self.mask = Some(mask.clone());
        self
    }

    /// Saves less for the gradient than it needs, and computes the rest again.
    ///
    /// [`run`](Self::run) and [`last`](Self::last) panic if a state is to be saved every zero steps.
    pub fn checkpoint(mut self, checkpoint: Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// The outputs `[T, B, O]` and the last state, from inputs `[T, B, I]` and the first state.
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes, or the mask is not `[T, B]`; or as the cell's equations do.
    #[track_caller]
    #[must_use]
    pub fn run<'t>(self, xs: Var<'t, T>, state: C::State<'t>) -> (Var<'t, T>, C::State<'t>) {
        let scanned = self.scan(xs, &state.leaves()).run(|x, state| {
            let (y, next) = self.step(x, state);
            (vec![y], next)
        });
        (scanned.outputs[0], C::State::from_leaves(&scanned.state))
    }

    /// Only the output of the last step, `[B, O]`, or with a mask of the last step of each sequence;
    /// and the last state. Zeros where a sequence has no step. Last is what is run last: reversed, the
    /// first in time. The cell's equations are recorded twice.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    #[must_use]
    pub fn last<'t>(self, xs: Var<'t, T>, state: C::State<'t>) -> (Var<'t, T>, C::State<'t>) {
        let mut state = state.leaves();
        let shapes = self.scan(xs, &state).output_shapes(|x, state| {
            let (y, next) = self.step(x, state);
            (vec![y], next)
        });
        // the output is part of the state, which stays where there is no input
        state.push(xs.tape().constant(Tensor::zeros(&shapes[0])));
        let mut scanned = self.scan(xs, &state).run(|x, state| {
            let (&before, state) = state.split_last().expect("the output was added");
            let (y, mut next) = self.step(x, state);
            next.push(match x {
                [_, mask] => mask.select(y, before),
                _ => y,
            });
            (vec![], next)
        });
        let last = scanned.state.pop().expect("the output was added");
        (last, C::State::from_leaves(&scanned.state))
    }

    /// How [`run`](Self::run) would run the cell, forward and in the reverse pass, as text: what leaves the
    /// loop, what is fused, or why it runs operation by operation.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_layers::{Elman, Recurrence, StateSizes};
    /// # use bptt_tensor::Tensor;
    /// # use rand::SeedableRng;
    /// # let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(0);
    /// let cell = Elman::<f32>::new(&mut rng, 2, 3);
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::zeros([5, 4, 2])); // [T, B, I]
    /// let plan = Recurrence::new(&cell).plan(xs, cell.zero_state(&tape, 4));
    /// assert!(plan.contains("each step:"), "{plan}");
    /// ```
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    #[must_use]
    pub fn plan<'t>(self, xs: Var<'t, T>, state: C::State<'t>) -> String {
        self.scan(xs, &state.leaves()).plan(|x, state| {
            let (y, next) = self.step(x, state);
            (vec![y], next)
        })
    }

    /// One step, from an input and, behind it, its mask.
    fn step<'t>(&self, x: &[Var<'t, T>], state: &[Var<'t, T>]) -> (Var<'t, T>, Vec<Var<'t, T>>) {
        let run = |x| {
            let (y, next) = self.cell.step(x, C::State::from_leaves(state));
            (y, next.leaves())
        };
        let &[x, mask] = x else { return run(x[0]) };
        // chosen before the step as well: a NaN would pass through a product with zeros
        let (y, next) = run(mask.select(x, 0.0));
        let next = next.iter().zip(state).map(|(&next, &state)| mask.select(next, state)).collect();
        (mask.select(y, 0.0), next)
    }

    #[track_caller]
    fn scan<'t>(&self, xs: Var<'t, T>, state: &[Var<'t, T>]) -> Scan<'t, T> {
        let shape = xs.shape();
        let &[steps, batch, _] = &shape[..] else {
            panic!("a sequence is [T, B, I], not {shape}; reshape it");
        };
        let mut sequences = vec![xs];
        if let Some(mask) = &self.mask {
            assert!(
                *mask.shape() == [steps, batch],
                "masked: inputs of shape {shape} need a mask [{steps}, {batch}], not {}",
                mask.shape()
            );
            sequences.push(xs.tape().constant(mask.reshape([steps, batch, 1])));
        }
        let mut scan = xs.tape().scan(&sequences, state);
        if self.reversed {
            scan = scan.reversed();
        }
        match self.checkpoint {
            Some(checkpoint) => scan.checkpoint(checkpoint),
            None => scan,
        }
    }
}
