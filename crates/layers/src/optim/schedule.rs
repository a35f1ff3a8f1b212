use std::f64::consts::PI;

use super::hyperparameters::{learning_rate, non_negative};

/// A learning rate as a function of the number of steps made.
///
/// ```text
/// constant:    η(n) = η
/// step:        η(n) = η · factor^⌊n / every⌋
/// exponential: η(n) = η · factorⁿ
/// linear:      η(n) = η + (end − η) n / steps                             n ≤ steps; then the end
/// cosine:      η(n) = floor + (η − floor) (1 + cos(π n / steps)) / 2      n ≤ steps; then the floor
/// restarting:  the cosine over steps, then over growth · steps, growth² · steps …
/// one cycle:   η / 25 to η by half a cosine, n ≤ 0.3 steps − 1; then to η / 250 000, n ≤ steps − 1
/// warm-up:     η(n) = η(0) (n + 1) / (w + 1)                              n < w; then η(n − w)
/// ```
///
/// It has no memory, so a resumed run needs nothing but the number of the step:
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
/// The values are those of PyTorch's schedulers of the same names. Cosine and restarting: Loshchilov and Hutter,
/// *SGDR: Stochastic Gradient Descent with Warm Restarts* (2017). One cycle: Smith and Topin, *Super-Convergence*
/// (2018). Warm-up: Goyal et al., *Accurate, Large Minibatch SGD* (2017).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    learning_rate: f64,
    course: Course,
    warm_up: usize,
}

/// The course of the learning rate after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    Constant,
    Step { every: usize, factor: f64 },
    Linear { steps: usize, end: f64 },
    Cosine { steps: usize, floor: f64 },
    Restarting { steps: usize, growth: usize, floor: f64 },
    OneCycle { steps: usize },
}

impl Schedule {
    /// Creates a schedule with the same learning rate at all steps.
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

    /// Creates a schedule whose learning rate is multiplied by `factor` after every `every` steps.
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

    /// Creates a schedule whose learning rate is multiplied by `factor` after every step.
    ///
    /// # Panics
    ///
    /// If the learning rate or the factor is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn exponential(learning_rate: f64, factor: f64) -> Self {
        Self::step(learning_rate, 1, factor)
    }

    /// Creates a schedule whose learning rate changes linearly to `end` at step number `steps`, and then stays.
    ///
    /// # Panics
    ///
    /// If the learning rate or the end is negative or not finite, or `steps` is 0.
    #[track_caller]
    #[must_use]
    pub fn linear(learning_rate: f64, steps: usize, end: f64) -> Self {
        assert_steps(steps);
        let constant = Self::constant(learning_rate);
        Self { course: Course::Linear { steps, end: self::learning_rate(end) }, ..constant }
    }

    /// Creates a schedule whose learning rate falls along half a cosine to `floor` at step number `steps`, and then
    /// stays.
    ///
    /// # Panics
    ///
    /// If the learning rate is negative or not finite, the floor is not in `0..=learning_rate`, or
    /// `steps` is 0.
    #[track_caller]
    #[must_use]
    pub fn cosine(learning_rate: f64, steps: usize, floor: f64) -> Self {
        assert_steps(steps);
        let constant = Self::constant(learning_rate);
        assert_floor(floor, learning_rate);
        Self { course: Course::Cosine { steps, floor }, ..constant }
    }

    /// Creates a schedule that falls as [`cosine`](Self::cosine) does, and restarts where it would reach the floor. The
    /// first period has `steps` steps, and each later one `growth` times as many as the one before.
    ///
    /// # Panics
    ///
    /// As [`cosine`](Self::cosine), and if `growth` is 0.
    #[track_caller]
    #[must_use]
    pub fn restarting(learning_rate: f64, steps: usize, growth: usize, floor: f64) -> Self {
        assert_steps(steps);
        let constant = Self::constant(learning_rate);
        assert_floor(floor, learning_rate);
        assert!(
            growth > 0,
            "a period is followed by one at least as long: growth is 1 or more, not 0"
        );
        Self { course: Course::Restarting { steps, growth, floor }, ..constant }
    }

    /// Creates a one-cycle schedule. The learning rate rises from a twenty-fifth of `learning_rate` to `learning_rate`
    /// over three tenths of `steps`. Then it falls to almost nothing, and stays there. Both parts follow half a cosine.
    ///
    /// # Panics
    ///
    /// If the learning rate is negative or not finite, or `steps` is 0.
    #[track_caller]
    #[must_use]
    pub fn one_cycle(learning_rate: f64, steps: usize) -> Self {
        assert_steps(steps);
        Self { course: Course::OneCycle { steps }, ..Self::constant(learning_rate) }
    }

    /// Adds a warm-up of `steps` steps, in which the learning rate rises linearly to the initial one. The learning rate
    /// of the first step is already above 0.
    #[must_use]
    pub fn warm_up(self, steps: usize) -> Self {
        Self { warm_up: steps, ..self }
    }

    /// Returns the learning rate of step number `step`. The first step has number 0.
    #[must_use]
    pub fn at(&self, step: usize) -> f64 {
        match step.checked_sub(self.warm_up) {
            Some(step) => self.course.at(step, self.learning_rate),
            None => {
                let first = self.course.at(0, self.learning_rate);
                first * ((step as f64 + 1.0) / (self.warm_up as f64 + 1.0))
            }
        }
    }
}

impl Course {
    fn at(self, step: usize, start: f64) -> f64 {
        match self {
            Self::Constant => start,
            Self::Step { .. } if start == 0.0 => 0.0, // even if the power is infinite
            Self::Step { every, factor } => start * factor.powf((step / every) as f64),
            Self::Linear { steps, end } => {
                let done = done(step, steps);
                (1.0 - done) * start + done * end
            }
            Self::Cosine { steps, floor } => along_cosine(start, floor, done(step, steps)),
            Self::Restarting { steps, growth, floor } => {
                let (step, period) = within_period(step, steps, growth);
                along_cosine(start, floor, done(step, period))
            }
            Self::OneCycle { steps } => {
                let (first, last) = (start / 25.0, start / 25e4);
                let (peak, end) = (0.3 * steps as f64 - 1.0, steps as f64 - 1.0);
                match step as f64 {
                    step if step <= peak => along_cosine(first, start, step / peak),
                    step => along_cosine(start, last, ((step - peak) / (end - peak)).min(1.0)),
                }
            }
        }
    }
}

/// Returns the share of the steps that are done.
fn done(step: usize, steps: usize) -> f64 {
    step.min(steps) as f64 / steps as f64
}

/// Returns the value of half a cosine from `start` to `end`, after this share of its steps.
fn along_cosine(start: f64, end: f64, done: f64) -> f64 {
    let left = (1.0 + (PI * done).cos()) / 2.0;
    left * start + (1.0 - left) * end
}

/// Returns the number of the step within its period, and the length of the period. The first period has `first` steps,
/// and each later one `growth` times as many as the one before.
fn within_period(step: usize, first: usize, growth: usize) -> (usize, usize) {
    if growth == 1 {
        return (step % first, first);
    }
    let (mut step, mut period) = (step, first);
    while step >= period {
        step -= period;
        period = period.saturating_mul(growth);
    }
    (step, period)
}

#[track_caller]
fn assert_steps(steps: usize) {
    assert!(steps > 0, "a learning rate changes over 1 step or more, not over 0");
}

#[track_caller]
fn assert_floor(floor: f64, learning_rate: f64) {
    assert!(
        (0.0..=learning_rate).contains(&floor),
        "a floor is at least 0 and at most the learning rate {learning_rate}, not {floor}",
    );
}
