//! Mixtures of softmaxes.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Shape};
use rand::Rng;

use super::linear::Linear;
use crate::core::module::Module;

/// A mixture of softmaxes (Yang et al. 2018) over `V` classes. Its matrix of log-probabilities over all contexts can
/// have a higher rank than that of one softmax.
///
/// ```text
/// π = softmax(h W_π)               [.., K]       weights of the components
/// z_k = tanh(h W_k + b_k)          [.., K, E]    a context for each component
/// p = Σ_k π_k softmax(o(z_k))      [.., V]
/// ```
///
/// `h: [.., H]`; `(H + 1)·K·E + H·K` parameters. The logits `o(z)` are those of an output layer, such as a [`Linear`]
/// or the table of an [`Embedding`](crate::Embedding::logits), which all components share. The sum over components is
/// a log-sum-exp, so that a log-probability is finite where every softmax underflows.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Embedding, MixtureOfSoftmaxes, loss};
/// use bptt_tensor::Tensor;
///
/// let rng = &mut bptt_layers::rng(0);
/// let embedding = Embedding::<f32>::new(rng, 50, 8); // V = 50, E = 8
/// let mixture = MixtureOfSoftmaxes::new(rng, 16, 8, 3); // H = 16, K = 3
/// let tape = Tape::new();
/// let hs = tape.constant(Tensor::ones([5, 2, 16])); // [T, B, H]
/// let log_p = mixture.forward(hs, |contexts| embedding.logits(contexts)); // [T, B, V]
/// let loss = loss::negative_log_likelihood(log_p, &[7; 10]).mean();
/// # assert!(loss.item() > 0.0);
/// ```
#[derive(Clone, Debug, Module)]
pub struct MixtureOfSoftmaxes<T> {
    /// `W_π: [H, K]`, without biases.
    pub gates: Linear<T>,
    /// The `W_k` and `b_k` of all components, concatenated: `[H, K·E]` and `[K·E]`.
    pub contexts: Linear<T>,
}

impl<T: Scalar> MixtureOfSoftmaxes<T> {
    /// Creates a mixture of `components` softmaxes, from `H = input_size` features to contexts of `E = context_size`.
    /// The weights start as those of [`Linear`].
    ///
    /// # Panics
    ///
    /// If there is no component.
    #[track_caller]
    #[must_use]
    pub fn new(
        rng: &mut impl Rng,
        input_size: usize,
        context_size: usize,
        components: usize,
    ) -> Self {
        assert!(components > 0, "a mixture has at least one component");
        Self {
            gates: Linear::new(rng, input_size, components).bias(false),
            contexts: Linear::new(rng, input_size, components * context_size),
        }
    }

    /// Returns the log-probabilities `[.., V]` of features `h: [.., H]`. `logits` is called once, and maps the contexts
    /// `[.., K, E]` of all components to their logits `[.., K, V]`.
    ///
    /// # Panics
    ///
    /// If the last axis of `h` is not the input size, or the logits do not have the leading axes of the contexts.
    #[track_caller]
    #[must_use]
    pub fn forward<'t>(
        &self,
        h: Var<'t, T>,
        logits: impl FnOnce(Var<'t, T>) -> Var<'t, T>,
    ) -> Var<'t, T> {
        let (components, width) = (self.gates.w.shape()[1], self.contexts.w.shape()[1]);
        let log_gates = self.gates.forward(h).log_softmax(-1);
        let of_component = |extent: usize| -> Shape {
            let positions = h.shape().without(h.rank() - 1);
            positions.iter().copied().chain([components, extent]).collect()
        };
        let contexts = self.contexts.forward(h).tanh();
        let contexts = contexts.reshape(of_component(width / components));
        let logits = logits(contexts);
        assert!(
            logits.rank() == contexts.rank()
                && logits.shape()[..logits.rank() - 1] == contexts.shape()[..contexts.rank() - 1],
            "mixture_of_softmaxes: contexts {} need logits of the same axes but the last, not {}",
            contexts.shape(),
            logits.shape(),
        );
        (log_gates.reshape(of_component(1)) + logits.log_softmax(-1)).logsumexp(-2)
    }
}
