//! Learners as engines with a method.

/// Implements [`OnlineLearner`](super::OnlineLearner) for a type with a field `engine: Engine<T, _>`. What does not
/// mention a layer is a method of the type itself as well, so that a call does not have to name the layer's type.
macro_rules! learner_by_engine {
    ($learner:ident) => {
        impl<T: bptt_tensor::Scalar> $learner<T> {
            /// As [`OnlineLearner::reset`](crate::online::OnlineLearner::reset), without a layer.
            pub fn reset(&mut self) {
                self.engine.reset();
            }

            /// As [`OnlineLearner::reset_sequences`](crate::online::OnlineLearner::reset_sequences), without a layer.
            ///
            /// # Panics
            ///
            /// If the batch does not have one of the sequences.
            #[track_caller]
            pub fn reset_sequences(&mut self, sequences: &[usize]) {
                self.engine.reset_sequences(sequences);
            }

            /// As [`OnlineLearner::state`](crate::online::OnlineLearner::state), without a layer.
            #[must_use]
            pub fn state(&self) -> bptt_layers::weights::Archive<T> {
                self.engine.state()
            }
        }

        impl<T: bptt_tensor::Scalar, L: bptt_layers::Stepwise<T> + bptt_layers::Module<T>>
            $crate::online::OnlineLearner<T, L> for $learner<T>
        {
            #[track_caller]
            fn step(
                &mut self,
                layer: &L,
                x: &bptt_tensor::Tensor<T>,
                loss: &$crate::online::LossFn<'_, T>,
            ) -> Result<$crate::online::OnlineStep<T>, $crate::online::OnlineError> {
                self.engine.step(layer, x, loss)
            }

            #[track_caller]
            fn advance(
                &mut self,
                layer: &L,
                x: &bptt_tensor::Tensor<T>,
            ) -> Result<bptt_tensor::Tensor<T>, $crate::online::OnlineError> {
                self.engine.advance(layer, x)
            }

            fn reset(&mut self) {
                self.reset();
            }

            #[track_caller]
            fn reset_sequences(&mut self, sequences: &[usize]) {
                self.reset_sequences(sequences);
            }

            fn state(&self) -> bptt_layers::weights::Archive<T> {
                self.state()
            }

            #[track_caller]
            fn restore(
                &mut self,
                layer: &L,
                state: &bptt_layers::weights::Archive<T>,
            ) -> Result<(), bptt_layers::weights::WeightsError> {
                self.engine.restore(layer, state)
            }
        }
    };
}
pub(super) use learner_by_engine;
