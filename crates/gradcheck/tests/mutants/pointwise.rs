//! Operations on single elements.

use bptt_autodiff::Pullback;
use bptt_gradcheck::{Domain, Report, function, operation};
use bptt_tensor::Tensor;

use crate::rule::{Rule, V};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    ValueForSlope,
    FlatBeyondTwenty,
    QuotientSign,
    FactorOfItself,
    FirstRowAlone,
    MeanForSum,
    TieToBoth,
    ValueReadAsConstant,
    SlopeReadAsConstant,
    ChoiceSwapped,
    SignForgotten,
    ZeroOverZero,
}

pub(crate) fn sigmoid(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (y, g) = (at.output(), at.cotangent());
        at.add(0, || if bug == Bug::ValueForSlope { g * y } else { g * y * (1.0 - y) });
    };
    operation(Rule { bug, forward: |x| x[0].sigmoid(), gradient: rule }).run()
}

pub(crate) fn softplus(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, g) = (at.input(0), at.cotangent());
        let flat = if bug == Bug::FlatBeyondTwenty { x.gt(20.0) } else { x.gt(f64::INFINITY) };
        at.add(0, || flat.select(0.0, g * x.sigmoid()));
    };
    operation(Rule { bug, forward: |x| x[0].softplus(), gradient: rule }).run()
}

pub(crate) fn quotient(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (b, y, g) = (at.input(1), at.output(), at.cotangent());
        at.add(0, || g / b);
        at.add(1, || if bug == Bug::QuotientSign { g * y / b } else { -g * y / b });
    };
    let check = operation(Rule { bug, forward: |x| x[0] / x[1], gradient: rule });
    check.inputs([[2, 3], [2, 3]]).domain(proptest::strategy::Just(Domain::NonZero)).run()
}

/// A row that is stretched over a matrix.
pub(crate) fn product(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (a, b, g) = (at.input(0), at.input(1), at.cotangent());
        at.add(0, || if bug == Bug::FactorOfItself { g * a } else { g * b });
        at.add(1, || match bug {
            Bug::FirstRowAlone => (g * a).index_first(0),
            Bug::MeanForSum => (g * a).mean(&[0]),
            _ => g * a,
        });
    };
    let check = operation(Rule { bug, forward: |x| x[0] * x[1], gradient: rule });
    check.inputs([&[2, 3][..], &[3]]).run()
}

/// `max(x, x) = x` has a slope where both are the largest.
pub(crate) fn maximum(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (a, b, g) = (at.input(0), at.input(1), at.cotangent());
        let tie = if bug == Bug::TieToBoth { 1.0 } else { 0.5 };
        at.add(0, || g * (a.gt(b) + a.equal(b) * tie));
        at.add(1, || g * (b.gt(a) + a.equal(b) * tie));
    };
    let maximum = Rule { bug, forward: |x| x[0].maximum(x[1]), gradient: rule };
    function(move |x| x[0].tape().apply(maximum, &[x[0], x[0]])).run()
}

/// `x³`, whose slope is an operation of its own.
pub(crate) fn cube(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, g) = (at.input(0), at.cotangent());
        let x = if bug == Bug::ValueReadAsConstant { x.stop_gradient() } else { x };
        at.add(0, || g * slope_of_cube(bug, x));
    };
    operation(Rule { bug, forward: |x| x[0].map(|x| x * x * x), gradient: rule }).run()
}

/// `3 x²`
fn slope_of_cube(bug: Bug, x: V<'_>) -> V<'_> {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, g) = (at.input(0), at.cotangent());
        let x = if bug == Bug::SlopeReadAsConstant { x.stop_gradient() } else { x };
        at.add(0, || g * 6.0 * x);
    };
    let forward = |x: &[&Tensor<f64>]| x[0].map(|x| 3.0 * x * x);
    x.tape().apply(Rule { bug, forward, gradient: rule }, &[x])
}

/// `x > 0 ? a : b`
pub(crate) fn select(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (chosen, g) = (at.input(0).gt(0.0), at.cotangent());
        let (a, b) = if bug == Bug::ChoiceSwapped { (2, 1) } else { (1, 2) };
        at.add(a, || chosen.select(g, 0.0));
        at.add(b, || chosen.select(0.0, g));
    };
    fn forward(x: &[&Tensor<f64>]) -> Tensor<f64> {
        Tensor::select(&x[0].map(|x| f64::from(u8::from(x > 0.0))), x[1], x[2])
    }
    let check = operation(Rule { bug, forward, gradient: rule }).inputs([[2, 3]; 3]);
    check.domain(proptest::strategy::Just(Domain::NonZero)).run()
}

pub(crate) fn abs(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, g) = (at.input(0), at.cotangent());
        at.add(0, || if bug == Bug::SignForgotten { g } else { g * x.sign() });
    };
    let check = operation(Rule { bug, forward: |x| x[0].abs(), gradient: rule });
    check.domain(proptest::strategy::Just(Domain::NonZero)).run()
}

/// At 0, where `2 y / x` is no way to write `2 x`.
pub(crate) fn square_of_zero(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, y, g) = (at.input(0), at.output(), at.cotangent());
        at.add(0, || if bug == Bug::ZeroOverZero { g * 2.0 * y / x } else { g * 2.0 * x });
    };
    let check = operation(Rule { bug, forward: |x| x[0] * x[0], gradient: rule });
    check.domain(proptest::strategy::Just(Domain::Zero)).run()
}
