//! What a learner keeps of the past.

use std::fmt::Debug;

use bptt_layers::weights::WeightsError;
use bptt_tensor::Scalar;

use super::error::OnlineError;
use super::recorded_step::{ByParameter, RecordedStep};
use super::saved::{Saved, Saving};

/// What a learner keeps of the influence `Π = ds/dθ` of one sequence.
pub(super) trait Method<T: Scalar>: Clone + Debug {
    type Influence: Debug;

    /// Returns `Π_t = J_t Π_{t−1} + I_t`, as far as the method keeps it. `None` stands for zeros.
    ///
    /// If a step fails, the learner drops this method, and keeps the one from before the step.
    #[track_caller]
    fn advance(
        &mut self,
        before: Option<&Self::Influence>,
        step: &RecordedStep<'_, '_, T>,
    ) -> Result<Self::Influence, OnlineError>;

    /// Adds `λᵀ Π` to gradients `[P]`, for a cotangent `λ: [S]` of the state.
    fn add_gradients(
        &self,
        influence: &Self::Influence,
        cotangent: &[T],
        gradients: &mut ByParameter<T>,
    );

    /// Whether all numbers are finite.
    fn is_finite(&self, influence: &Self::Influence) -> bool;

    /// Writes what belongs to no sequence.
    fn save(&self, _saving: &mut Saving<'_, T>) {}

    /// Returns the method with what [`save`](Self::save) wrote. `start` is the initial state of the layer.
    #[track_caller]
    fn restored(
        &self,
        _saved: &mut Saved<'_, T>,
        _start: &RecordedStep<'_, '_, T>,
    ) -> Result<Self, WeightsError> {
        Ok(self.clone())
    }

    /// Writes an influence.
    fn save_influence(&self, influence: &Self::Influence, saving: &mut Saving<'_, T>);

    /// Reads an influence. `start` is the initial state of the layer.
    #[track_caller]
    fn influence(
        &self,
        saved: &mut Saved<'_, T>,
        start: &RecordedStep<'_, '_, T>,
    ) -> Result<Self::Influence, WeightsError>;
}
