//! Losses of outputs against targets of the same shape.

use bptt_autodiff::{Operand, Var};
use bptt_tensor::Scalar;
use bptt_tensor::shape::{self, OrPanic};

use super::reduction::{Loss, Terms};
use super::terms::error::{ErrorTerms, Measure};
use super::terms::positions::Positions;

/// Returns half the squared distance `½ ‖y − o‖²` of the outputs `o` `[.., F]` from the targets `y`.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn squared_error<'t, T: Scalar>(
    outputs: Var<'t, T>,
    targets: impl Operand<'t, T>,
) -> Loss<'t, T> {
    compare("squared_error", outputs, targets.on(outputs.tape()), Measure::HalfSquared)
}

/// Returns the squared difference `(y − o)²` of the outputs `o` `[.., F]` and the targets `y`, averaged over the
/// features. Its mean over positions is the mean over all elements.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn mean_squared_error<'t, T: Scalar>(
    outputs: Var<'t, T>,
    targets: impl Operand<'t, T>,
) -> Loss<'t, T> {
    compare("mean_squared_error", outputs, targets.on(outputs.tape()), Measure::MeanSquared)
}

/// Returns Huber's loss (1964) of the differences `e = y − o` of the targets `y` and the outputs `o` `[.., F]`, averaged
/// over the features. It is quadratic near 0 and linear beyond `delta`, which bounds the gradient of outliers.
///
/// ```text
/// ½ e²            where |e| ≤ δ
/// δ (|e| − ½ δ)   elsewhere
/// ```
///
/// # Panics
///
/// If the shapes differ, or have no axis; or if `delta` is not a positive number.
#[track_caller]
pub fn huber<'t, T: Scalar>(
    outputs: Var<'t, T>,
    targets: impl Operand<'t, T>,
    delta: f64,
) -> Loss<'t, T> {
    assert!(delta > 0.0 && delta.is_finite(), "huber: delta is a positive number, not {delta}");
    compare("huber", outputs, targets.on(outputs.tape()), Measure::Huber { delta })
}

/// Returns the distance `‖y − o‖` of the outputs `o` `[.., F]` from the targets `y`. Where `o = y`, its derivatives are
/// taken as 0.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn euclidean_distance<'t, T: Scalar>(
    outputs: Var<'t, T>,
    targets: impl Operand<'t, T>,
) -> Loss<'t, T> {
    compare("euclidean_distance", outputs, targets.on(outputs.tape()), Measure::Distance)
}

/// Returns the binary cross-entropy of independent labels, averaged over the features. The logits `o` `[.., F]` give the
/// probabilities `σ(o)`. The targets `y` are 0, 1 or a probability between.
///
/// ```text
/// −y ln σ(o) − (1 − y) ln(1 − σ(o))
/// ```
///
/// The value and its gradient `(σ(o) − y) / F` are finite for every finite logit. An infinite logit is a certain
/// prediction. Its loss is 0 if the prediction is right, and infinite if it is wrong.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn binary_cross_entropy<'t, T: Scalar>(
    logits: Var<'t, T>,
    targets: impl Operand<'t, T>,
) -> Loss<'t, T> {
    let targets = targets.on(logits.tape());
    compare("binary_cross_entropy", logits, targets, Measure::BinaryCrossEntropy)
}

#[track_caller]
fn compare<'t, T: Scalar>(
    operation: &'static str,
    outputs: Var<'t, T>,
    targets: Var<'t, T>,
    measure: Measure,
) -> Loss<'t, T> {
    shape::same(operation, &outputs.shape(), &targets.shape()).or_panic();
    let positions = Positions::of_rows(operation, &outputs.shape()).or_panic();
    Loss::of_terms(Terms::Error(ErrorTerms { outputs, targets, measure }), positions)
}
