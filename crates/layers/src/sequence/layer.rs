//! Layers: maps of sequences.

use bptt_autodiff::{Tape, Tree, Var};
use bptt_tensor::Scalar;

use super::options::RunOptions;
use super::run::run;
use super::shape::sequence_shape;
use crate::core::cell::{Cell, StateSizes};

/// A map from a sequence `[T, B, I]` to a sequence `[T, B, O]`, and from a state to a state.
///
/// Every [`Cell`] with [`StateSizes`] is a layer. So are [`Stack`](crate::Stack),
/// [`Bidirectional`](crate::Bidirectional) and the other wrappers of layers. [`forward`](Self::forward) runs a layer
/// from its initial state. [`Recurrence`](crate::Recurrence) runs it with options.
///
/// A new recurrent network is a [`Cell`]. This trait is for new wrappers:
///
/// ```
/// use bptt_autodiff::{Tape, Var};
/// use bptt_layers::{Elman, Layer, Recurrence, RunOptions};
/// use bptt_tensor::{Scalar, Tensor};
///
/// /// A layer with a skip connection: `y_t = [x_t, layer(x)_t]`.
/// struct Skip<L>(L);
///
/// impl<T: Scalar, L: Layer<T>> Layer<T> for Skip<L> {
///     type State<'t> = L::State<'t>;
///
///     fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
///         self.0.start(tape, batch)
///     }
///
///     fn run<'t>(
///         &self,
///         xs: Var<'t, T>,
///         state: Self::State<'t>,
///         options: RunOptions<'_, T>,
///     ) -> (Var<'t, T>, Self::State<'t>) {
///         let (ys, state) = self.0.run(xs, state, options);
///         (Var::concat(&[options.aligned(xs), ys], -1), state)
///     }
/// }
///
/// let layer = Skip(Elman::<f32>::new(&mut bptt_layers::rng(0), 3, 4));
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([5, 2, 3]));
/// assert_eq!(layer.forward(xs).0.shape(), [5, 2, 7]);
/// let (last, _state) = Recurrence::new(&layer).last(xs, layer.start(&tape, 2));
/// assert_eq!(last.shape(), [2, 7]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer of scalar type `{T}`",
    note = "a `Cell` is a layer if it says how wide its state is: implement `StateSizes`"
)]
pub trait Layer<T: Scalar> {
    /// The state that the layer carries from one piece of a sequence to the next.
    type State<'t>: Tree<'t, T>;

    /// Returns the initial state of a batch of sequences: zeros, unless it is [learned](crate::LearnedStart).
    #[must_use]
    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t>;

    /// Returns the outputs `[T, B, O]` and the last state, from inputs `[T, B, I]` and the first state. If the options
    /// ask for [the last output only](RunOptions::is_last_only), the outputs are `[B, O]`.
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes, if a mask, lengths or the state do not have its extents, or if the equations
    /// panic.
    #[track_caller]
    #[must_use]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>);

    /// Returns the outputs and the last state of a run from the [initial state](Self::start).
    ///
    /// ```
    /// use bptt_autodiff::Tape;
    /// use bptt_layers::{Bidirectional, Gru, Layer};
    /// use bptt_tensor::Tensor;
    ///
    /// let mut rng = bptt_layers::rng(0);
    /// let mut gru = || Gru::<f32>::new(&mut rng, 3, 4);
    /// let layer = Bidirectional::new(gru(), gru());
    /// let tape = Tape::new();
    /// let (ys, _state) = layer.forward(tape.constant(Tensor::ones([5, 2, 3])));
    /// assert_eq!(ys.shape(), [5, 2, 8]);
    /// ```
    ///
    /// # Panics
    ///
    /// If `xs` does not have three axes; or as the equations do.
    #[track_caller]
    #[must_use]
    fn forward<'t>(&self, xs: Var<'t, T>) -> (Var<'t, T>, Self::State<'t>) {
        let [_, batch, _] = sequence_shape(xs);
        self.run(xs, self.start(xs.tape(), batch), RunOptions::default())
    }
}

/// Every cell with [`StateSizes`] is a layer.
impl<T: Scalar, C: Cell<T> + StateSizes> Layer<T> for C {
    type State<'t> = <C as Cell<T>>::State<'t>;

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        self.zero_state(tape, batch)
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        run(self, xs, state, options)
    }
}
