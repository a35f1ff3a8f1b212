use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, non_negative, option};
use super::optimizer::{Optimizer, common_methods};
use super::slots::Slots;
use crate::core::module::Module;

/// Adam, and its variants [AdamW](Self::adamw) and [AMSGrad](Self::amsgrad).
///
/// ```text
/// Adam:  g ← g + λ θ        AdamW:    θ ← (1 − η λ) θ
/// m ← β₁ m + (1 − β₁) g
/// v ← β₂ v + (1 − β₂) g²
/// u = v                     AMSGrad:  u ← max(u, v)
/// θ ← θ − η m̂ / (√û + ε)    m̂ = m / (1 − β₁ᵗ),  û = u / (1 − β₂ᵗ)
/// ```
///
/// Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015); Loshchilov and Hutter,
/// *Decoupled Weight Decay Regularization* (2019); Reddi, Kale and Kumar, *On the Convergence of Adam
/// and Beyond* (2018).
#[doc(alias = "AdamW")]
#[doc(alias = "AMSGrad")]
#[derive(Clone, Debug)]
pub struct Adam<T: Scalar> {
    learning_rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    weight_decay: f64,
    decoupled: bool,
    amsgrad: bool,
    slots: Slots<T>,
}

impl<T: Scalar> Adam<T> {
    /// Creates Adam with `β₁ = 0.9`, `β₂ = 0.999`, `ε = 10⁻⁸` and no weight decay.
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
            amsgrad: false,
            slots: Slots::new(0.0),
        }
    }

    /// Creates AdamW: [`new`](Self::new) with [`decoupled_weight_decay`](Self::decoupled_weight_decay) `λ`.
    ///
    /// # Panics
    ///
    /// If the learning rate `η` or `λ` is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn adamw(learning_rate: f64, weight_decay: f64) -> Self {
        Self::new(learning_rate).decoupled_weight_decay(weight_decay)
    }

    /// Sets whether the step is AMSGrad's, which divides by the largest average of squares so far. Steps then never grow
    /// because large gradients are forgotten.
    ///
    /// # Panics
    ///
    /// If this changes after a step.
    #[track_caller]
    #[must_use]
    pub fn amsgrad(self, amsgrad: bool) -> Self {
        if amsgrad != self.amsgrad {
            self.slots.expect_empty("largest average of squares");
        }
        Self { amsgrad, ..self }
    }

    option!(betas);
    option!(epsilon);

    /// Sets the weight decay `λ`, which is added to the gradient as `λ θ`.
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

    /// Sets the weight decay `λ` apart from the gradient, which makes this AdamW.
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
        let names = &["average", "square_average", "square_maximum"];
        if self.amsgrad { names } else { &names[..2] }
    }
}

/// The update of one element `x` in one step, with coefficients in the precision of the elements.
#[derive(Clone, Copy)]
struct Rule<T> {
    betas: [T; 2],
    fresh: [T; 2],
    /// `η / (1 − β₁ᵗ)`
    rate: T,
    /// `1 / √(1 − β₂ᵗ)`
    scale: T,
    epsilon: T,
    /// `λ`, if it is part of the gradient.
    decay: T,
    /// `1 − η λ`, if the weight decay is decoupled.
    keep: T,
}

impl<T: Scalar> Rule<T> {
    /// Inlined into callers that know which slots exist, so that the loop has no branch.
    #[inline(always)]
    fn update(&self, x: &mut T, g: T, m: &mut T, v: &mut T, largest: Option<&mut T>) {
        let g = g + self.decay * *x;
        *m = self.betas[0] * *m + self.fresh[0] * g;
        *v = self.betas[1] * *v + self.fresh[1] * g * g;
        let u = match largest {
            None => *v,
            Some(u) => {
                *u = u.max(*v);
                *u
            }
        };
        *x = self.keep * *x - self.rate * *m / (u.sqrt() * self.scale + self.epsilon);
    }
}

impl<T: Scalar> Optimizer<T> for Adam<T> {
    #[inline(never)]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let (rate, betas, epsilon) = (self.learning_rate, self.betas, self.epsilon);
        let (in_gradient, beside) =
            if self.decoupled { (0.0, self.weight_decay) } else { (self.weight_decay, 0.0) };
        let rule = |step: u64| {
            let [bias1, bias2] = betas.map(|beta| 1.0 - beta.powf(step as f64));
            Rule {
                betas: betas.map(T::of),
                fresh: betas.map(|beta| T::of(1.0 - beta)),
                rate: T::of(rate / bias1),
                scale: T::of(bias2.sqrt().recip()),
                epsilon: T::of(epsilon),
                decay: T::of(in_gradient),
                keep: T::of(1.0 - rate * beside),
            }
        };
        if self.amsgrad {
            self.slots.update(model, gradients, |step| {
                let rule = rule(step);
                move |x, g, [m, v, u]| rule.update(x, g, m, v, Some(u))
            });
        } else {
            self.slots.update(model, gradients, |step| {
                let rule = rule(step);
                move |x, g, [m, v]| rule.update(x, g, m, v, None)
            });
        }
    }

    common_methods!();
}
