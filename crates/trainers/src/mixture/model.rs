//! The input–output hidden Markov model.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Module, ParameterPath};
use bptt_tensor::{Scalar, Tensor};

use super::error::HmmError;
use super::forward_backward::{Chain, Posteriors};
use super::network::InputNetwork;
use super::outputs::OutputDistribution;
use super::sequences::Sequences;

/// The input–output hidden Markov model: a recurrent mixture of `N` discrete states.
///
/// ```text
/// P(x_0 = j) = softmax(start)_j
/// P(x_t = i | x_{t−1} = j, u_t) = φ_ij(u_t) = softmax(w_j(u_t))_i
/// p(y_t | x_t = i, u_t)                                              by the output distribution
///
/// ln p(y | u) = ln Σ_i α_L(i)      α_0(j) = P(x_0 = j)
/// α_t(i) = p(y_t | x_t = i, u_t) Σ_j φ_ij(u_t) α_{t−1}(j)
/// ```
///
/// The inputs `u_t` and outputs `y_t` are those of [`Sequences`]. The transition network `w` has `N·N` values, those
/// of `j = 0` first. The state `x_0` is before the first input, so that the first output comes after one transition.
///
/// Bengio and Frasconi, *An Input Output HMM Architecture* (NIPS 7, 1995); *Input-Output HMM's for Sequence
/// Processing* (IEEE Transactions on Neural Networks, 1996).
///
/// [`ExpectationMaximization`](super::ExpectationMaximization) trains it. As the
/// [log-likelihood](Self::log_likelihood) is a recurrence on the tape, gradient descent by back-propagation through
/// time does so too.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_trainers::mixture::{ClassOutputs, HmmError, InputOutputHmm, InputTable, Sequences};
///
/// let mut rng = bptt_layers::rng(0);
/// // 3 states, 2 symbols as inputs, 4 classes as outputs
/// let transitions = InputTable::new(&mut rng, 2, 3 * 3);
/// let outputs = ClassOutputs::new(InputTable::new(&mut rng, 2, 3 * 4), 4);
/// let model = InputOutputHmm::<f64, _, _>::new(transitions, outputs);
/// let data = Sequences::new([0, 1, 1, 0], [3, 0, 2, 1], &[4])?;
/// let tape = Tape::new();
/// let log_likelihood = model.log_likelihood(&tape, &data)?; // [B]
/// let posteriors = model.posteriors(&data)?;
/// assert!((log_likelihood.sum_all().item() - posteriors.log_likelihoods[0]).abs() < 1e-12);
/// let last = posteriors.states.index_first(3); // P(x_4 | y, u), [B, N]
/// assert!((last.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), HmmError>(())
/// ```
#[derive(Clone, Debug)]
pub struct InputOutputHmm<T, P, O> {
    /// The logits of the state before the first step, `[N]`.
    pub start: Param<T>,
    /// The transition network `w`, with `N·N` values.
    pub transitions: P,
    /// The distributions of the output.
    pub outputs: O,
}

impl<T: Scalar, P: InputNetwork<T>, O: OutputDistribution<T>> InputOutputHmm<T, P, O> {
    /// Creates a model that starts in each state with the same probability.
    ///
    /// # Panics
    ///
    /// If the transition network does not have `N·N` values for the `N` states of the outputs.
    #[track_caller]
    #[must_use]
    pub fn new(transitions: P, outputs: O) -> Self {
        let (size, states) = (transitions.size(), outputs.states());
        assert!(
            size == states * states,
            "a transition network has N·N values, which are {} for the {states} states of the outputs, not {size}",
            states * states
        );
        Self { start: Param::new(Tensor::zeros([states])), transitions, outputs }
    }

    /// Returns the number `N` of states.
    #[must_use]
    pub fn states(&self) -> usize {
        self.start.shape()[0]
    }

