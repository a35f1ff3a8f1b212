//! The average of the weights over steps.

use bptt::weights::{Archive, WeightsError};
use bptt::{NonMonotonic, WeightAverage};

use super::settings::{AverageKind, TrainingSettings};
use crate::model::LanguageModel;

/// The average that the settings name.
#[derive(Debug)]
pub(super) enum Average {
    None,
    Exponential(WeightAverage<f32>),
    /// The mean of the weights since the criterion was triggered.
    Triggered(NonMonotonic, WeightAverage<f32>),
}

const CRITERION: &str = "criterion";
const WEIGHTS: &str = "weights";

impl Average {
    pub(super) fn new(settings: &TrainingSettings) -> Self {
        match settings.average {
            AverageKind::None => Self::None,
            AverageKind::Exponential => {
                Self::Exponential(WeightAverage::exponential(settings.average_decay))
            }
            AverageKind::Triggered => {
                let criterion = NonMonotonic::new(settings.average_patience);
                Self::Triggered(criterion, WeightAverage::mean())
            }
        }
    }

    /// Includes the weights of the model after a step.
    pub(super) fn update(&mut self, model: &LanguageModel) {
        match self {
            Self::None => {}
            Self::Exponential(weights) => weights.update(model),
            Self::Triggered(criterion, weights) => {
                if criterion.is_triggered() {
                    weights.update(model);
                }
            }
        }
    }

    /// Shows a validation loss to the criterion. Returns whether this loss triggers it.
    pub(super) fn observe(&mut self, nats: f64) -> bool {
        match self {
            Self::Triggered(criterion, _) => {
                let before = criterion.is_triggered();
                criterion.observe(nats) && !before
            }
            Self::None | Self::Exponential(_) => false,
        }
    }

    /// Returns what `evaluate` returns for the model with averaged weights, or with its own if there are none yet.
    pub(super) fn averaged<R>(
        &self,
        model: &mut LanguageModel,
        evaluate: impl FnOnce(&LanguageModel) -> R,
    ) -> R {
        match self {
            Self::Exponential(weights) | Self::Triggered(_, weights) if weights.updates() > 0 => {
                weights.averaged(model, evaluate)
            }
            _ => evaluate(model),
        }
    }

    pub(super) fn archive(&self) -> Archive<f32> {
        let mut archive = Archive::new();
        if let Self::Exponential(weights) | Self::Triggered(_, weights) = self {
            archive.insert_group(WEIGHTS, &weights.state());
        }
        if let Self::Triggered(criterion, _) = self {
            archive.insert_group(CRITERION, &criterion.state());
        }
        archive
    }

    /// Replaces the state by one that [`archive`](Self::archive) returned.
    pub(super) fn restore(
        &mut self,
        model: &LanguageModel,
        archive: &Archive<f32>,
    ) -> Result<(), WeightsError> {
        if let Self::Triggered(criterion, _) = self {
            criterion.restore(&archive.group(CRITERION))?;
        }
        match self {
            Self::None => archive.expect_tensors(|_| false),
            Self::Exponential(weights) | Self::Triggered(_, weights) => {
                weights.restore(model, &archive.group(WEIGHTS))
            }
        }
    }
}
