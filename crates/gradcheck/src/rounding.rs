//! A bound for the difference between two computations that rounding may cause.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use crate::Law;
use crate::evidence::Evidence;
use crate::laws::orders::{direction, functional};
use crate::subject::Subject;
use crate::values::Random;
use crate::violation::{Named, Violation};

/// Looks for a violation. Where two ways to compute a value disagree, it looks once more, with an allowance for the
/// rounding errors of the computation.
pub(crate) fn allowed_for(
    law: Law,
    evidence: &mut Evidence,
    hold: impl Fn(&mut Evidence) -> Result<(), Violation>,
    carried: impl FnOnce() -> f64,
) -> Result<(), Violation> {
    let result = hold(evidence);
    if !compares_rounded_values(law) || !matches!(result, Err(Violation::Mismatch(_))) {
        return result;
    }
    let slack = ROUNDINGS * carried();
    let most = if law == Law::SinglePrecision { MOST_IN_SINGLE } else { MOST };
    if slack > most {
        evidence.excluded += 1;
        return Ok(());
    }
    *evidence = Evidence { slack, in_detail: evidence.in_detail, ..Evidence::default() };
    hold(evidence)
}

/// Random errors change a result by about its own rounding error. This many times that change is a bound for the error.
const ROUNDINGS: f64 = 10.0;

/// The largest allowance. A case that needs more is excluded, since nothing would be compared.
const MOST: f64 = 1e-6;

/// The largest allowance in single precision, whose roundings are 5e8 times as large.
const MOST_IN_SINGLE: f64 = 1e-2;

/// Whether a law compares rounded values. Laws that use differences account for rounding themselves, and some laws
/// compare every bit.
fn compares_rounded_values(law: Law) -> bool {
    let by_differences = matches!(
        law,
        Law::Jacobian | Law::Slope | Law::SecondOrder | Law::ThirdOrder | Law::LearnedStart
    );
    let by_bits = matches!(law, Law::Zero | Law::Repeatable | Law::Threads | Law::Causality);
    !by_differences && !by_bits
}

/// The largest change of the results between seeds of errors, relative to the largest element of each tensor if that is
/// above 1. A computation that is not repeatable gets no allowance.
pub(crate) fn moved(results: impl Fn(u64) -> Vec<Named>) -> f64 {
    let first = results(0);
    if farthest(&first, &results(0)) > 0.0 {
        return 0.0;
    }
    (1..=4).map(|seed| farthest(&first, &results(seed))).fold(0.0, f64::max)
}

/// The largest change that errors of one rounding in each operation cause: in a function's outputs, its gradient, and
/// its Hessian times a direction.
pub(crate) fn carried(subject: &dyn Subject, rng: &mut Random) -> f64 {
    let along = direction(subject, rng);
    moved(|seed| {
        let tape = Tape::perturbed(seed);
        let recorded = subject.record(&tape, subject.at());
        let y = recorded.flat();
        let loss = functional(y, &Tensor::ones(y.shape()));
        let one = tape.constant(Tensor::scalar(1.0));
        let gradient = tape.vjp(&[(loss, one)], &recorded.sources);
        let tangents = along.iter().map(|v| tape.constant(v.clone()));
        let tangents: Vec<_> = recorded.sources.iter().copied().zip(tangents).collect();
        let curvature = tape.hvp(loss, &tangents);
        let all = std::iter::once(y).chain(gradient).chain(curvature);
        all.map(|result| Named::new("", result.value())).collect()
    })
}

/// The largest difference between two lists of tensors, relative to the largest element of each tensor if that is above
/// 1.
fn farthest(left: &[Named], right: &[Named]) -> f64 {
    let largest =
        |value: &Tensor<f64>| value.as_slice().iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let pairs = left.iter().zip(right);
    let distance =
        |l: &Named, r: &Named| largest(&(&r.value - &l.value)) / largest(&l.value).max(1.0);
    pairs.map(|(l, r)| distance(l, r)).fold(0.0, f64::max)
}
