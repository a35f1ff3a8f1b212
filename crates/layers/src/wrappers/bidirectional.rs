//! Layers that run in both directions of time.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Scalar;

use crate::core::module::Module;
use crate::sequence::layer::Layer;
use crate::sequence::options::RunOptions;

/// Two layers over the same sequence, one from the first step to the last and one from the last to the first (Schuster
/// and Paliwal 1997). Their outputs are concatenated:
///
/// ```text
/// y_t = [forward(x_1 … x_t), backward(x_T … x_t)]
/// ```
///
/// `x: [T, B, I]`, `y: [T, B, O_f + O_b]`. The state is a pair. The last state of the backward layer is its state after
/// the first step in time. Sequences of different [lengths](crate::Recurrence::lengths) are read backward from their
/// own ends. The last output concatenates the final output of each direction.
#[derive(Clone, Debug, Module)]
pub struct Bidirectional<F, B = F> {
    /// The layer that runs in the direction of time.
    pub forward: F,
    /// The layer that runs against the direction of time.
    pub backward: B,
}

impl<F, B> Bidirectional<F, B> {
    /// Combines two layers.
    #[must_use]
    pub fn new(forward: F, backward: B) -> Self {
        Self { forward, backward }
    }
}

impl<T: Scalar, F: Layer<T>, B: Layer<T>> Layer<T> for Bidirectional<F, B> {
    type State<'t> = (F::State<'t>, B::State<'t>);

    fn start<'t>(&self, tape: &'t Tape<T>, batch: usize) -> Self::State<'t> {
        (self.forward.start(tape, batch), self.backward.start(tape, batch))
    }

    #[track_caller]
    fn run<'t>(
        &self,
        xs: Var<'t, T>,
        (forward, backward): Self::State<'t>,
        options: RunOptions<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let scope = xs.tape().scope("forward");
        let (ahead, forward) = self.forward.run(xs, forward, options);
        drop(scope);
        let _scope = xs.tape().scope("backward");
        let (back, backward) = self.backward.run(xs, backward, options.reversed());
        (Var::concat(&[ahead, back], -1), (forward, backward))
    }
}
