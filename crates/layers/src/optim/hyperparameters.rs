//! Hyperparameters: the options that several optimizers have, and the ranges of their values.

use std::ops::Range;

/// Defines an option that several optimizers have, by the name of its field.
macro_rules! option {
    (betas) => {
        /// Sets the shares `β₁`, `β₂` of the past in the averages of the gradient and of its square.
        ///
        /// # Panics
        ///
        /// If one is not in `0..1`.
        #[track_caller]
        #[must_use]
        pub fn betas(self, beta1: f64, beta2: f64) -> Self {
            let within = $crate::optim::hyperparameters::within;
            let betas = [within("β₁", 0.0..1.0, beta1), within("β₂", 0.0..1.0, beta2)];
            Self { betas, ..self }
        }
    };
    (epsilon) => {
        /// Sets `ε`, which bounds the step where gradients are small.
        ///
        /// # Panics
        ///
        /// If it is negative or not finite.
        #[track_caller]
        #[must_use]
        pub fn epsilon(self, epsilon: f64) -> Self {
            Self { epsilon: $crate::optim::hyperparameters::non_negative("ε", epsilon), ..self }
        }
    };
    (weight_decay) => {
        /// Sets the weight decay `λ`.
        ///
        /// # Panics
        ///
        /// If it is negative or not finite.
        #[track_caller]
        #[must_use]
        pub fn weight_decay(self, weight_decay: f64) -> Self {
            let weight_decay =
                $crate::optim::hyperparameters::non_negative("weight decay", weight_decay);
            Self { weight_decay, ..self }
        }
    };
}
pub(super) use option;

#[track_caller]
pub(super) fn learning_rate(value: f64) -> f64 {
    non_negative("learning rate", value)
}

#[track_caller]
pub(super) fn non_negative(what: &str, value: f64) -> f64 {
    assert!(value >= 0.0 && value.is_finite(), "a {what} is finite and at least 0, not {value}");
    value
}

/// Checks a share, such as that of the past in a running average.
#[track_caller]
pub(super) fn within(what: &str, range: Range<f64>, value: f64) -> f64 {
    assert!(
        range.contains(&value),
        "a {what} is at least {} and less than {}, not {value}",
        range.start,
        range.end,
    );
    value
}
