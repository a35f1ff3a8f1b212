//! The neural probabilistic language model.

use bptt::prelude::*;

/// The features of the first neural language model (Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic
/// language model", 2003), an n-gram model of embeddings:
///
/// ```text
/// y = b + W x + U tanh(d + H x)        x = [C(w_{t−n+2}), …, C(w_t)]
/// ```
///
/// Here `y` are the logits of `w_{t+1}`, and `C` is the embedding of the last `n − 1` tokens. The cell returns
/// `[x, tanh(d + H x)]`, so that a [`Linear`] layer above it has the weights `[W, U]` and the bias `b`. In rows, as
/// this library writes them, with `k = n − 1` inputs `x_t: [B, I]`:
///
/// ```text
/// x = [x_{t−k+1}, …, x_t]              [B, k·I]
/// h = tanh(x W_ih + b)                 [B, H]       W_ih = Hᵀ, b = d
/// output = [x, h]                      [B, k·I + H]
/// logits = output [W, U]ᵀ + b
/// ```
///
/// The part `x W` is the paper's direct connections from the embeddings to the logits. The state concatenates the
/// `k − 1` previous inputs, `[B, (k − 1)·I]`. There are `k·I·H + H` parameters.
#[derive(Clone, Debug, Module)]
pub struct NeuralWindow<T> {
    /// `tanh(d + H x)`
    pub hidden: Window<T>,
}

impl<T: Scalar> NeuralWindow<T> {
    /// Creates a window of `steps = n − 1` inputs, where `n` is the order of the n-gram model.
    ///
    /// # Panics
    ///
    /// If `steps` is 0.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize, steps: usize) -> Self {
        Self { hidden: Window::new(rng, input_size, hidden_size, steps) }
    }

    /// Returns the size of the output, `k·I + H`.
    #[must_use]
    pub fn output_size(&self) -> usize {
        self.hidden.w_ih.shape().iter().sum()
    }
}

impl<T: Scalar> Cell<T> for NeuralWindow<T> {
    type State<'t> = Var<'t, T>;

    fn step<'t>(&self, x: Var<'t, T>, before: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let (h, inputs) = self.hidden.step(x, before);
        (Var::concat(&[before, x, h], -1), inputs)
    }
}

impl<T> StateSizes for NeuralWindow<T> {
    fn state_sizes(&self) -> Vec<usize> {
        self.hidden.state_sizes()
    }
}
