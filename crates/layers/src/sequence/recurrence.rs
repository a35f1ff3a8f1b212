//! Runs of a layer over a sequence, with options.

use bptt_autodiff::{Recompute, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::costates::Costates;
use super::layer::Layer;
use super::mask::Mask;
use super::options::RunOptions;
use super::run::plan;
use super::shape::sequence_shape;
use super::shared_rng::SharedRng;
use super::stepwise::Stepwise;
use super::truncation::Truncation;
use crate::core::cell::Cell;

/// A run of a layer over a sequence, with options: lengths, direction, recomputation, resets, truncation, noise.
///
/// ```
/// use bptt_autodiff::{Recompute, Tape};
/// use bptt_layers::{Lstm, Recurrence, StateSizes};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f64>::new(&mut rng, 3, 4);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([3, 2, 3]));
/// let (last, _state) = Recurrence::new(&lstm)
///     .lengths(&[3, 1])
///     .recompute(Recompute::Auto)
///     .last(xs, lstm.zero_state(&tape, 2));
/// assert_eq!(last.shape(), [2, 4]);
/// ```
#[derive(Debug)]
#[must_use = "a recurrence computes nothing until it is run"]
pub struct Recurrence<'r, T, L> {
    layer: &'r L,
    mask: Option<Mask<T>>,
    reversed: bool,
    recompute: Option<Recompute>,
    resets: Option<Tensor<T>>,
    costates: Option<&'r Costates<T>>,
    truncation: Option<Truncation>,
    batch_first: bool,
    windowed: bool,
    rng: Option<SharedRng<'r>>,
}

impl<'r, T: Scalar, L: Layer<T>> Recurrence<'r, T, L> {
    /// Creates a run without options.
    pub fn new(layer: &'r L) -> Self {
        Self {
            layer,
            mask: None,
            reversed: false,
            recompute: None,
            resets: None,
            costates: None,
            truncation: None,
            batch_first: false,
            windowed: false,
            rng: None,
        }
    }

    /// Runs from the last step to the first. Outputs keep their places in time. In a bidirectional layer, both
    /// directions are reversed.
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Masks the inputs: a sequence has a step only where `mask: [T, B]` is not zero. Elsewhere the state stays and the
    /// output is zero. A masked input, NaN included, influences neither values nor gradients.
    ///
    /// # Panics
    ///
    /// If there are lengths or a mask already.
    #[track_caller]
    pub fn masked(self, mask: &Tensor<T>) -> Self {
        self.present(Mask::Steps(mask.clone()))
    }

    /// Sets the lengths of sequences that are padded to the longest: a [mask](Self::masked) of their first steps. The
    /// last state is the state at each sequence's own end. A reversed run begins at each sequence's own end.
    ///
    /// # Panics
    ///
    /// If there are lengths or a mask already.
    #[track_caller]
    pub fn lengths(self, lengths: &[usize]) -> Self {
        self.present(Mask::Lengths(lengths.to_vec()))
    }

    #[track_caller]
    fn present(mut self, mask: Mask<T>) -> Self {
        let before = self.mask.replace(mask);
        assert!(
            before.is_none(),
            "a recurrence takes one mask or lengths: combine them into one mask"
        );
        self
    }

