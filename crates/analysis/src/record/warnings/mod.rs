//! What is wrong with a training, by its record.

mod diagnosis;

pub(super) use diagnosis::diagnose;

use super::number::decimal;

/// Something wrong with a training. It is displayed as one sentence with numbers; [`remedy`](Self::remedy) says what to
/// do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A loss or a gradient is NaN or infinite.
    #[error("the {quantity} of step {step} is not finite{}", found_in(parameter))]
    NotFinite {
        /// The first such step.
        step: u64,
        /// `loss`, `validation loss` or `gradient`.
        quantity: &'static str,
        /// The first parameter that is not finite at this step, or else the first whose gradient is not.
        parameter: Option<String>,
    },
    /// The gradient of a step is far larger than those before.
    #[error(
        "the gradient explodes: its norm of {norm:.3e} at step {step} is {} times the median of {usual:.3e} before\
         {}",
        decimal(norm / usual, 0), found_in(parameter)
    )]
    ExplodingGradient {
        /// The worst step.
        step: u64,
        /// The norm of its gradient, before clipping.
        norm: f64,
        /// The median of the steps before.
        usual: f64,
        /// The parameter with the largest gradient at this step, if it was recorded.
        parameter: Option<String>,
    },
    /// The gradient grows on its way back through the steps.
    #[error(
        "the gradient explodes at lag {lag}: with respect to `{state}` it is {} times that at lag 0, at step {step}",
        decimal(*growth, 0)
    )]
    ExplodingAtLag {
        /// The step.
        step: u64,
        /// The state.
        state: String,
        /// The lag at which the gradient is largest.
        lag: usize,
        /// How many times it is that at the first lag that has one.
        growth: f64,
    },
    /// The gradient does not reach early steps of a window.
    #[error(
        "the gradient vanishes at lag {lag} of {lags}: with respect to `{state}`, which it reaches furthest, it is below 1/1000 of its peak from there on, at step {step}"
    )]
    VanishingAtLag {
        /// The step.
        step: u64,
        /// The state that it reaches furthest, of those recorded.
        state: String,
        /// The first lag from which on the gradient is below a thousandth of its peak.
        lag: usize,
        /// The number of lags.
        lags: usize,
    },
    /// A gate has hardly any other values than 0 and 1.
    #[error(
        "gate `{gate}` is saturated at step {step}: {:.0} % of its values are below 0.1 (closed), {:.0} % above 0.9 (open)",
        100.0 * closed, 100.0 * open
    )]
    SaturatedGate {
        /// The step.
        step: u64,
        /// The gate with the names of its layers, such as `1.f`.
        gate: String,
        /// The share of values below 0.1.
        closed: f64,
        /// The share of values above 0.9.
        open: f64,
    },
    /// Units have the same value at all steps.
    #[error(
        "`{value}` has dead units at step {step}, each with one value at all steps: {} of {units} (numbers {})",
        dead.len(), listed(dead)
    )]
    DeadUnits {
        /// The step.
        step: u64,
        /// The probed value.
        value: String,
        /// The units, by their numbers from 0.
        dead: Vec<usize>,
        /// The number of all units.
        units: usize,
    },
    /// Updates are large beside the weights.
    #[error(
        "the learning rate is too large: at step {step} an update is {ratio:.1e} of the weights in the median; `{parameter}` has the most, {worst:.1e}"
    )]
    LearningRateTooLarge {
        /// The step.
        step: u64,
        /// The median of the update-to-weight ratios.
        ratio: f64,
        /// The parameter with the largest ratio.
        parameter: String,
        /// Its ratio.
        worst: f64,
    },
    /// Updates are small beside the weights.
    #[error(
        "the learning rate is too small: at step {step} an update is {ratio:.1e} of the weights in the median; `{parameter}` has the least, {worst:.1e}"
    )]
    LearningRateTooSmall {
        /// The step.
        step: u64,
        /// The median of the update-to-weight ratios.
        ratio: f64,
        /// The parameter with the smallest ratio.
        parameter: String,
        /// Its ratio.
        worst: f64,
    },
    /// The training loss no longer falls.
    #[error(
        "the loss has not fallen since step {since}: {} in the mean over the {steps} steps after it, {} over the last {steps}",
        decimal(*before, 4), decimal(*now, 4)
    )]
    Plateau {
        /// The step.
        since: u64,
        /// The number of recorded steps in each mean.
        steps: usize,
        /// The mean after the step.
        before: f64,
        /// The mean at the end.
        now: f64,
    },
}

impl Warning {
    /// Returns what to do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotFinite { .. } => {
                "Resume from the last checkpoint with a lower learning rate or a smaller norm to clip to. Tape::checking \
                 and Tape::first_non_finite name the operation."
            }
            Self::ExplodingGradient { .. } => {
                "Clip the norm of the gradient (clip_norm; Pascanu, Mikolov and Bengio 2013) to about its usual size, or \
                 lower the learning rate."
            }
            Self::ExplodingAtLag { .. } => {
                "Clip the norm of the gradient (Pascanu, Mikolov and Bengio 2013), begin with an orthogonal recurrent \
                 matrix or a smaller one, or use a cell with gates."
            }
            Self::VanishingAtLag { .. } => {
                "Nothing is learned across longer lags. Use a cell with gates (Hochreiter and Schmidhuber 1997) and a \
                 forget bias of 1 or more (Gers, Schmidhuber and Cummins 2000), an orthogonal recurrent matrix, or \
                 attention. If long lags do not matter, a shorter window saves time."
            }
            Self::SaturatedGate { .. } => {
                "A forget gate that stays open may be what the task needs. Any other saturated gate hardly learns, since its \
                 slope is small: lower the learning rate, begin with a bias nearer to 0, normalize the inputs, or use \
                 layer normalization."
            }
            Self::DeadUnits { .. } => {
                "Dead units carry no information. Lower the learning rate, scale the inputs down, begin with smaller weights, or \
                 use tanh or a leaky activation in place of relu."
            }
            Self::LearningRateTooLarge { .. } => {
                "A ratio near 1e-3 is usual (Karpathy, CS231n, 2015): lower the learning rate, or raise it slowly at the \
                 beginning."
            }
            Self::LearningRateTooSmall { .. } => {
                "A ratio near 1e-3 is usual (Karpathy, CS231n, 2015): raise the learning rate, or clip to a larger norm."
            }
            Self::Plateau { .. } => {
                "If the loss is good enough, stop. If not: lower the learning rate when it no longer falls (Plateau), or \
                 raise it if updates are small; give the model more units, or better inputs."
            }
        }
    }
}

/// Returns where something was found, if it is known.
fn found_in(parameter: &Option<String>) -> String {
    parameter.as_ref().map_or(String::new(), |name| format!(", found in `{name}`"))
}

/// Returns the first few numbers of units.
fn listed(units: &[usize]) -> String {
    const FEW: usize = 8;
    let few: Vec<_> = units.iter().take(FEW).map(usize::to_string).collect();
    few.join(", ") + if units.len() > FEW { ", …" } else { "" }
}
