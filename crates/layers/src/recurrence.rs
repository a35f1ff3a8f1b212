//! Ways of running a layer over a sequence.

use std::cell::RefCell;

use bptt_autodiff::{Checkpoint, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use crate::way::{DropoutOf, Mask};
use crate::{Cell, Dropout, Layer, Way, sequence};

/// A layer to be run over a sequence, in a way other than [`scan`](crate::scan)'s plain one.
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
/// let (last, _state) = Recurrence::new(&lstm)
///     .lengths(&[3, 1])
///     .checkpoint(Checkpoint::Auto)
///     .last(xs, lstm.zero_state(&tape, 2));
/// assert_eq!(last.shape(), [2, 4]);
/// ```
#[derive(Debug)]
#[must_use = "a recurrence computes nothing until it is run"]
pub struct Recurrence<'r, T, L> {
    layer: &'r L,
    mask: Option<Mask<T>>,
    reversed: bool,
    checkpoint: Option<Checkpoint>,
    noise: Option<DropoutOf<'r>>,
}

impl<'r, T: Scalar, L: Layer<T>> Recurrence<'r, T, L> {
    /// The plain recurrence.
    pub fn new(layer: &'r L) -> Self {
        Self { layer, mask: None, reversed: false, checkpoint: None, noise: None }
    }

    /// Runs from the last step to the first. Outputs keep their places in time. In a layer of two
    /// directions, both turn.
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Only where `mask: [T, B]` is not zero are there inputs. Elsewhere the state stays as it was and the
    /// output is zero; what stands in the input there, NaN included, changes neither values nor
    /// gradients.
    pub fn masked(mut self, mask: &Tensor<T>) -> Self {
        self.mask = Some(Mask::Steps(mask.clone()));
        self
    }

    /// Sequences of these lengths, padded to the longest: a [mask](Self::masked) of their first steps. The
    /// last state is that at each sequence's own end; reversed, a sequence is read from its own end.
    pub fn lengths(mut self, lengths: &[usize]) -> Self {
        self.mask = Some(Mask::Lengths(lengths.to_vec()));
        self
    }

    /// Saves less for the gradient than it needs, and computes the rest again.
    ///
    /// [`run`](Self::run) and [`last`](Self::last) panic if a state is to be saved every zero steps.
    pub fn checkpoint(mut self, checkpoint: Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// With dropout of what one layer of a [`Stack`](crate::Stack) hands to the next, as in training.
    pub fn dropout(mut self, dropout: Dropout, rng: &'r mut impl Rng) -> Self {
        self.noise = Some(DropoutOf { dropout, rng: RefCell::new(rng) });
        self
    }

    /// The outputs `[T, B, O]` and the last state, from inputs `[T, B, I]` and the first state.
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes, or a mask or lengths do not suit it; or as the equations do.
    #[track_caller]
    #[must_use]
    pub fn run<'t>(self, xs: Var<'t, T>, state: L::State<'t>) -> (Var<'t, T>, L::State<'t>) {
        self.layer.run(xs, state, self.way())
    }

    /// Only the output of the last step, `[B, O]`, or with a mask of the last step of each sequence;
    /// and the last state. Zeros where a sequence has no step. Last is what is run last: reversed, the
    /// first in time. A cell's equations are recorded twice.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    #[must_use]
    pub fn last<'t>(self, xs: Var<'t, T>, state: L::State<'t>) -> (Var<'t, T>, L::State<'t>) {
        self.layer.last(xs, state, self.way())
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
    pub fn plan<'t>(self, xs: Var<'t, T>, state: <L as Cell<T>>::State<'t>) -> String
    where
        L: Cell<T>,
    {
        sequence::plan(self.layer, xs, state, self.way())
    }

    fn way(&self) -> Way<'_, T> {
        let Self { mask, reversed, checkpoint, noise, .. } = self;
        Way {
            mask: mask.as_ref(),
            reversed: *reversed,
            checkpoint: *checkpoint,
            noise: noise.as_ref().map(|noise| noise as _),
        }
    }
}
