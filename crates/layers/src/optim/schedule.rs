use std::f64::consts::PI;

use super::{learning_rate, non_negative};

/// A learning rate that follows from the number of steps made.
///
/// ```text
/// constant:  η(n) = η
/// step:      η(n) = η · factor^⌊n / every⌋
/// cosine:    η(n) = floor + (η − floor) (1 + cos(π n / steps)) / 2      n ≤ steps; then the floor
/// warm-up:   η(n) = η(0) (n + 1) / (w + 1)                              n < w; then η(n − w)
/// ```
///
/// It remembers nothing, so there is nothing to save for a run that will be resumed:
///
/// ```
/// use bptt_layers::{Adam, Optimizer, Schedule};
///
/// let schedule = Schedule::cosine(1e-3, 900, 1e-5).warm_up(100);
/// let mut optimizer = Adam::<f32>::new(schedule.at(0));
/// for step in 0..1000 {
///     optimizer.set_learning_rate(schedule.at(step));
///     // and optimizer.step(…)
/// }
/// ```
///
/// Cosine: Loshchilov and Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts* (2017),
/// without the restarts. Warm-up: Goyal et al., *Accurate, Large Minibatch SGD* (2017).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    learning_rate: f64,
    course: Course,
    warm_up: usize,
}

/// What becomes of the learning rate after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    Constant,
    Step { every: usize, factor: f64 },
    Cosine { steps: usize, floor: f64 },
}

impl Schedule {
    /// The same learning rate at all steps.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn constant(learning_rate: f64) -> Self {
        let learning_rate = self::learning_rate(learning_rate);
        Self { learning_rate, course: Course::Constant, warm_up: 0 }
    }

    /// A learning rate that is multiplied by `factor` each time that `every` steps were made.
    ///
    /// # Panics
    ///
    /// If the learning rate or the factor is negative or not finite, or `every` is 0.
    #[track_caller]
    #[must_use]
    pub fn step(learning_rate: f64, every: usize, factor: f64) -> Self {
        assert!(every > 0, "a learning rate changes every 1 step or more, not every 0");
        let factor = non_negative("factor of the learning rate", factor);
        Self { course: Course::Step { every, factor }, ..Self::constant(learning_rate) }
    }

    /// A learning rate that falls along half a cosine, to `floor` at step number `steps`, and stays
    /// there.
    ///
    /// # Panics
    ///
    /// If the learning rate is negative or not finite, the floor is not in `0..=learning_rate`, or
    /// `steps` is 0.
    #[track_caller]
    #[must_use]
    pub fn cosine(learning_rate: f64, steps: usize, floor: f64) -> Self {
        assert!(steps > 0, "a learning rate falls over 1 step or more, not over 0");
        let constant = Self::constant(learning_rate);
        assert!(
            (0.0..=learning_rate).contains(&floor),
            "a floor is at least 0 and at most the learning rate {learning_rate}, not {floor}",
        );
        Self { course: Course::Cosine { steps, floor }, ..constant }
    }

    /// With `steps` steps before, over which the learning rate rises in a line. The line ends where
    /// the rest begins; its first step already moves.
    #[must_use]
    pub fn warm_up(self, steps: usize) -> Self {
        Self { warm_up: steps, ..self }
    }

    /// The learning rate of the step before which `step` steps were made: 0 at the first.
    #[must_use]
    pub fn at(&self, step: usize) -> f64 {
        match step.checked_sub(self.warm_up) {
            Some(step) => self.course.at(step, self.learning_rate),
            None => self.learning_rate * ((step as f64 + 1.0) / (self.warm_up as f64 + 1.0)),
        }
    }
}

impl Course {
    fn at(self, step: usize, start: f64) -> f64 {
        match self {
            Self::Constant => start,
            Self::Step { .. } if start == 0.0 => 0.0, // however large the power
            Self::Step { every, factor } => start * factor.powf((step / every) as f64),
            Self::Cosine { steps, floor } => {
                let done = step.min(steps) as f64 / steps as f64;
                let left = (1.0 + (PI * done).cos()) / 2.0;
                left * start + (1.0 - left) * floor
            }
        }
    }
}
