use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, non_negative, option, within};
use super::optimizer::{Optimizer, common_methods};
use super::slots::Slots;
use crate::core::module::Module;

/// Adadelta: steps in the unit of the parameters.
///
/// ```text
/// g ← g + λ θ
/// v ← ρ v + (1 − ρ) g²
/// d = √(u + ε) / √(v + ε) g
/// u ← ρ u + (1 − ρ) d²
/// θ ← θ − η d
/// ```
///
/// Zeiler, *ADADELTA: An Adaptive Learning Rate Method* (2012). The paper's learning rate is 1.
#[derive(Clone, Debug)]
pub struct Adadelta<T: Scalar> {
    learning_rate: f64,
    rho: f64,
    epsilon: f64,
    weight_decay: f64,
    slots: Slots<T>,
}

impl<T: Scalar> Adadelta<T> {
    /// Creates Adadelta with `ρ = 0.9`, `ε = 10⁻⁶` and no weight decay.
    ///
    /// # Panics
    ///
    /// If the learning rate `η` is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate: self::learning_rate(learning_rate),
            rho: 0.9,
            epsilon: 1e-6,
            weight_decay: 0.0,
            slots: Slots::new(0.0),
        }
    }

    /// Sets the share `ρ` of the past in the averages.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn rho(self, rho: f64) -> Self {
        Self { rho: within("ρ", 0.0..1.0, rho), ..self }
    }

    /// Sets `ε`, which determines the size of the first steps.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon: non_negative("ε", epsilon), ..self }
    }

    option!(weight_decay);

    fn slot_names(&self) -> &'static [&'static str] {
        &["square_average", "change_average"]
    }
}

impl<T: Scalar> Optimizer<T> for Adadelta<T> {
    #[inline(never)]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let [rate, rho, fresh, epsilon, decay] =
            [self.learning_rate, self.rho, 1.0 - self.rho, self.epsilon, self.weight_decay]
                .map(T::of);
        self.slots.update(model, gradients, |_| {
            |x, g, [v, u]| {
                let g = g + decay * *x;
                *v = rho * *v + fresh * g * g;
                let d = (*u + epsilon).sqrt() / (*v + epsilon).sqrt() * g;
                *u = rho * *u + fresh * d * d;
                *x -= rate * d;
            }
        });
    }

    common_methods!();
}
