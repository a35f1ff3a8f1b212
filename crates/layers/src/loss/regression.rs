//! Losses of outputs against desired values of the same shape.

use bptt_autodiff::{Operand, Var};
use bptt_tensor::Scalar;
use bptt_tensor::shape::{self, OrPanic};

use super::binary::BinaryCrossEntropy;
use super::positions::{Positions, headroom};
use super::{Loss, Terms};

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
    Loss { terms: Terms::Error(ErrorTerms { output, desired, measure }), positions }
}

/// How the features of a position are compared.
#[derive(Clone, Copy, Debug)]
enum Measure {
    HalfSquared,
    MeanSquared,
    Huber { delta: f64 },
    Distance,
    BinaryCrossEntropy,
}

/// `measure(output, desired)`
#[derive(Clone, Debug)]
pub(super) struct ErrorTerms<'t, T> {
    output: Var<'t, T>,
    desired: Var<'t, T>,
    measure: Measure,
}

impl<'t, T: Scalar> ErrorTerms<'t, T> {
    #[track_caller]
    pub(super) fn losses(&self, positions: &Positions<T>) -> Var<'t, T> {
        let (o, d) = (positions.kept(self.output), positions.kept(self.desired));
        let features = self.output.shape().last().map_or(1, |&features| features.max(1)) as f64;
        // divided before they are squared and summed, either of which may overflow
        let scale = headroom(features.sqrt());
        let room = scale * scale;
        let mean_of_shares = |shares: Var<'t, T>| shares.sum(&[-1]) / (features / room);
        match self.measure {
            Measure::HalfSquared => ((o - d) / 2.0).square().sum(&[-1]) * 2.0,
            Measure::MeanSquared => mean_of_shares(((o - d) / scale).square()),
            Measure::Huber { delta } => {
                let delta = delta.min(T::max_value().as_f64());
                let error = o - d;
                let size = error.abs();
                let is_near = size.le(delta);
                let near = (is_near.select(error, 0.0) / scale).square();
                let far = is_near.select(0.0, size - 0.5 * delta);
                mean_of_shares(near * 0.5 + far * (delta / room))
            }
            Measure::Distance => {
                let error = o - d;
                // the norm has no second derivative at 0, so the operation is not given a 0
                let meets = error.equal(0.0).sum_keep(&[-1]).equal(features);
                let distance = meets.select(1.0, error).norm_keep(&[-1]);
                meets.select(0.0, distance).sum(&[-1])
            }
            Measure::BinaryCrossEntropy => {
                mean_of_shares(o.tape().apply(BinaryCrossEntropy, &[o, d]) / room)
            }
        }
    }
}
