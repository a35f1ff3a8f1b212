//! Layers that run against the direction of time.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Scalar;

use crate::core::module::Module;
use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;

/// A layer that runs from the last step to the first. Outputs keep their places in time.
///
/// It equals the backward layer of a [`Bidirectional`](crate::Bidirectional), used on its own. A stack can alternate
/// the directions of its layers in this way. A reversed [`Recurrence`](crate::Recurrence) runs it forward.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Elman, Layer, Reversed};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let layer = Reversed::new(Elman::<f32>::new(&mut rng, 3, 4));
/// let tape = Tape::new();
/// let (ys, h) = layer.forward(tape.constant(Tensor::ones([7, 2, 3])));
/// assert_eq!(ys.index_first(0).value(), h.value());
/// ```
#[derive(Clone, Debug, Module)]
pub struct Reversed<L> {
    /// The layer.
    pub layer: L,
}

impl<L> Reversed<L> {
    /// Reverses the direction in which a layer runs.
    #[must_use]
    pub fn new(layer: L) -> Self {
        Self { layer }
    }
}

impl<T: Scalar, L: Layer<T>> Layer<T> for Reversed<L> {
    type State<'t> = L::State<'t>;

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        self.layer.start(tape, batch)
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        self.layer.run(xs, state, options.reversed())
    }
}
