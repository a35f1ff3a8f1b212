use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, option};
use super::optimizer::{Optimizer, common_methods};
use super::slots::Slots;
use crate::core::module::Module;

/// RAdam: [`Adam`](super::Adam) with shorter first steps, while the average of squares is still unreliable.
///
/// ```text
/// g ← g + λ θ
/// m ← β₁ m + (1 − β₁) g
/// v ← β₂ v + (1 − β₂) g²
/// θ ← θ − η r m̂ / √v̂        ρₜ > 5; else θ ← θ − η m̂
///
/// m̂ = m / (1 − β₁ᵗ),  √v̂ = (√v + ε) / √(1 − β₂ᵗ)
/// ρₜ = ρ − 2 t β₂ᵗ / (1 − β₂ᵗ),  ρ = 2 / (1 − β₂) − 1
/// r = √((ρₜ − 4) (ρₜ − 2) ρ / ((ρ − 4) (ρ − 2) ρₜ))
/// ```
///
/// The bound on `ρₜ` is PyTorch's; the paper has 4.
///
/// Liu et al., *On the Variance of the Adaptive Learning Rate and Beyond* (2020).
#[derive(Clone, Debug)]
pub struct RAdam<T: Scalar> {
    learning_rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    weight_decay: f64,
    slots: Slots<T>,
}

impl<T: Scalar> RAdam<T> {
    /// Creates RAdam with `β₁ = 0.9`, `β₂ = 0.999`, `ε = 10⁻⁸` and no weight decay.
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
        &["average", "square_average"]
    }
}

/// `r √(1 − β₂ᵗ)`, once `ρₜ > 5`.
fn rectification(beta2: f64, step: u64) -> Option<f64> {
    let step = step as f64;
    let power = beta2.powf(step);
    let last = 2.0 / (1.0 - beta2) - 1.0;
    let length = last - 2.0 * step * power / (1.0 - power);
    let variances = (length - 4.0) * (length - 2.0) * last / ((last - 4.0) * (last - 2.0) * length);
    (length > 5.0).then(|| (variances * (1.0 - power)).sqrt())
}

impl<T: Scalar> Optimizer<T> for RAdam<T> {
    #[inline(never)]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let (rate, betas) = (self.learning_rate, self.betas);
        let [epsilon, decay] = [self.epsilon, self.weight_decay].map(T::of);
        let [beta1, beta2] = betas.map(T::of);
        let [fresh1, fresh2] = betas.map(|beta| T::of(1.0 - beta));
        self.slots.update(model, gradients, |step| {
            let rectification = rectification(betas[1], step);
            let adaptive = rectification.is_some();
            let bias1 = 1.0 - betas[0].powf(step as f64);
            let rate = T::of(rate * rectification.unwrap_or(1.0) / bias1);
            move |x, g, [m, v]| {
                let g = g + decay * *x;
                *m = beta1 * *m + fresh1 * g;
                *v = beta2 * *v + fresh2 * g * g;
                *x -= rate * if adaptive { *m / (v.sqrt() + epsilon) } else { *m };
            }
        });
    }

    common_methods!();
}