    /// Returns the log-likelihood `ln p(y | u)` of each sequence on the tape, `[B]`, in nats, by the forward
    /// recursion. It is 0 for a sequence without steps. For one that the model excludes it is −∞, and the gradient is
    /// that of the steps before the first that is impossible.
    ///
    /// # Errors
    ///
    /// If the data do not suit the model.
    ///
    /// # Panics
    ///
    /// As the equations of the networks do.
    #[track_caller]
    pub fn log_likelihood<'t>(
        &self,
        tape: &'t Tape<T>,
        data: &Sequences<T>,
    ) -> Result<Var<'t, T>, HmmError> {
        let (states, batch) = (self.states(), data.lengths().len());
        let outputs = self.log_outputs(tape, data)?;
        let into = self.log_transitions(self.transitions.values(tape, data)?, data);
        let into = into.transpose(-2, -1); // a row for each state that is entered
        let start = self.log_start(tape).broadcast_to([batch, states]);
        let within = tape.constant(data.mask());
        let scanned =
            tape.scan([into, outputs, within], start).run(|[into, output, within], before| {
                let reached = (before.reshape([batch, 1, states]) + into).logsumexp(-1) + output; // [B, N]
                let evidence = reached.logsumexp_keep(-1); // [B, 1]
                let is_possible = evidence.ge(T::min_value().as_f64());
                let normalized = reached - is_possible.select(evidence, 0.0);
                (within.select(evidence, 0.0), normalized) // after the end, the state is not read
            });
        Ok(scanned.outputs.sum(&[0, 2]))
    }

    /// Returns the posterior probabilities of the states, by the forward and the backward recursion in log space.
    /// They neither underflow nor overflow for sequences of any length.
    ///
    /// # Errors
    ///
    /// If the data do not suit the model, or a sequence has the probability 0.
    ///
    /// # Panics
    ///
    /// As the equations of the networks do.
    #[track_caller]
    pub fn posteriors(&self, data: &Sequences<T>) -> Result<Posteriors, HmmError> {
        let tape = Tape::inference();
        let outputs = self.log_outputs(&tape, data)?;
        let transitions = self.log_transitions(self.transitions.values(&tape, data)?, data);
        let chain = Chain {
            start: &self.log_start(&tape).value(),
            transitions: &transitions.value(),
            outputs: &outputs.value(),
        };
        chain.posteriors(data.lengths())
    }

    /// Returns the mean of the states' expected outputs at each step, weighted by the posteriors of the states:
    ///
    /// ```text
    /// ŷ_t = Σ_i P(x_t = i | y, u) E(y_t | x_t = i, u_t)
    /// ```
    ///
    /// For classes it has the probability of each, `[T, B, C]`; for numbers it is the mean, `[T, B, D]`. Entries
    /// after the end of a sequence are 0. At a step without an [observed output](Sequences::observed_at), it is
    /// `E(y_t | y, u)`. At an observed step it is a smoothed value, and not the output itself.
    ///
    /// ```
    /// use bptt_tensor::Tensor;
    /// use bptt_trainers::mixture::{ClassOutputs, HmmError, InputOutputHmm, InputTable, Sequences};
    ///
    /// // the parity of the ones so far, beginning with 0
    /// let (yes, no) = (0.0, f64::NEG_INFINITY);
    /// let flips = InputTable::from_values(Tensor::from([[yes, no, no, yes], [no, yes, yes, no]]));
    /// let shown = InputTable::from_values(Tensor::from([[yes, no, no, yes]; 2]));
    /// let mut model = InputOutputHmm::new(flips, ClassOutputs::new(shown, 2));
    /// model.start.set(Tensor::from([yes, no]));
    /// let data = Sequences::new([1, 0, 1, 1], [0; 4], &[4])?.observed_at(&[false; 4])?;
    /// let odd: Vec<f64> = model.predict(&data)?.as_slice().chunks(2).map(|p| p[1]).collect();
    /// assert_eq!(odd, [1.0, 1.0, 0.0, 1.0]);
    /// # Ok::<(), HmmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`posteriors`](Self::posteriors).
    ///
    /// # Panics
    ///
    /// As the equations of the networks do.
    #[track_caller]
    pub fn predict(&self, data: &Sequences<T>) -> Result<Tensor<T>, HmmError> {
        let posteriors = self.posteriors(data)?;
        let tape = Tape::inference();
        let values = self.outputs.values(&tape, data)?;
        let means = self.outputs.means(values).value(); // [T, B, N, F]
        let (n, size) = (self.states(), means.shape()[3]);
        let mut expected = Tensor::zeros([data.steps(), data.lengths().len(), size]);
        for (place, state) in
            posteriors.states.iter().enumerate().filter(|(_, state)| **state > 0.0)
        {
            let sums = &mut expected.as_mut_slice()[place / n * size..][..size];
            for (sum, mean) in sums.iter_mut().zip(&means.as_slice()[place * size..]) {
                *sum += T::of(*state) * *mean;
            }
        }
        Ok(expected)
    }

    pub(super) fn log_start<'t>(&self, tape: &'t Tape<T>) -> Var<'t, T> {
        tape.param(&self.start).log_softmax(-1)
    }

    /// Returns `ln p(y_t | x_t = i, u_t)`, `[T, B, N]`, which is 0 at steps whose output is not observed.
    #[track_caller]
    pub(super) fn log_outputs<'t>(
        &self,
        tape: &'t Tape<T>,
        data: &Sequences<T>,
    ) -> Result<Var<'t, T>, HmmError> {
        let outputs = self.outputs.log_probabilities(self.outputs.values(tape, data)?, data)?;
        Ok(tape.constant(data.observed_mask()).select(outputs, 0.0))
    }

    /// Returns `ln φ_ij(u_t)`, `[T, B, N, N]`, with the state before on the third axis.
    #[track_caller]
    pub(super) fn log_transitions<'t>(
        &self,
        values: Var<'t, T>,
        data: &Sequences<T>,
    ) -> Var<'t, T> {
        let (states, batch) = (self.states(), data.lengths().len());
        values.reshape([data.steps(), batch, states, states]).log_softmax(-1)
    }
}

impl<T: Scalar, P: Module<T>, O: Module<T>> Module<T> for InputOutputHmm<T, P, O> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        path.within("start", |path| self.start.visit(path, visitor));
        path.within("transitions", |path| self.transitions.visit(path, visitor));
        path.within("outputs", |path| self.outputs.visit(path, visitor));
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        path.within("start", |path| self.start.visit_mut(path, visitor));
        path.within("transitions", |path| self.transitions.visit_mut(path, visitor));
        path.within("outputs", |path| self.outputs.visit_mut(path, visitor));
    }
}
