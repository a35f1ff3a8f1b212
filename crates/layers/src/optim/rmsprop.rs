use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use super::hyperparameters::{learning_rate, option, within};
use super::optimizer::{Optimizer, common_methods};
use super::slots::Slots;
use crate::core::module::Module;

/// RMSprop, with options for centering and momentum.
///
/// ```text
/// g ← g + λ θ
/// v ← α v + (1 − α) g²
/// m ← α m + (1 − α) g      centered; else m = 0
/// s = g / (√(v − m²) + ε)
/// b ← μ b + s              without momentum: b = s
/// θ ← θ − η b
/// ```
///
/// Tieleman and Hinton, *Neural Networks for Machine Learning*, lecture 6.5 (2012); centered:
/// Graves, *Generating Sequences With Recurrent Neural Networks* (2013).
#[derive(Clone, Debug)]
pub struct RmsProp<T: Scalar> {
    learning_rate: f64,
    alpha: f64,
    epsilon: f64,
    centered: bool,
    momentum: f64,
    weight_decay: f64,
    slots: Slots<T>,
}

impl<T: Scalar> RmsProp<T> {
    /// Creates RMSprop with `α = 0.99` and `ε = 10⁻⁸`, without centering or momentum.
    ///
    /// # Panics
    ///
    /// If the learning rate `η` is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate: self::learning_rate(learning_rate),
            alpha: 0.99,
            epsilon: 1e-8,
            centered: false,
            momentum: 0.0,
            weight_decay: 0.0,
            slots: Slots::new(0.0),
        }
    }

    /// Sets the share `α` of the past in the averages.
    ///
    /// # Panics
    ///
    /// If it is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn alpha(self, alpha: f64) -> Self {
        Self { alpha: within("α", 0.0..1.0, alpha), ..self }
    }

    /// Sets whether the form is centered, which divides by the standard deviation of the gradient rather than its root mean
    /// square.
    ///
    /// # Panics
    ///
    /// If this changes after a step.
    #[track_caller]
    #[must_use]
    pub fn centered(self, centered: bool) -> Self {
        if centered != self.centered {
            self.slots.expect_empty("centering");
        }
        Self { centered, ..self }
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
        Self { momentum: within("momentum", 0.0..1.0, momentum), ..self }
    }

    option!(epsilon);
    option!(weight_decay);

    fn slot_names(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum != 0.0) {
            (false, false) => &["square_average"],
            (true, false) => &["square_average", "average"],
            (false, true) => &["square_average", "momentum"],
            (true, true) => &["square_average", "average", "momentum"],
        }
    }
}

/// The update of one element `x`, with hyperparameters in the precision of the elements.
#[derive(Clone, Copy)]
struct Rule<T> {
    rate: T,
    alpha: T,
    fresh: T,
    epsilon: T,
    momentum: T,
    decay: T,
}

impl<T: Scalar> Rule<T> {
    /// Inlined into callers that know which slots exist, so that the loop has no branch.
    #[inline(always)]
    fn update(&self, x: &mut T, g: T, v: &mut T, m: Option<&mut T>, b: Option<&mut T>) {
        let g = g + self.decay * *x;
        *v = self.alpha * *v + self.fresh * g * g;
        let variance = match m {
            None => *v,
            Some(m) => {
                *m = self.alpha * *m + self.fresh * g;
                (*v - *m * *m).max(T::zero()) // rounding can make it negative
            }
        };
        let step = g / (variance.sqrt() + self.epsilon);
        let step = match b {
            None => step,
            Some(b) => {
                *b = self.momentum * *b + step;
                *b
            }
        };
        *x -= self.rate * step;
    }
}

impl<T: Scalar> Optimizer<T> for RmsProp<T> {
    #[inline(never)]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        let rule = Rule {
            rate: T::of(self.learning_rate),
            alpha: T::of(self.alpha),
            fresh: T::of(1.0 - self.alpha),
            epsilon: T::of(self.epsilon),
            momentum: T::of(self.momentum),
            decay: T::of(self.weight_decay),
        };
        let slots = &mut self.slots;
        match (self.centered, self.momentum != 0.0) {
            (false, false) => {
                slots.update(model, gradients, |_| |x, g, [v]| rule.update(x, g, v, None, None));
            }
            (true, false) => {
                slots.update(model, gradients, |_| {
                    |x, g, [v, m]| rule.update(x, g, v, Some(m), None)
                });
            }
            (false, true) => {
                slots.update(model, gradients, |_| {
                    |x, g, [v, b]| rule.update(x, g, v, None, Some(b))
                });
            }
            (true, true) => {
                slots.update(model, gradients, |_| {
                    |x, g, [v, m, b]| rule.update(x, g, v, Some(m), Some(b))
                });
            }
        }
    }

    common_methods!();
}
