//! The sparse one-step approximation of real-time recurrent learning.

use bptt_layers::weights::WeightsError;
use bptt_tensor::{Scalar, Shape, Tensor};

use super::delegation::learner_by_engine;
use super::engine::Engine;
use super::error::OnlineError;
use super::method::Method;
use super::recorded_step::{ByParameter, RecordedStep};
use super::saved::{Saved, Saving};
use super::sparse::SparseMatrix;

/// The sparse one-step approximation or `SnAp-1` of real-time recurrent learning, for any layer.
///
/// ```text
/// M_t = M_{t−1} ∪ { (i, p) : (I_t)_{ip} ≠ 0 }
/// Π_t = M_t ⊙ (J_t Π_{t−1} + I_t)
/// ∇L_t ≈ (∂L_t/∂s_{t−1}) Π_{t−1} + ∂L_t/∂θ
/// ```
///
/// `Π: [S, P]`, `J: [S, S]` and `I: [S, P]` are those of [`RealTime`](super::RealTime). An entry is kept if the
/// parameter influences the element of the state within one step. In the paper, this pattern `M` follows from the
/// equations. Here it is the union of the entries of `I` that have not been zero so far, which needs no knowledge of
/// the equations. An entry that has always been zero, such as that of a rectified unit that has not been active yet, is
/// not kept.
///
/// The gradient is exact where a parameter influences all elements that it ever reaches within one step, as in an
/// [`IndRnn`](bptt_layers::IndRnn), a [`MinGru`](bptt_layers::MinGru) or an [`MLstm`](bptt_layers::MLstm). Otherwise it
/// lacks paths through other elements, and is biased. For a cell with weights `[H, H]`, each of which reaches one unit
/// at first, the part of `J` that counts is its diagonal.
///
/// Memory is a number and a position for each kept entry: for such a cell `O(P)`, which is a share of `1/S` of all.
/// Time for each sequence is `S` reverse passes through one step, and `O(S)` operations for each kept entry, since `I`
/// is read off a tape. Where the recurrence is elementwise, [`Traces`](super::Traces) are cheaper.
///
/// Menick, Elsen, Evci, Osindero, Simonyan and Graves, *A practical sparse approximation for real time recurrent
/// learning* (2021).
///
/// ```
/// use bptt_layers::Gru;
/// use bptt_tensor::Tensor;
/// use bptt_trainers::online::{OnlineLearner, RealTime, Snap1};
///
/// let mut rng = bptt_layers::rng(0);
/// let cell = Gru::<f64>::new(&mut rng, 2, 8);
/// let (mut sparse, mut full) = (Snap1::new(), RealTime::new());
/// let learners: [&mut dyn OnlineLearner<f64, Gru<f64>>; 2] = [&mut sparse, &mut full];
/// let mut gradients = Vec::new();
/// for learner in learners {
///     for t in 0..5 {
///         let x = Tensor::full([1, 2], t as f64);
///         let step = learner.step(&cell, &x, &|y| y.square().sum_all())?;
///         gradients.push(step.gradients[&cell.w_ih].clone());
///     }
/// }
/// let cosine = |a: &Tensor<f64>, b: &Tensor<f64>| {
///     let dot = |a: &Tensor<f64>, b: &Tensor<f64>| (a * b).sum_all().item();
///     dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
/// };
/// assert!(cosine(&gradients[4], &gradients[9]) > 0.9); // of the last step
/// # Ok::<(), bptt_trainers::online::OnlineError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snap1<T: Scalar> {
    engine: Engine<T, Sparse>,
}

impl<T: Scalar> Snap1<T> {
    /// Creates a learner.
    #[must_use]
    pub fn new() -> Self {
        Self { engine: Engine::new(Sparse) }
    }
}

impl<T: Scalar> Default for Snap1<T> {
    fn default() -> Self {
        Self::new()
    }
}

learner_by_engine!(Snap1);

/// Keeps the entries of a pattern.
#[derive(Clone, Debug)]
struct Sparse;

impl<T: Scalar> Method<T> for Sparse {
    /// A matrix `[S, P]` for each parameter of `P` elements; `None` stands for zeros.
    type Influence = Vec<Option<SparseMatrix<T>>>;

    fn advance(
        &mut self,
        before: Option<&Self::Influence>,
        step: &RecordedStep<'_, '_, T>,
    ) -> Result<Self::Influence, OnlineError> {
        let size = step.size();
        let mut influence = vec![None; step.widths.len()];
        for element in 0..size {
            let row = step.row(element);
            for (parameter, &width) in step.widths.iter().enumerate() {
                let old = before.and_then(|before| before[parameter].as_ref());
                let immediate = row.parameters[parameter].as_ref();
                if old.is_none() && immediate.is_none() {
                    continue;
                }
                let new =
                    influence[parameter].get_or_insert_with(|| SparseMatrix::new([size, width]));
                new.set_row(element, &row.state, old, immediate);
            }
        }
        Ok(influence)
    }

    fn add_gradients(
        &self,
        influence: &Self::Influence,
        cotangent: &[T],
        gradients: &mut ByParameter<T>,
    ) {
        for (gradient, influence) in gradients.iter_mut().zip(influence) {
            let Some(influence) = influence else { continue };
            let gradient = gradient.get_or_insert_with(|| Tensor::zeros([influence.width()]));
            influence.add_product(cotangent, gradient.as_mut_slice());
        }
    }

    fn is_finite(&self, influence: &Self::Influence) -> bool {
        influence.iter().flatten().all(SparseMatrix::is_finite)
    }

    fn save_influence(&self, influence: &Self::Influence, saving: &mut Saving<'_, T>) {
        saving.existing("influence", influence.iter().map(Option::is_some));
        for ((name, _), influence) in saving.parameters.iter().zip(influence) {
            let Some(influence) = influence else { continue };
            let values = influence.values();
            saving.numbers(&format!("counts.{name}"), &influence.counts());
            saving.numbers(&format!("columns.{name}"), &influence.columns());
            saving.tensor(&format!("influence.{name}"), Tensor::from_vec([values.len()], values));
        }
    }

    fn influence(
        &self,
        saved: &mut Saved<'_, T>,
        start: &RecordedStep<'_, '_, T>,
    ) -> Result<Self::Influence, WeightsError> {
        let mut influence = Vec::new();
        for ((name, shape), exists) in saved.parameters.iter().zip(saved.existing("influence")?) {
            if !exists {
                influence.push(None);
                continue;
            }
            let (width, own) = (shape.elements(), format!("columns.{name}"));
            let counts = saved.numbers(&format!("counts.{name}"), start.size(), width)?;
            let count = counts.iter().sum();
            let columns = saved.numbers(&own, count, width.saturating_sub(1))?;
            let values = saved.tensor(&format!("influence.{name}"), &Shape::from([count]))?;
            let matrix = SparseMatrix::from_parts(width, &counts, &columns, values.as_slice());
            influence.push(Some(saved.expect(&own, matrix)?));
        }
        Ok(influence)
    }
}
