use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, option, within};
use super::optimizer::{Optimizer, common_methods};
use super::slots::Slots;
use crate::core::module::Module;

/// Stochastic gradient descent, with an option for momentum.
///
/// ```text
/// g ← g + λ θ
/// v ← μ v + (1 − τ) g      v = g at the first step
/// d = v                    Nesterov: d = g + μ v
/// θ ← θ − η d              without momentum: d = g
/// ```
///
/// `μ` is the momentum and `τ` its dampening. Nesterov's form is that of Sutskever et al., *On the importance of
/// initialization and momentum in deep learning* (2013). It is written for the parameters at which the gradient is
/// taken.
#[derive(Clone, Debug)]
pub struct Sgd<T: Scalar> {
    learning_rate: f64,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
    slots: Slots<T>,
}

impl<T: Scalar> Sgd<T> {
    /// Creates plain gradient descent.
    ///
    /// # Panics
    ///
    /// If the learning rate `η` is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate: self::learning_rate(learning_rate),
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            slots: Slots::new(0.0),
        }
    }

    /// Sets the momentum `μ`.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`, or changes from or to 0 after a step.
    #[track_caller]
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        if (momentum == 0.0) != (self.momentum == 0.0) {
            self.slots.expect_empty("momentum");
        }
        Self { momentum: within("momentum", 0.0..1.0, momentum), nesterov: false, ..self }
    }

    /// Sets Nesterov's momentum `μ`.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`, or changes from or to 0 after a step.
    #[track_caller]
    #[must_use]
    pub fn nesterov(self, momentum: f64) -> Self {
        Self { nesterov: true, ..self.momentum(momentum) }
    }

    /// Sets the dampening `τ` of the momentum.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn dampening(self, dampening: f64) -> Self {
        Self { dampening: within("dampening", 0.0..1.0, dampening), ..self }
    }

    option!(weight_decay);

    fn slot_names(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }
}

impl<T: Scalar> Optimizer<T> for Sgd<T> {
    #[inline(never)]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let [rate, momentum, decay] =
            [self.learning_rate, self.momentum, self.weight_decay].map(T::of);
        if self.momentum == 0.0 {
            let descend = |x: &mut T, g, []: [&mut T; 0]| *x -= rate * (g + decay * *x);
            return self.slots.update(model, gradients, |_| descend);
        }
        let (nesterov, dampening) = (self.nesterov, self.dampening);
        self.slots.update(model, gradients, |step| {
            let fresh = T::of(if step == 1 { 1.0 } else { 1.0 - dampening });
            move |x, g, [v]| {
                let g = g + decay * *x;
                *v = momentum * *v + fresh * g;
                *x -= rate * if nesterov { g + momentum * *v } else { *v };
            }
        });
    }

    common_methods!();
}
