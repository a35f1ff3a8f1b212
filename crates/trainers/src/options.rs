//! The ranges of hyperparameters.

#[track_caller]
pub(crate) fn positive(what: &str, value: f64) -> f64 {
    assert!(value > 0.0 && value.is_finite(), "a {what} is finite and greater than 0, not {value}");
    value
}

#[track_caller]
pub(crate) fn non_negative(what: &str, value: f64) -> f64 {
    assert!(value >= 0.0 && value.is_finite(), "a {what} is finite and at least 0, not {value}");
    value
}

/// Checks a share of something, which is less than the whole.
#[track_caller]
pub(crate) fn share(what: &str, value: f64) -> f64 {
    assert!((0.0..1.0).contains(&value), "a {what} is at least 0 and less than 1, not {value}");
    value
}
