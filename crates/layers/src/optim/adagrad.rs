use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, non_negative, option};
use super::optimizer::{Optimizer, common_methods};
use super::slots::Slots;
use crate::core::module::Module;

/// Adagrad.
///
/// ```text
/// g ← g + λ θ
/// G ← G + g²
/// θ ← θ − ηₜ g / (√G + ε)      ηₜ = η / (1 + (t − 1) δ)
/// ```
///
/// Duchi, Hazan and Singer, *Adaptive Subgradient Methods for Online Learning and Stochastic
/// Optimization* (2011).
#[derive(Clone, Debug)]
pub struct Adagrad<T: Scalar> {
    learning_rate: f64,
    rate_decay: f64,
    epsilon: f64,
    weight_decay: f64,
    slots: Slots<T>,
}

impl<T: Scalar> Adagrad<T> {
    /// Creates Adagrad with `ε = 10⁻¹⁰`, sums that start at 0, and no decay.
    ///
    /// # Panics
    ///
    /// If the learning rate `η` is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate: self::learning_rate(learning_rate),
            rate_decay: 0.0,
            epsilon: 1e-10,
            weight_decay: 0.0,
            slots: Slots::new(0.0),
        }
    }

    /// Sets the decay `δ` of the learning rate.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn rate_decay(self, rate_decay: f64) -> Self {
        Self { rate_decay: non_negative("decay of the learning rate", rate_decay), ..self }
    }

    /// Sets the initial value of the sums `G` of squares.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite, or after a step.
    #[track_caller]
    #[must_use]
    pub fn initial_sum(self, initial: f64) -> Self {
        self.slots.expect_empty("initial sum of squares");
        Self { slots: Slots::new(non_negative("sum of squares", initial)), ..self }
    }

    option!(epsilon);
    option!(weight_decay);

    fn slot_names(&self) -> &'static [&'static str] {
        &["square_sum"]
    }
}

impl<T: Scalar> Optimizer<T> for Adagrad<T> {
    #[inline(never)]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let (rate, rate_decay) = (self.learning_rate, self.rate_decay);
        let [decay, epsilon] = [self.weight_decay, self.epsilon].map(T::of);
        self.slots.update(model, gradients, |step| {
            let rate = T::of(rate / (1.0 + (step - 1) as f64 * rate_decay));
            move |x, g, [sum]| {
                let g = g + decay * *x;
                *sum += g * g;
                *x -= rate * g / (sum.sqrt() + epsilon);
            }
        });
    }

    common_methods!();
}
