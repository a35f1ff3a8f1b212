//! The forward–backward recursion, in log space.

use bptt_tensor::{Scalar, Tensor};

use super::error::HmmError;

/// What is known of the hidden states, given the inputs and outputs of whole sequences. All of it is in double
/// precision.
///
/// `j` is the state before a step, `i` the state after it. Entries after the end of a sequence are 0.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Posteriors {
    /// `ln p(y_1 … y_L | u_1 … u_L)` of each sequence, `[B]`, in nats; 0 for a sequence without steps.
    pub log_likelihoods: Vec<f64>,
    /// `P(x_0 = j | y, u)`: the state before the first step, `[B, N]`; 0 for a sequence without steps.
    pub start: Tensor<f64>,
    /// `γ_t(i) = P(x_t = i | y, u)`, `[T, B, N]`.
    pub states: Tensor<f64>,
    /// `ξ_t(j, i) = P(x_{t−1} = j, x_t = i | y, u)`, `[T, B, N, N]`.
    pub transitions: Tensor<f64>,
}

/// The logarithms of all probabilities of a chain: `[N]` before the first step, `[T, B, N, N]` of transitions from
/// the state on the third axis to that on the last, and `[T, B, N]` of the outputs.
pub(super) struct Chain<'a, T> {
    pub(super) start: &'a Tensor<T>,
    pub(super) transitions: &'a Tensor<T>,
    pub(super) outputs: &'a Tensor<T>,
}

impl<T: Scalar> Chain<'_, T> {
    pub(super) fn posteriors(&self, lengths: &[usize]) -> Result<Posteriors, HmmError> {
        let mut posteriors = Posteriors {
            log_likelihoods: Vec::with_capacity(lengths.len()),
            start: Tensor::zeros([lengths.len(), self.start.len()]),
            states: Tensor::zeros(self.outputs.shape().clone()),
            transitions: Tensor::zeros(self.transitions.shape().clone()),
        };
        for sequence in 0..lengths.len() {
            let forward = self.forward(sequence, lengths)?;
            self.backward(sequence, lengths, &forward, &mut posteriors);
            posteriors.log_likelihoods.push(forward.evidence.iter().sum());
        }
        Ok(posteriors)
    }

    /// Computes the joint probabilities of state and past, each step normalized by its evidence.
    ///
    /// ```text
    /// ln α_t(i) = ln p(y_t | i, u_t) + ln Σ_j e^{ln φ_ij(u_t) + ln α_{t−1}(j)} − c_t
    /// ```
    ///
    /// `c_t = ln p(y_t | y_1 … y_{t−1}, u_1 … u_t)`, so that `Σ_i α_t(i) = 1`. Their sum is the log-likelihood.
    fn forward(&self, sequence: usize, lengths: &[usize]) -> Result<Forward, HmmError> {
        let n = self.start.len();
        let mut alphas: Vec<f64> = self.start.iter().map(|x| x.as_f64()).collect();
        let mut evidence = Vec::with_capacity(lengths[sequence]);
        let mut terms = vec![0.0; n];
        for t in 0..lengths[sequence] {
            let (moves, outputs) = self.at(t * lengths.len() + sequence, n);
            let before = alphas.len() - n;
            for i in 0..n {
                for (j, term) in terms.iter_mut().enumerate() {
                    *term = alphas[before + j] + moves[j * n + i].as_f64();
                }
                alphas.push(log_sum_exp(&terms) + outputs[i].as_f64());
            }
            let reached = &mut alphas[before + n..];
            let step = log_sum_exp(reached);
            if step == f64::NEG_INFINITY {
                return Err(HmmError::Impossible { sequence });
            }
            if !step.is_finite() {
                return Err(HmmError::NonFiniteLikelihood { sequence });
            }
            reached.iter_mut().for_each(|alpha| *alpha -= step);
            evidence.push(step);
        }
        Ok(Forward { alphas, evidence })
    }

    /// Computes the probabilities of the future, and the posteriors.
    ///
    /// ```text
    /// ln β_{t−1}(j) = ln Σ_i e^{ln φ_ij(u_t) + ln p(y_t | i, u_t) + ln β_t(i)} − c_t
    /// ξ_t(j, i) = α_{t−1}(j) φ_ij(u_t) p(y_t | i, u_t) β_t(i) / e^{c_t}
    /// ```
    fn backward(
        &self,
        sequence: usize,
        lengths: &[usize],
        forward: &Forward,
        posteriors: &mut Posteriors,
    ) {
        let (n, batch) = (self.start.len(), lengths.len());
        let mut betas = vec![0.0; n];
        let mut terms = vec![0.0; n];
        for t in (0..lengths[sequence]).rev() {
            let position = t * batch + sequence;
            let (moves, outputs) = self.at(position, n);
            let pairs = &mut posteriors.transitions.as_mut_slice()[position * n * n..][..n * n];
            let states = &mut posteriors.states.as_mut_slice()[position * n..][..n];
            let start = &mut posteriors.start.as_mut_slice()[sequence * n..][..n];
            let mut earlier = vec![0.0; n];
            for j in 0..n {
                let alpha = forward.alphas[t * n + j];
                for i in 0..n {
                    terms[i] = moves[j * n + i].as_f64() + outputs[i].as_f64() + betas[i]
                        - forward.evidence[t];
                    let pair = (alpha + terms[i]).exp();
                    pairs[j * n + i] = pair;
                    states[i] += pair;
                    if t == 0 {
                        start[j] += pair;
                    }
                }
                earlier[j] = log_sum_exp(&terms);
            }
            betas = earlier;
        }
    }

    /// Returns the entries of transitions and of outputs at a position.
    fn at(&self, position: usize, n: usize) -> (&[T], &[T]) {
        let moves = &self.transitions.as_slice()[position * n * n..][..n * n];
        (moves, &self.outputs.as_slice()[position * n..][..n])
    }
}

/// The forward recursion of a sequence of `L` steps.
struct Forward {
    /// `ln α_t`, `[L + 1, N]`, from the state before the first step.
    alphas: Vec<f64>,
    /// `c_t`, `[L]`.
    evidence: Vec<f64>,
}

/// Returns `ln Σ e^x`; −∞ if all terms are −∞.
fn log_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY && !terms.iter().any(|x| x.is_nan()) {
        return largest;
    }
    largest + terms.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}
