use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, non_negative, option};
use super::optimizer::{Optimizer, common_methods};
use super::slots::Slots;
use crate::core::module::Module;

/// NAdam: [`Adam`](super::Adam) with Nesterov's momentum, which grows over the steps.
///
/// ```text
/// g ← g + λ θ
/// m ← β₁ m + (1 − β₁) g
/// v ← β₂ v + (1 − β₂) g²
/// m̂ = μₜ₊₁ m / (1 − μ₁⋯μₜ₊₁) + (1 − μₜ) g / (1 − μ₁⋯μₜ)     μᵢ = β₁ (1 − 0.96^(i ψ) / 2)
/// θ ← θ − η m̂ / (√v̂ + ε)                                    v̂ = v / (1 − β₂ᵗ)
/// ```
///
/// Dozat, *Incorporating Nesterov Momentum into Adam* (2016).
#[derive(Clone, Debug)]
pub struct NAdam<T: Scalar> {
    learning_rate: f64,
    betas: [f64; 2],
    momentum_decay: f64,
    epsilon: f64,
    weight_decay: f64,
    slots: Slots<T>,
}

impl<T: Scalar> NAdam<T> {
    /// Creates NAdam with `β₁ = 0.9`, `β₂ = 0.999`, `ψ = 0.004`, `ε = 10⁻⁸` and no weight decay.
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
            momentum_decay: 0.004,
            epsilon: 1e-8,
            weight_decay: 0.0,
            slots: Slots::new(0.0),
        }
    }

    /// Sets `ψ`, the rate at which the momentum grows from `β₁ / 2` to `β₁`. PyTorch's name for it is `momentum_decay`
    /// as well.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn momentum_decay(self, momentum_decay: f64) -> Self {
        Self { momentum_decay: non_negative("decay of the momentum", momentum_decay), ..self }
    }

    option!(betas);
    option!(epsilon);
    option!(weight_decay);

    fn slot_names(&self) -> &'static [&'static str] {
        &["average", "square_average"]
    }
}

/// The momenta `μᵢ = β₁ (1 − qⁱ / 2)`.
#[derive(Clone, Copy)]
struct Momenta {
    beta: f64,
    /// `ln q`, at most 0.
    log_base: f64,
}

impl Momenta {
    /// `μᵢ`
    fn at(self, step: u64) -> f64 {
        self.beta * (1.0 - 0.5 * (step as f64 * self.log_base).exp())
    }

    /// Returns `μ₁⋯μₜ`, at the same cost for all `t`, through its logarithm. The logarithm of a factor is a power
    /// series, and each power of `q` is summed over the factors as a geometric series.
    ///
    /// ```text
    /// ln(1 − qⁱ / 2) = −Σₖ qⁱᵏ / (k 2ᵏ)          Σᵢ qⁱᵏ = qᵏ (1 − qᵗᵏ) / (1 − qᵏ)
    /// ```
    fn product(self, steps: u64) -> f64 {
        let steps = steps as f64;
        let mut log = steps * self.beta.ln();
        for k in 1..=f64::MANTISSA_DIGITS {
            let k = f64::from(k);
            let log_power = k * self.log_base;
            let powers = if log_power == 0.0 {
                steps
            } else {
                log_power.exp() * (steps * log_power).exp_m1() / log_power.exp_m1()
            };
            log -= powers / (k * k.exp2());
        }
        log.exp()
    }
}

impl<T: Scalar> Optimizer<T> for NAdam<T> {
    #[inline(never)]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let (rate, betas) = (self.learning_rate, self.betas);
        let momenta = Momenta { beta: betas[0], log_base: self.momentum_decay * 0.96_f64.ln() };
        let [epsilon, decay] = [self.epsilon, self.weight_decay].map(T::of);
        let [beta1, beta2] = betas.map(T::of);
        let [fresh1, fresh2] = betas.map(|beta| T::of(1.0 - beta));
        self.slots.update(model, gradients, |step| {
            let (now, next) = (momenta.at(step), momenta.at(step + 1));
            let product = momenta.product(step);
            let rate_average = T::of(rate * next / (1.0 - product * next));
            let rate_gradient = T::of(rate * (1.0 - now) / (1.0 - product));
            let scale = T::of((1.0 - betas[1].powf(step as f64)).sqrt().recip());
            move |x, g, [m, v]| {
                let g = g + decay * *x;
                *m = beta1 * *m + fresh1 * g;
                *v = beta2 * *v + fresh2 * g * g;
                *x -= (rate_average * *m + rate_gradient * g) / (v.sqrt() * scale + epsilon);
            }
        });
    }

    common_methods!();
}
