//! A layer with its direction and the order of its axes.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Scalar;

use crate::way::sequence_shape;
use crate::{Layer, Module, Way};

/// A layer that always runs in its own direction, and on sequences in its own order of axes.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Elman, Layer, Recurrent};
/// use bptt_tensor::Tensor;
/// use rand::SeedableRng;
/// use rand_xoshiro::Xoshiro256PlusPlus;
///
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
/// let layer = Recurrent::new(Elman::<f32>::new(&mut rng, 3, 4)).reversed().batch_first();
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::ones([2, 7, 3])); // [B, T, I]
/// let (ys, h) = layer.forward(xs);
/// assert_eq!(ys.shape(), [2, 7, 4]);
/// assert_eq!(ys.slice(1, 0..1).reshape([2, 4]).value(), h.value());
/// ```
#[derive(Clone, Debug, Module)]
#[module(scalar = _)]
pub struct Recurrent<L> {
    /// The layer.
    pub layer: L,
    #[module(skip)]
    reversed: bool,
    #[module(skip)]
    batch_first: bool,
}

impl<L> Recurrent<L> {
    /// This layer, in the direction of time and time-major.
    #[must_use]
    pub fn new(layer: L) -> Self {
        Self { layer, reversed: false, batch_first: false }
    }

    /// Reads from the last step to the first. Outputs keep their places in time.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Reads `[B, T, I]` and gives `[B, T, O]`, for data that comes so; within, it is transposed. States are
    /// `[B, ..]` and masks `[T, B]` as ever.
    #[must_use]
    pub fn batch_first(mut self) -> Self {
        self.batch_first = true;
        self
    }

    /// From the layer's own order of axes to the time-major one, or back.
    #[track_caller]
    fn reordered<'t, T: Scalar>(&self, xs: Var<'t, T>) -> Var<'t, T> {
        sequence_shape(xs);
        if self.batch_first { xs.transpose(0, 1) } else { xs }
    }

    fn turned<'r, T: Scalar>(&self, way: Way<'r, T>) -> Way<'r, T> {
        if self.reversed { way.turned() } else { way }
    }
}

impl<T: Scalar, L: Layer<T>> Layer<T> for Recurrent<L> {
    type State<'t> = L::State<'t>;

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        self.layer.start(tape, batch)
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        way: Way<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let (ys, state) = self.layer.run(self.reordered(xs), state, self.turned(way));
        (self.reordered(ys), state)
    }

    #[track_caller]
    fn forward<'t>(&self, xs: Var<'t, T>) -> (Var<'t, T>, Self::State<'t>) {
        let (ys, state) = self.layer.run(
            self.reordered(xs),
            self.start(xs.tape(), sequence_shape(xs)[usize::from(!self.batch_first)]),
            self.turned(Way::PLAIN),
        );
        (self.reordered(ys), state)
    }

    #[track_caller]
    fn last<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        way: Way<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        self.layer.last(self.reordered(xs), state, self.turned(way))
    }

    fn leaves<'t>(&self, state: &Self::State<'t>) -> Vec<Var<'t, T>> {
        self.layer.leaves(state)
    }

    fn rebuild<'t>(&self, leaves: &mut dyn Iterator<Item = Var<'t, T>>) -> Self::State<'t> {
        self.layer.rebuild(leaves)
    }
}
