//! Losses of outputs against desired values of the same shape.

use bptt_autodiff::{Operand, Var};
use bptt_tensor::Scalar;
use bptt_tensor::shape::{self, OrPanic};

use super::reduction::{Loss, Terms};
use super::terms::error::{ErrorTerms, Measure};
use super::terms::positions::Positions;

/// Half the squared distance `½ ‖d − o‖²` of the outputs `o` `[.., F]` from what is desired.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn squared_error<'t, T: Scalar>(
    output: Var<'t, T>,
    desired: impl Operand<'t, T>,
) -> Loss<'t, T> {
    compare("squared_error", output, desired.on(output.tape()), Measure::HalfSquared)
}

/// The squared difference `(d − o)²` of the outputs `o` `[.., F]` from what is desired, averaged
/// over the features. Its mean over positions is that over all elements.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn mean_squared_error<'t, T: Scalar>(
    output: Var<'t, T>,
    desired: impl Operand<'t, T>,
) -> Loss<'t, T> {
    compare("mean_squared_error", output, desired.on(output.tape()), Measure::MeanSquared)
}

/// Huber's loss (1964) of the differences `e = d − o` of the outputs `o` `[.., F]`, averaged over the
/// features: quadratic near 0 and linear beyond `delta`, so that outliers pull no harder than that.
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
    output: Var<'t, T>,
    desired: impl Operand<'t, T>,
    delta: f64,
) -> Loss<'t, T> {
    assert!(delta > 0.0 && delta.is_finite(), "huber: delta is a positive number, not {delta}");
    compare("huber", output, desired.on(output.tape()), Measure::Huber { delta })
}

/// The distance `‖d − o‖` of the outputs `o` `[.., F]` from what is desired. Where they meet, its
/// derivatives are taken as 0.
///
/// # Panics
///
/// If the shapes differ, or have no axis.
#[track_caller]
pub fn euclidean_distance<'t, T: Scalar>(
    output: Var<'t, T>,
    desired: impl Operand<'t, T>,
) -> Loss<'t, T> {
    compare("euclidean_distance", output, desired.on(output.tape()), Measure::Distance)
}

/// The cross-entropy of independent yes-or-no questions, averaged over the features: `logits` `o`
/// `[.., F]` give the probabilities `σ(o)`, `targets` `y` are 0, 1 or a probability between.
///
/// ```text
/// −y ln σ(o) − (1 − y) ln(1 − σ(o))
/// ```
///
/// Value and gradient, `σ(o) − y` by the number of features, are finite for logits however large. An infinite logit
/// is a certain prediction: its loss is 0 if it is right, and infinite if it is wrong.
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
    output: Var<'t, T>,
    desired: Var<'t, T>,
    measure: Measure,
) -> Loss<'t, T> {
    shape::same(operation, &output.shape(), &desired.shape()).or_panic();
    let positions = Positions::of_rows(operation, &output.shape()).or_panic();
    Loss::of_terms(Terms::Error(ErrorTerms { output, desired, measure }), positions)
}