    /// Starts a new sequence before each step where `resets: [T, B]` is not zero, such as the next episode of an
    /// environment. The state starts anew from zeros, or from a [learned start](crate::LearnedStart). Steps before a
    /// reset do not influence steps after it.
    ///
    /// The result equals that of separate runs over the pieces, in both directions of time: a layer that reads
    /// backward starts anew after the end of each piece. The given state is the initial state of the first piece,
    /// unless that piece is reset, too. The last state is that of the last piece. A reset at a step that a mask or
    /// lengths leave out has no effect. The noise of [`VariationalDropout`](crate::VariationalDropout) is the same in
    /// all pieces.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_layers::{Elman, Layer, Recurrence};
    /// # use bptt_tensor::Tensor;
    /// # let mut rng = bptt_layers::rng(0);
    /// let layer = Elman::<f64>::new(&mut rng, 3, 4);
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::ones([5, 1, 3]));
    /// let resets = Tensor::from_vec([5, 1], vec![0.0, 0.0, 0.0, 1.0, 0.0]);
    /// let (ys, _) = Recurrence::new(&layer).resets(&resets).run(xs, layer.start(&tape, 1));
    /// assert_eq!(ys.index_first(3).value(), ys.index_first(0).value());
    /// ```
    ///
    /// [`run`](Self::run) and [`last`](Self::last) panic if the mask does not suit the inputs.
    pub fn resets(mut self, resets: &Tensor<T>) -> Self {
        self.resets = Some(resets.clone());
        self
    }

    /// Computes the gradients with respect to the state after each step as well; see [`Costates`].
    pub fn costates(mut self, costates: &'r Costates<T>) -> Self {
        self.costates = Some(costates);
        self
    }

    /// Truncates the gradients; see [`Truncation`]. The values, noise included, equal those of the untruncated run: a
    /// step has the same noise in all windows.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_layers::{Dropout, Layer, Lstm, Recurrence, Stack, Truncation};
    /// # use bptt_tensor::Tensor;
    /// # let mut rng = bptt_layers::rng(0);
    /// let layers = vec![Lstm::<f64>::new(&mut rng, 3, 4), Lstm::new(&mut rng, 4, 4)];
    /// let stack = Stack::new(layers).dropout(Dropout::new(0.2));
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::ones([20, 2, 3]));
    /// let (ys, _) = Recurrence::new(&stack)
    ///     .lengths(&[20, 13])
    ///     .training(&mut rng)
    ///     .truncated(Truncation::new(5, 10))
    ///     .run(xs, stack.start(&tape, 2));
    /// assert_eq!(ys.shape(), [20, 2, 4]);
    /// ```
    ///
    /// [`run`](Self::run) and [`last`](Self::last) panic if the run is also reversed or has costates.
    pub fn truncated(mut self, truncation: Truncation) -> Self
    where
        L: Stepwise<T>,
    {
        self.truncation = Some(truncation);
        self
    }

    /// Reads `[B, T, I]` and returns `[B, T, O]`, by two transpositions. States remain `[B, ..]` and masks `[T, B]`.
    pub fn batch_first(mut self) -> Self {
        self.batch_first = true;
        self
    }

    /// Declares that the sequences of the batch are windows of longer ones. A step then has no number: a cell that reads
    /// it, or a longer sequence of its own, panics; see [`Scan::windowed`](bptt_autodiff::Scan::windowed).
    pub fn windowed(mut self) -> Self {
        self.windowed = true;
        self
    }

    /// Adds the noise of training, such as the dropout between the layers of a [`Stack`](crate::Stack),
    /// [`Zoneout`](crate::Zoneout) and [`VariationalDropout`](crate::VariationalDropout). Without this option, layers
    /// run as in evaluation.
    pub fn training(mut self, rng: &'r mut impl Rng) -> Self {
        self.rng = Some(SharedRng::new(rng));
        self
    }

    /// Saves states in place of residuals, which the reverse pass recomputes.
    ///
    /// [`run`](Self::run) and [`last`](Self::last) panic if a state is to be saved every zero steps.
    pub fn recompute(mut self, recompute: Recompute) -> Self {
        self.recompute = Some(recompute);
        self
    }

    /// Returns the outputs `[T, B, O]` and the last state, from inputs `[T, B, I]` and the first state. A gradient with
    /// respect to the outputs includes only the direct dependence of the loss on them. [`costates`](Self::costates)
    /// include the paths through later steps of the run.
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes, if a mask, lengths or the state do not have its extents, or if the equations
    /// panic.
    #[track_caller]
    #[must_use]
    pub fn run<'t>(self, xs: Var<'t, T>, state: L::State<'t>) -> (Var<'t, T>, L::State<'t>) {
        let (xs, options) = (self.reordered(xs), self.options());
        let (ys, state) = match self.truncation {
            Some(truncation) => truncation.run_in(options, self.layer, xs, state),
            None => self.layer.run(xs, state, options),
        };
        (self.reordered(ys), state)
    }

    /// Returns only the output of the last step of each sequence, `[B, O]`, and the last state. The output is zero for
    /// a sequence without steps. The last step is the one that is run last: the first in time if the run is reversed. A
    /// cell's equations are recorded twice.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    #[must_use]
    pub fn last<'t>(self, xs: Var<'t, T>, state: L::State<'t>) -> (Var<'t, T>, L::State<'t>) {
        let (xs, options) = (self.reordered(xs), self.options());
        match self.truncation {
            Some(truncation) => {
                let (ys, state) = truncation.run_in(options, self.layer, xs, state);
                (options.last_step(ys), state)
            }
            None => self.layer.run(xs, state, options.last_only()),
        }
    }

    /// Returns the plan of [`run`](Self::run) as text, for the forward and the reverse pass. It shows the operations
    /// that leave the loop and those that are fused. If the cell is compiled in part only, it lists the equations
    /// that keep it from being compiled, each with its line and what to write instead.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_layers::{Elman, Recurrence, StateSizes};
    /// # use bptt_tensor::Tensor;
    /// # let mut rng = bptt_layers::rng(0);
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
        plan(self.layer, self.reordered(xs), state, self.options())
    }

    /// Transposes between the caller's order of axes and the time-major one.
    #[track_caller]
    fn reordered<'t>(&self, xs: Var<'t, T>) -> Var<'t, T> {
        sequence_shape(xs);
        if self.batch_first { xs.transpose(0, 1) } else { xs }
    }

    fn options(&self) -> RunOptions<'_, T> {
        if let Some(costates) = self.costates {
            costates.begin();
        }
        RunOptions {
            mask: self.mask.as_ref(),
            reversed: self.reversed,
            recompute: self.recompute,
            resets: self.resets.as_ref(),
            costates: self.costates,
            is_windowed: self.windowed,
            rng: self.rng.as_ref().map(|rng| rng as _),
            ..RunOptions::default()
        }
    }
}
