//! The laws. Each is a function that looks for a violation.

pub(crate) mod batch;
pub(crate) mod bits;
pub(crate) mod by_hand;
pub(crate) mod executions;
pub(crate) mod jacobian;
pub(crate) mod orders;
pub(crate) mod products;
pub(crate) mod symmetry;
pub(crate) mod time;

use crate::Law;
use crate::evidence::Evidence;
use crate::subject::Subject;
use crate::values::Random;
use crate::violation::Violation;

/// The laws of any function.
pub(crate) const OF_FUNCTIONS: [Law; 14] = [
    Law::Jacobian,
    Law::Slope,
    Law::SecondOrder,
    Law::ThirdOrder,
    Law::Adjoint,
    Law::Linear,
    Law::Zero,
    Law::EachOutput,
    Law::RowsAreColumns,
    Law::Hessian,
    Law::GaussNewton,
    Law::Accumulated,
    Law::Repeatable,
    Law::Threads,
];

/// Checks a law of functions, except [`Law::Threads`], which makes a subject for each pool of threads.
pub(crate) fn of_function(
    law: Law,
    subject: &dyn Subject,
    rng: &mut Random,
    evidence: &mut Evidence,
) -> Result<(), Violation> {
    match law {
        Law::Jacobian => jacobian::jacobian(subject, evidence),
        Law::Slope => orders::slope(subject, 1, rng, evidence),
        Law::SecondOrder => orders::slope(subject, 2, rng, evidence),
        Law::ThirdOrder => orders::slope(subject, 3, rng, evidence),
        Law::Adjoint => products::adjoint(subject, rng, evidence),
        Law::Linear => products::linear(subject, rng, evidence),
        Law::Zero => products::zero(subject, evidence),
        Law::EachOutput => products::each_output(subject, rng, evidence),
        Law::RowsAreColumns => products::rows_are_columns(subject, rng, evidence),
        Law::Hessian => products::hessian(subject, rng, evidence),
        Law::GaussNewton => products::gauss_newton(subject, rng, evidence),
        Law::Accumulated => products::accumulated(subject, rng, evidence),
        Law::Repeatable => bits::repeatable(subject, evidence),
        law => unreachable!("{law} is no law of functions"),
    }
}
