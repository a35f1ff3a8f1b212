//! The tasks: what they draw, and that their floors and baselines are right.

mod images;
mod memory;
mod signals;
mod texts;

use bptt_layers::Xoshiro256PlusPlus;

fn rng() -> Xoshiro256PlusPlus {
    bptt_layers::rng(7)
}

/// Asserts that a mean over draws is within five of its standard errors. One standard error is at most `error`.
#[track_caller]
fn assert_near(mean: f64, expected: f64, error: f64) {
    assert!((mean - expected).abs() < 5.0 * error, "{mean} instead of {expected}");
}
