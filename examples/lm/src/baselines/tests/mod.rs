mod cache;
mod neural_window;
mod ngram;

/// Asserts that two numbers agree to rounding.
#[track_caller]
fn assert_close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-14, "{actual}, expected {expected}");
}
