//! What a recorder writes: one JSON object on a line.

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::log::Entry;
use super::number::{number, numbers, optional_number};
use super::tensorboard::Summary;

/// An entry of the record of a training.
///
/// The field `entry` names the kind, such as `"step"`. Only `unix_seconds` and `seconds` depend on clocks. A number that
/// is not finite is written as `null` and read as NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Record {
    /// The first entry.
    Start {
        /// The time, in seconds since 1970.
        unix_seconds: f64,
    },
    /// A step of training.
    Step {
        /// The number of updates made, this step's included.
        step: u64,
        /// The training loss.
        #[serde(deserialize_with = "number")]
        loss: f64,
        /// The learning rate.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "optional_number"
        )]
        learning_rate: Option<f64>,
        /// The norm of the whole gradient, before clipping if it is clipped.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "optional_number"
        )]
        gradient_norm: Option<f64>,
        /// The time since the start, without pauses between a stop and the resumption.
        seconds: f64,
    },
    /// A measurement on data that are not trained on.
    Validation {
        /// The number of updates made.
        step: u64,
        /// The loss.
        #[serde(deserialize_with = "number")]
        loss: f64,
        /// The time since the start.
        seconds: f64,
    },
    /// The inside of the model at a step.
    Details {
        /// The number of updates made, this step's included.
        step: u64,
        /// The parameters, in the order of declaration.
        parameters: Vec<ParameterDetails>,
        /// The probed values, in the order in which a step names them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<ValueDetails>,
        /// The gradients of states by lag.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lags: Vec<LagDetails>,
        /// The time since the start.
        seconds: f64,
    },
}

/// A parameter and its gradient at a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ParameterDetails {
    /// The name, such as `lstm.w_hh`.
    pub name: String,
    /// The number of axes: 1 for a bias.
    pub rank: usize,
    /// The parameter before the update.
    pub weights: Histogram,
    /// The gradient as the optimizer gets it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient: Option<Histogram>,
    /// The norm `‖Δθ‖` of the update, if there was one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_number"
    )]
    pub update_norm: Option<f64>,
}

impl ParameterDetails {
    /// Returns the update-to-weight ratio `‖Δθ‖ / ‖θ‖`, if there was an update and the parameter is not zero.
    ///
    /// A ratio of about 10⁻³ is a sign of a good learning rate (Karpathy, *Convolutional Neural Networks for
    /// Visual Recognition*, notes on learning, 2015).
    #[must_use]
    pub fn update_ratio(&self) -> Option<f64> {
        Some(self.update_norm? / self.weights.norm).filter(|_| self.weights.norm > 0.0)
    }
}

/// A probed value over all steps and sequences of a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ValueDetails {
    /// The name, such as `1.f`.
    pub name: String,
    /// The values.
    pub histogram: Histogram,
    /// The number of units.
    pub units: usize,
    /// The units that have the same value at all steps of all sequences. A gate has none: it is saturated.
    pub dead: Vec<usize>,
    /// How far the gate is saturated, if the value is a gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateDetails>,
}

/// How often a gate is saturated (Karpathy, Johnson and Fei-Fei 2015).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GateDetails {
    /// The share of values below 0.1: the gate is closed.
    pub closed: f64,
    /// The share of values above 0.9: the gate is open.
    pub open: f64,
}

impl GateDetails {
    /// Returns the share of saturated values.
    #[must_use]
    pub fn saturated(&self) -> f64 {
        self.closed + self.open
    }
}

/// The gradient of the last step's loss with respect to a state, by lag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LagDetails {
    /// The name of the state.
    pub name: String,
    /// The norm `‖∂L_T/∂s_{T−k}‖` for each lag `k` from 0.
    #[serde(deserialize_with = "numbers")]
    pub norms: Vec<f64>,
}

impl Entry for Record {
    fn started(&self) -> Option<f64> {
        match self {
            Self::Start { unix_seconds } => Some(*unix_seconds),
            _ => None,
        }
    }

    fn step(&self) -> u64 {
        match self {
            Self::Start { .. } => 0,
            Self::Step { step, .. }
            | Self::Validation { step, .. }
            | Self::Details { step, .. } => *step,
        }
    }

    fn seconds(&self) -> Option<f64> {
        match self {
            Self::Start { .. } => Some(0.0),
            Self::Step { seconds, .. }
            | Self::Validation { seconds, .. }
            | Self::Details { seconds, .. } => Some(*seconds),
        }
    }

    fn summary(&self) -> Summary {
        let summary = Summary::new();
        match self {
            Self::Start { .. } => summary,
            Self::Step { loss, learning_rate, gradient_norm, .. } => summary
                .scalar("loss/train", *loss)
                .optional_scalar("learning_rate", *learning_rate)
                .optional_scalar("gradient_norm", *gradient_norm),
            Self::Validation { loss, .. } => summary.scalar("loss/validation", *loss),
            Self::Details { parameters, values, lags, .. } => {
                let summary = parameters.iter().fold(summary, of_parameter);
                let summary = values.iter().fold(summary, of_value);
                lags.iter().fold(summary, of_lags)
            }
        }
    }
}

fn of_parameter(summary: Summary, parameter: &ParameterDetails) -> Summary {
    let ParameterDetails { name, weights, gradient, .. } = parameter;
    let summary = summary
        .scalar(format!("weight_norm/{name}"), weights.norm)
        .optional_scalar(&format!("update_ratio/{name}"), parameter.update_ratio())
        .histogram(format!("weights/{name}"), weights);
    match gradient {
        Some(gradient) => summary
            .scalar(format!("gradient_norm/{name}"), gradient.norm)
            .histogram(format!("gradients/{name}"), gradient),
        None => summary,
    }
}

fn of_value(summary: Summary, value: &ValueDetails) -> Summary {
    let ValueDetails { name, histogram, dead, gate, .. } = value;
    let summary = summary.histogram(format!("values/{name}"), histogram);
    match gate {
        Some(gate) => summary.scalar(format!("saturation/{name}"), gate.saturated()),
        None => summary.scalar(format!("dead_units/{name}"), dead.len() as f64),
    }
}

/// The longest lag stands for all: TensorBoard shows numbers over steps.
fn of_lags(summary: Summary, lags: &LagDetails) -> Summary {
    let last = lags.norms.len().saturating_sub(1);
    summary.optional_scalar(
        &format!("gradient_at_lag_{last}/{}", lags.name),
        lags.norms.last().copied(),
    )
}
