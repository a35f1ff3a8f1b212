use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, option};
use super::optimizer::{Optimizer, common_methods};
use super::slots::Slots;
use crate::core::module::Module;

/// Adamax: [`Adam`](super::Adam) that divides by the decaying largest gradient rather than by an average.
///
/// ```text
/// g ← g + λ θ
/// m ← β₁ m + (1 − β₁) g
/// u ← max(β₂ u, |g| + ε)
/// θ ← θ − η m̂ / u           m̂ = m / (1 − β₁ᵗ)
/// ```
///
/// Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015), section 7.1, with PyTorch's `ε`.
#[derive(Clone, Debug)]
pub struct Adamax<T: Scalar> {
    learning_rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    weight_decay: f64,
    slots: Slots<T>,
}

impl<T: Scalar> Adamax<T> {
    /// Creates Adamax with `β₁ = 0.9`, `β₂ = 0.999`, `ε = 10⁻⁸` and no weight decay.
    ///
    /// # Panics
    ///
    /// If the learning rate `η` is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate: self::learning_rate(learning_rate),
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.0,
            slots: Slots::new(0.0),
        }
    }

    option!(betas);
    option!(epsilon);
    option!(weight_decay);

    fn slot_names(&self) -> &'static [&'static str] {
        &["average", "maximum"]
    }
}

impl<T: Scalar> Optimizer<T> for Adamax<T> {
    #[inline(never)]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let (rate, [beta1, beta2]) = (self.learning_rate, self.betas);
        let [keep1, fresh1, keep2] = [beta1, 1.0 - beta1, beta2].map(T::of);
        let [epsilon, decay] = [self.epsilon, self.weight_decay].map(T::of);
        self.slots.update(model, gradients, |step| {
            let rate = T::of(rate / (1.0 - beta1.powf(step as f64)));
            move |x, g, [m, u]| {
                let g = g + decay * *x;
                *m = keep1 * *m + fresh1 * g;
                *u = (keep2 * *u).max(g.abs() + epsilon);
                *x -= rate * *m / *u;
            }
        });
    }

    common_methods!();
}
