//! The expected log-likelihood of an input–output hidden Markov model, and its maximization.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use super::error::HmmError;
use super::forward_backward::Posteriors;
use super::model::InputOutputHmm;
use super::network::InputNetwork;
use super::outputs::OutputDistribution;
use super::sequences::Sequences;

/// The parts of a model whose networks a trainer trains, since no closed form is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remaining {
    pub(super) transitions: bool,
    pub(super) outputs: bool,
}

impl<T: Scalar, P: InputNetwork<T>, O: OutputDistribution<T>> InputOutputHmm<T, P, O> {
    /// Returns the expected log-likelihood of outputs and states together, one number, in nats.
    ///
    /// ```text
    /// Q = Σ_j P(x_0 = j | y, u) ln P(x_0 = j) + Σ_t Σ_ij ξ_t(j, i) ln φ_ij(u_t)
    ///     + Σ_t Σ_i γ_t(i) ln p(y_t | x_t = i, u_t)
    /// ```
    ///
    /// The last sum is over steps with an [observed output](Sequences::observed).
    ///
    /// The expectation is over states with these posteriors, which are constants. At the parameters to which the
    /// posteriors belong, its gradient is that of the log-likelihood (Fisher's identity).
    ///
    /// # Errors
    ///
    /// If the data do not suit the model.
    ///
    /// # Panics
    ///
    /// If the posteriors are not of these data; or as the equations of the networks do.
    #[track_caller]
    pub fn expected_log_likelihood<'t>(
        &self,
        tape: &'t Tape<T>,
        data: &Sequences<T>,
        posteriors: &Posteriors,
    ) -> Result<Var<'t, T>, HmmError> {
        let outputs = self.log_outputs(tape, data)?;
        let transitions = self.log_transitions(self.transitions.values(tape, data)?, data);
        Ok(expectation(&posteriors.start, self.log_start(tape))
            + expectation(&posteriors.transitions, transitions)
            + expectation(&posteriors.states, outputs))
    }

    /// Maximizes the expected log-likelihood over all parameters for which there is a closed form. Returns the
    /// others.
    pub(super) fn maximize(
        &mut self,
        data: &Sequences<T>,
        posteriors: &Posteriors,
    ) -> Result<Remaining, HmmError> {
        let n = self.states();
        let mut start = vec![0.0; n];
        for row in posteriors.start.as_slice().chunks(n) {
            start.iter_mut().zip(row).for_each(|(sum, posterior)| *sum += posterior);
        }
        let total: f64 = start.iter().sum();
        self.start.set(Tensor::from_fn([n], |j| T::of((start[j] / total).ln())));
        let transitions = match self.transitions.table_mut() {
            Some(table) => {
                let inputs = data.input_symbols(table.symbols())?;
                let mut counts = vec![0.0; table.symbols() * n * n];
                for position in data.positions() {
                    let counts = &mut counts[inputs[position] * n * n..][..n * n];
                    let pairs = &posteriors.transitions.as_slice()[position * n * n..];
                    counts.iter_mut().zip(pairs).for_each(|(count, pair)| *count += pair);
                }
                table.set_counts(&counts, n);
                false
            }
            None => true,
        };
        let outputs = !self.outputs.maximize(data, &observed(data, posteriors))?;
        Ok(Remaining { transitions, outputs })
    }

    /// Returns the values of the remaining networks as one variable, and the negative expected log-likelihood as a
    /// function of it, without constant terms.
    pub(super) fn network_loss<'t>(
        &self,
        tape: &'t Tape<T>,
        data: &Sequences<T>,
        posteriors: &Posteriors,
        remaining: Remaining,
    ) -> Result<(Var<'t, T>, Var<'t, T>), HmmError> {
        let mut parts = Vec::new();
        if remaining.transitions {
            parts.push(self.transitions.values(tape, data)?);
        }
        if remaining.outputs {
            parts.push(self.outputs.values(tape, data)?);
        }
        let flat: Vec<_> = parts.iter().map(|part| part.reshape([part.len()])).collect();
        let all = Var::concat(&flat, 0);
        let mut loss = tape.scalar(0.0);
        let mut from = 0;
        if remaining.transitions {
            from = parts[0].len();
            let values = all.slice(0, 0..from).reshape(parts[0].shape());
            let transitions = self.log_transitions(values, data);
            loss = loss - expectation(&posteriors.transitions, transitions);
        }
        if let Some(part) = parts.last().filter(|_| remaining.outputs) {
            let values = all.slice(0, from..).reshape(part.shape());
            loss = loss
                + self.outputs.network_loss(values, data, &observed(data, posteriors).cast())?;
        }
        Ok((all, loss))
    }
}

/// Returns `Σ p ln q`, where `0 · −∞` is 0.
#[track_caller]
fn expectation<'t, T: Scalar>(probabilities: &Tensor<f64>, logarithms: Var<'t, T>) -> Var<'t, T> {
    let probabilities = logarithms.tape().constant(probabilities.cast());
    probabilities.chain_mul(logarithms).sum_all()
}

/// Returns `γ`, `[T, B, N]`, with 0 at steps whose output is not observed.
fn observed<T: Scalar>(data: &Sequences<T>, posteriors: &Posteriors) -> Tensor<f64> {
    &posteriors.states * &data.observed_mask().cast()
}
