//! The expected log-likelihood of an input–output hidden Markov model, and its maximization.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Scalar, Tensor};

use super::error::HmmError;
use super::forward_backward::Posteriors;
use super::model::InputOutputHmm;
use super::network::InputNetwork;
use super::outputs::OutputDistribution;
use super::quotients::Quotients;
use super::sequences::Sequences;

/// The posteriors for the networks that a trainer trains, since no closed form is known.
#[derive(Clone, Debug)]
pub(super) struct Remaining<T> {
    /// `ξ`, `[T, B, N, N]`
    pub(super) transitions: Option<Tensor<T>>,
    /// `γ`, `[T, B, N]`, with 0 at steps whose output is not observed.
    pub(super) outputs: Option<Tensor<T>>,
}

impl<T: Scalar, P: InputNetwork<T>, O: OutputDistribution<T>> InputOutputHmm<T, P, O> {
    /// Returns the expected log-likelihood of outputs and states together, one number, in nats.
    ///
    /// ```text
    /// Q = Σ_j P(x_0 = j | y, u) ln P(x_0 = j) + Σ_t Σ_ij ξ_t(j, i) ln φ_ij(u_t)
    ///     + Σ_t Σ_i γ_t(i) ln p(y_t | x_t = i, u_t)
    /// ```
    ///
    /// The last sum is over steps with an [observed output](Sequences::observed_at).
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
    /// If the shapes of the posteriors are not those of the data and the model; or as the equations of the networks do.
    #[track_caller]
    pub fn expected_log_likelihood<'t>(
        &self,
        tape: &'t Tape<T>,
        data: &Sequences<T>,
        posteriors: &Posteriors,
    ) -> Result<Var<'t, T>, HmmError> {
        let outputs = self.log_outputs(tape, data)?;
        let transitions = self.log_transitions(self.transitions.values(tape, data)?, data);
        Ok(expectation(&posteriors.start.cast(), self.log_start(tape))
            + expectation(&posteriors.transitions.cast(), transitions)
            + expectation(&posteriors.states.cast(), outputs))
    }

    /// Maximizes the expected log-likelihood over all parameters for which there is a closed form. Returns the
    /// others.
    pub(super) fn maximize(
        &mut self,
        data: &Sequences<T>,
        posteriors: &Posteriors,
    ) -> Result<Remaining<T>, HmmError> {
        let start = posteriors.start.sum(&[0]);
        let total: f64 = start.iter().sum();
        self.start.set(Tensor::from_fn([start.len()], |j| T::of((start[[j]] / total).ln())));
        let counts = Quotients::of_counts(&posteriors.transitions);
        let transitions = self.transitions.set_quotients(data, &counts)?;
        let observed = &posteriors.states * &data.observed_mask().cast();
        let outputs = self.outputs.maximize(data, &observed)?;
        Ok(Remaining {
            transitions: (!transitions).then(|| posteriors.transitions.cast()),
            outputs: (!outputs).then(|| observed.cast()),
        })
    }

    /// Returns the values of the remaining networks as one variable, and the negative expected log-likelihood as a
    /// function of it, without constant terms.
    pub(super) fn network_loss<'t>(
        &self,
        tape: &'t Tape<T>,
        data: &Sequences<T>,
        remaining: &Remaining<T>,
    ) -> Result<(Var<'t, T>, Var<'t, T>), HmmError> {
        let mut parts = Vec::new();
        if remaining.transitions.is_some() {
            parts.push(self.transitions.values(tape, data)?);
        }
        if remaining.outputs.is_some() {
            parts.push(self.outputs.values(tape, data)?);
        }
        let flat: Vec<_> = parts.iter().map(|part| part.reshape([part.len()])).collect();
        let all = Var::concat(&flat, 0);
        let mut loss = tape.scalar(0.0);
        let mut from = 0;
        if let Some(posteriors) = &remaining.transitions {
            from = parts[0].len();
            let values = all.slice(0, 0..from).reshape(parts[0].shape());
            loss = loss - expectation(posteriors, self.log_transitions(values, data));
        }
        if let (Some(posteriors), Some(part)) = (&remaining.outputs, parts.last()) {
            let values = all.slice(0, from..).reshape(part.shape());
            loss = loss + self.outputs.network_loss(values, data, posteriors)?;
        }
        Ok((all, loss))
    }
}

/// Returns `Σ p ln q`, where `0 · −∞` is 0.
#[track_caller]
fn expectation<'t, T: Scalar>(probabilities: &Tensor<T>, logarithms: Var<'t, T>) -> Var<'t, T> {
    logarithms.tape().constant(probabilities.clone()).chain_mul(logarithms).sum_all()
}
