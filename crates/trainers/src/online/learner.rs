//! The interface of learners.

use std::fmt::Debug;

use bptt_autodiff::{Gradients, Var};
use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, Stepwise};
use bptt_tensor::{Scalar, Tensor};

use super::error::OnlineError;

/// The loss of one step: a function from the output `[B, O]` to a loss of one element.
///
/// Targets are captured. The function may name parameters of its own, such as those of a readout that is no part of the
/// layer. Their gradients are exact, since they have no influence on the state.
pub type LossFn<'f, T> = dyn for<'t> Fn(Var<'t, T>) -> Var<'t, T> + 'f;

/// Computes gradients of a recurrent layer forward in time, without a stored past.
///
/// [`Truncation`](bptt_layers::Truncation) and whole-sequence training keep the steps of a window, and go back through
/// them. A learner keeps, beside the state `s`, what is known of its derivative with respect to all parameters `θ`: the
/// influence `Π = ds/dθ`. Memory does not grow with the number of steps, and a gradient exists after every step.
///
/// ```text
/// s_t = F(x_t, s_{t−1}, θ)      y_t = G(x_t, s_{t−1}, θ)
/// ∇L_t = (∂L_t/∂s_{t−1}) Π_{t−1} + ∂L_t/∂θ              both factors by one reverse pass through step t
/// Π_t = J_t Π_{t−1} + I_t      J_t = ∂F/∂s_{t−1}, I_t = ∂F/∂θ
/// ```
///
/// Learners differ in how much of `Π: [S, P]` they keep. `S` is the number of elements of the state of a sequence, `P`
/// that of the parameters. [`RealTime`](super::RealTime) keeps all; the table of the [module](super) compares them.
///
/// The layer is any [`Stepwise`] one: a cell, a stack, a pair with a readout, a user's cell. Each sequence of a batch
/// has an influence of its own, and is computed on its own. So its equations must not mix sequences. A
/// variable of the state without a batch axis, such as a count of steps, exists once for each sequence.
///
/// ```
/// use bptt_layers::{Adam, Gru, Linear, Optimizer, loss};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::online::{OnlineLearner, RealTime};
///
/// // say the input of two steps before
/// let mut rng = bptt_layers::rng(0);
/// let mut model = (Gru::<f64>::new(&mut rng, 1, 4), Linear::new(&mut rng, 4, 1));
/// let mut learner = RealTime::new();
/// let mut optimizer = Adam::new(0.02);
/// let [mut before, mut now] = [Tensor::zeros([1, 1]), Tensor::zeros([1, 1])];
/// let mut losses = Vec::new();
/// for _ in 0..600 {
///     let x = Tensor::bernoulli([1, 1], 0.5, &mut rng); // [B, I]
///     let step = learner.step(&model, &x, &|y| loss::mean_squared_error(y, &before).mean())?;
///     optimizer.step(&mut model, &step.gradients); // at every step
///     losses.push(step.loss);
///     [before, now] = [now, x];
/// }
/// let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
/// assert!(mean(&losses[500..]) < 0.5 * mean(&losses[..100]));
/// # Ok::<(), bptt_trainers::online::OnlineError>(())
/// ```
///
/// # Changing weights
///
/// If the parameters change between two steps, `Π_{t−1}` is the influence that the parameters had when the steps were
/// made. The gradient is then an approximation, which is good while a step of the optimizer is small (Williams and
/// Zipser 1989). For exact gradients, hold the parameters and sum the gradients of several steps by `+=`.
///
/// # New sequences
///
/// ```
/// use bptt_layers::IndRnn;
/// use bptt_tensor::Tensor;
/// use bptt_trainers::online::{OnlineLearner, Traces};
///
/// let cell = IndRnn::<f64>::new(&mut bptt_layers::rng(0), 2, 3);
/// let mut learner = Traces::new();
/// let first = learner.advance(&cell, &Tensor::ones([4, 2]))?;
/// learner.reset_sequences(&[1, 3]); // two of the four begin anew
/// let second = learner.advance(&cell, &Tensor::ones([4, 2]))?;
/// assert_eq!(second.slice(0, 1..2), first.slice(0, 1..2));
/// learner.reset(); // all
/// assert!(learner.advance(&cell, &Tensor::ones([1, 2])).is_ok()); // the batch may be another
/// # Ok::<(), bptt_trainers::online::OnlineError>(())
/// ```
///
/// # The trait
///
/// A learner serves one layer, and knows its parameters by their position. The trait is dyn-compatible. Results have
/// the same bits for any number of threads.
pub trait OnlineLearner<T: Scalar, L: Stepwise<T> + Module<T>>: Debug {
    /// Reads an input `[B, I]` and advances the state. Returns the output, its loss, and the gradient of this loss with
    /// respect to all parameters, through this step and all steps before.
    ///
    /// The first step begins at the layer's initial state. If it is [learned](bptt_layers::LearnedStart), its
    /// parameters have gradients as well.
    ///
    /// # Errors
    ///
    /// If the loss, a state, an influence or a gradient is not finite, or the batch has another number of sequences
    /// than before. The learner is then as before the call, to the bit. See the learner for more errors.
    ///
    /// # Panics
    ///
    /// As the layer's equations do, if the loss does not have one element, or if the layer's parameters are not those
    /// of the steps before.
    #[track_caller]
    fn step(
        &mut self,
        layer: &L,
        x: &Tensor<T>,
        loss: &LossFn<'_, T>,
    ) -> Result<OnlineStep<T>, OnlineError>;

    /// Reads an input `[B, I]` and advances the state and the influence, without a loss. Returns the output `[B, O]`.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    ///
    /// # Panics
    ///
    /// As [`step`](Self::step).
    #[track_caller]
    fn advance(&mut self, layer: &L, x: &Tensor<T>) -> Result<Tensor<T>, OnlineError>;

    /// Begins new sequences: the next step begins at the layer's initial state, with a batch of any size.
    fn reset(&mut self);

    /// Begins these sequences of the batch anew. The others go on.
    ///
    /// # Panics
    ///
    /// If the batch does not have one of the sequences.
    #[track_caller]
    fn reset_sequences(&mut self, sequences: &[usize]);

    /// Returns the state of the layer and of the learner, without options. Its size does not grow with the number of
    /// steps.
    #[must_use]
    fn state(&self) -> Archive<T>;

    /// Replaces the state by one that [`state`](Self::state) returned. Learning then continues as if it had never
    /// stopped, to the bit.
    ///
    /// # Errors
    ///
    /// If the state is not that of such a learner of this layer. The learner then stays as it was.
    fn restore(&mut self, layer: &L, state: &Archive<T>) -> Result<(), WeightsError>;
}

/// What a step of a learner computes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OnlineStep<T> {
    /// The output `[B, O]`.
    pub output: Tensor<T>,
    /// The loss.
    pub loss: f64,
    /// The gradients of the loss. A parameter without any influence on the loss has none.
    pub gradients: Gradients<T>,
}
