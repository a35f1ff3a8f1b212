use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::{Optimizer, Slots, common_methods, learning_rate, non_negative, within};
use crate::Module;

/// Adam, and [AdamW](Self::adamw).
///
/// ```text
/// Adam:  g ← g + λ θ        AdamW:  θ ← (1 − η λ) θ
/// m ← β₁ m + (1 − β₁) g
/// v ← β₂ v + (1 − β₂) g²
/// θ ← θ − η m̂ / (√v̂ + ε)    m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
/// ```
///
/// Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015); Loshchilov and Hutter,
/// *Decoupled Weight Decay Regularization* (2019).
#[doc(alias = "AdamW")]
#[derive(Clone, Debug)]
pub struct Adam<T: Scalar> {
    learning_rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    weight_decay: f64,
    decoupled: bool,
    slots: Slots<T>,
}

impl<T: Scalar> Adam<T> {
    /// Adam with `β₁ = 0.9`, `β₂ = 0.999`, `ε = 10⁻⁸` and no weight decay.
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
            decoupled: false,
            slots: Slots::new(0.0),
        }
    }

    /// AdamW: [`new`](Self::new) with [`decoupled_weight_decay`](Self::decoupled_weight_decay) `λ`.
    ///
    /// # Panics
    ///
    /// If the learning rate `η` or `λ` is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn adamw(learning_rate: f64, weight_decay: f64) -> Self {
        Self::new(learning_rate).decoupled_weight_decay(weight_decay)
    }

    /// With the shares `β₁`, `β₂` of the past in the averages of the gradient and its square.
    ///
    /// # Panics
    ///
    /// If one is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        let betas = [within("β₁", 0.0..1.0, beta1), within("β₂", 0.0..1.0, beta2)];
        Self { betas, ..self }
    }

    /// With `ε`, which bounds the step where gradients are small.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon: non_negative("ε", epsilon), ..self }
    }

    /// With weight decay `λ` as a part of the gradient.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        let weight_decay = non_negative("weight decay", weight_decay);
        Self { weight_decay, decoupled: false, ..self }
    }

    /// With weight decay `λ` beside the gradient, which makes this AdamW.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn decoupled_weight_decay(self, weight_decay: f64) -> Self {
        Self { decoupled: true, ..self.weight_decay(weight_decay) }
    }

    fn slot_names(&self) -> &'static [&'static str] {
        &["average", "square_average"]
    }
}

impl<T: Scalar> Optimizer<T> for Adam<T> {
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let (rate, betas) = (self.learning_rate, self.betas);
        let (in_gradient, beside) =
            if self.decoupled { (0.0, self.weight_decay) } else { (self.weight_decay, 0.0) };
        let [decay, keep, epsilon] = [in_gradient, 1.0 - rate * beside, self.epsilon].map(T::of);
        let [beta1, beta2] = betas.map(T::of);
        let [fresh1, fresh2] = betas.map(|beta| T::of(1.0 - beta));
        self.slots.update(model, gradients, |step, value, gradient, [average, square]| {
            let [bias1, bias2] = betas.map(|beta| 1.0 - beta.powf(step as f64));
            let [rate, scale] = [rate / bias1, bias2.sqrt().recip()].map(T::of);
            let memory = average.iter_mut().zip(square);
            for ((x, &g), (m, v)) in value.iter_mut().zip(gradient).zip(memory) {
                let g = g + decay * *x;
                *m = beta1 * *m + fresh1 * g;
                *v = beta2 * *v + fresh2 * g * g;
                *x = keep * *x - rate * *m / (v.sqrt() * scale + epsilon);
            }
        });
    }

    common_methods!();
}
