//! Residual connections around layers.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Scalar;

use crate::core::module::Module;
use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;
use crate::sequence::stepwise::Stepwise;

/// A layer with a residual connection (Wu et al. 2016): `y_t = x_t + layer(x)_t`.
///
/// `x`, `y: [T, B, F]`. The outputs of the layer are as wide as its inputs, or a run panics. The state is the layer's.
#[derive(Clone, Debug, Module)]
pub struct Residual<L> {
    /// The layer.
    pub layer: L,
}

impl<L> Residual<L> {
    /// Puts a residual connection around a layer.
    #[must_use]
    pub fn new(layer: L) -> Self {
        Self { layer }
    }
}

impl<T: Scalar, L: Layer<T>> Layer<T> for Residual<L> {
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
        let (ys, state) = self.layer.run(xs, state, options);
        let xs = options.aligned(xs);
        assert_as_wide(xs, ys);
        (xs + ys, state)
    }
}

impl<T: Scalar, L: Stepwise<T>> Stepwise<T> for Residual<L> {
    #[track_caller]
    fn advance<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let (y, state) = self.layer.advance(x, state);
        assert_as_wide(x, y);
        (x + y, state)
    }
}

#[track_caller]
fn assert_as_wide<T: Scalar>(inputs: Var<'_, T>, outputs: Var<'_, T>) {
    assert!(
        inputs.shape() == outputs.shape(),
        "residual: a layer from {} to {} cannot be added to its inputs; make its outputs as wide",
        inputs.shape(),
        outputs.shape()
    );
}
