//! Real-time recurrent learning.

use bptt_layers::weights::WeightsError;
use bptt_tensor::{Scalar, Tensor};

use super::delegation::learner_by_engine;
use super::engine::Engine;
use super::error::OnlineError;
use super::method::Method;
use super::recorded_step::{ByParameter, RecordedStep, add};
use super::saved::{Saved, Saving};

/// Real-time recurrent learning or RTRL: exact gradients forward in time, for any layer.
///
/// ```text
/// Π_t = J_t Π_{t−1} + I_t
/// ∇L_t = (∂L_t/∂s_{t−1}) Π_{t−1} + ∂L_t/∂θ
/// ```
///
/// `Π: [S, P]` is the influence of the parameters on the state, `J = ∂s_t/∂s_{t−1}: [S, S]`, `I = ∂s_t/∂θ: [S, P]`
/// within the step. While the parameters do not change, the sum of the gradients of all steps is that of
/// back-propagation through time.
///
/// For each sequence, a step costs `S` reverse passes through one step, and a product of `[S, S]` with `[S, P]`. Memory
/// is `S·P` numbers, and twice that during a step. Parameters that do not influence the state, such as those of a
/// readout, do not count in `P`. For a cell of `H` units with `H²` weights, these are time `O(H⁴)` and memory `O(H³)`.
///
/// Williams and Zipser, *A learning algorithm for continually running fully recurrent neural networks* (1989); Robinson
/// and Fallside 1987.
///
/// ```
/// use bptt_autodiff::{Gradients, Tape};
/// use bptt_layers::{Elman, Layer, loss};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::online::{OnlineLearner, RealTime};
///
/// let mut rng = bptt_layers::rng(0);
/// let cell = Elman::<f64>::new(&mut rng, 2, 3);
/// let xs = Tensor::normal([5, 1, 2], 0.0, 1.0, &mut rng); // [T, B, I]
/// let mut learner = RealTime::new();
/// let mut gradients = Gradients::default();
/// for t in 0..5 {
///     let step = learner.step(&cell, &xs.index_first(t), &|y| y.square().sum_all())?;
///     gradients += step.gradients;
/// }
///
/// let tape = Tape::new(); // with all steps
/// let loss = cell.forward(tape.constant(xs)).0.square().sum_all();
/// let difference = &gradients[&cell.w_hh] - &tape.backward(loss)[&cell.w_hh];
/// assert!(difference.iter().all(|d| d.abs() < 1e-12));
/// # Ok::<(), bptt_trainers::online::OnlineError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RealTime<T: Scalar> {
    engine: Engine<T, Dense>,
}

impl<T: Scalar> RealTime<T> {
    /// Creates a learner.
    #[must_use]
    pub fn new() -> Self {
        Self { engine: Engine::new(Dense) }
    }
}

impl<T: Scalar> Default for RealTime<T> {
    fn default() -> Self {
        Self::new()
    }
}

learner_by_engine!(RealTime);

/// Keeps all of `Π`.
#[derive(Clone, Debug)]
struct Dense;

impl<T: Scalar> Method<T> for Dense {
    /// The rows `[S, P]` of each parameter of `P` elements.
    type Influence = ByParameter<T>;

    fn advance(
        &mut self,
        before: Option<&ByParameter<T>>,
        step: &RecordedStep<'_, '_, T>,
    ) -> Result<ByParameter<T>, OnlineError> {
        let size = step.size();
        let mut jacobian = Vec::with_capacity(size * size);
        let mut influence: ByParameter<T> = vec![None; step.widths.len()];
        for element in 0..size {
            let row = step.row(element);
            jacobian.extend(row.state);
            for (all, own) in influence.iter_mut().zip(row.parameters) {
                let Some(own) = own else { continue };
                let width = own.len();
                let all = all.get_or_insert_with(|| Tensor::zeros([size, width]));
                let elements = element * width..(element + 1) * width;
                all.as_mut_slice()[elements].copy_from_slice(own.as_slice());
            }
        }
        let Some(before) = before else { return Ok(influence) };
        let jacobian = Tensor::from_vec([size, size], jacobian);
        for (new, old) in influence.iter_mut().zip(before) {
            old.iter().for_each(|old| add(new, jacobian.matmul(old)));
        }
        Ok(influence)
    }

    fn add_gradients(
        &self,
        influence: &ByParameter<T>,
        cotangent: &[T],
        gradients: &mut ByParameter<T>,
    ) {
        let cotangent = Tensor::from_slice([1, cotangent.len()], cotangent);
        for (gradient, influence) in gradients.iter_mut().zip(influence) {
            let Some(influence) = influence else { continue };
            add(gradient, cotangent.matmul(influence).index_first(0));
        }
    }

    fn is_finite(&self, influence: &ByParameter<T>) -> bool {
        influence.iter().flatten().all(Tensor::is_finite)
    }

    fn save_influence(&self, influence: &ByParameter<T>, saving: &mut Saving<'_, T>) {
        saving.by_parameter("influence", influence);
    }

    fn influence(
        &self,
        saved: &mut Saved<'_, T>,
        start: &RecordedStep<'_, '_, T>,
    ) -> Result<ByParameter<T>, WeightsError> {
        saved.by_parameter("influence", Some(start.size()))
    }
}
