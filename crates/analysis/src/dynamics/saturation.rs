//! Saturation of gates and states.

use bptt_tensor::{Scalar, Tensor};

/// The values beyond which an activation counts as saturated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Below it, an activation is left-saturated.
    pub left: f64,
    /// Above it, an activation is right-saturated.
    pub right: f64,
}

impl Thresholds {
    /// For gates and other values of `σ`: below 0.1 and above 0.9.
    pub const SIGMOID: Self = Self { left: 0.1, right: 0.9 };
    /// For values of `tanh`: below −0.9 and above 0.9.
    pub const TANH: Self = Self { left: -0.9, right: 0.9 };
}

/// How often each unit of a gate or state is saturated, over all steps and sequences of a run.
///
/// A unit whose forget gate is always right-saturated is a perfect integrator; a unit that is never saturated computes in a
/// nearly linear way (Karpathy, Johnson and Fei-Fei, *Visualizing and Understanding Recurrent Networks*, 2015). Where an
/// activation is saturated, its slope is small, and gradients vanish.
///
/// ```
/// use bptt_analysis::dynamics::{Saturation, Thresholds};
/// use bptt_autodiff::Tape;
/// use bptt_layers::{Layer, Lstm};
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f32>::new(&mut rng, 3, 4);
/// let tape = Tape::inference();
/// let probes = tape.probes();
/// let _ = lstm.forward(tape.constant(Tensor::normal([50, 2, 3], 0.0, 1.0, &mut rng)));
/// let forget = Saturation::of(&probes.get("f").value(), Thresholds::SIGMOID);
/// assert_eq!(forget.left().len(), 4);
/// assert!(forget.right().iter().all(|share| (0.0..=1.0).contains(share)));
/// assert!(forget.dead_units(1e-6).is_empty());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Saturation {
    thresholds: Thresholds,
    count: usize,
    left: Vec<f64>,
    right: Vec<f64>,
    means: Vec<f64>,
    variances: Vec<f64>,
}

impl Saturation {
    /// Computes the statistics of the values of a run, `[T, B, F]`, such as a [probe](bptt_autodiff::Probes) returns.
    ///
    /// # Panics
    ///
    /// If the values have no axes.
    #[track_caller]
    #[must_use]
    pub fn of<T: Scalar>(values: &Tensor<T>, thresholds: Thresholds) -> Self {
        Self::over(values, |_| true, thresholds)
    }

    /// Computes the statistics for a run with a mask `[T, B]`. Steps where the mask is 0 do not count.
    ///
    /// # Panics
    ///
    /// If the mask is not `[T, B]` for values `[T, B, F]`.
    #[track_caller]
    #[must_use]
    pub fn of_masked<T: Scalar>(
        values: &Tensor<T>,
        mask: &Tensor<T>,
        thresholds: Thresholds,
    ) -> Self {
        let expected = &values.shape()[..values.rank().saturating_sub(1)];
        assert!(
            &mask.shape()[..] == expected,
            "saturation: values of shape {} need a mask of all their axes but the last, not {}",
            values.shape(),
            mask.shape()
        );
        Self::over(values, |row| mask.as_slice()[row] != T::zero(), thresholds)
    }

    #[track_caller]
    fn over<T: Scalar>(
        values: &Tensor<T>,
        counts: impl Fn(usize) -> bool,
        thresholds: Thresholds,
    ) -> Self {
        let Some(&units) = values.shape().last() else {
            panic!("saturation: values are [T, B, F], not a number");
        };
        let rows = values.as_slice().chunks_exact(units.max(1)).enumerate();
        let rows: Vec<_> = rows.filter(|&(row, _)| counts(row)).map(|(_, values)| values).collect();
        let means = mean(&rows, units, |_, x| x);
        let variance = |unit: usize, x: f64| (x - means[unit]).powi(2);
        Self {
            thresholds,
            count: rows.len(),
            left: mean(&rows, units, |_, x| f64::from(x < thresholds.left)),
            right: mean(&rows, units, |_, x| f64::from(x > thresholds.right)),
            variances: mean(&rows, units, variance),
            means,
        }
    }

    /// Returns the thresholds.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// Returns the number of values of each unit: `T · B`, without those that a mask leaves out. If there are none, all
    /// statistics are NaN.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the share of left-saturated values of each unit, `[F]`.
    #[must_use]
    pub fn left(&self) -> &[f64] {
        &self.left
    }

    /// Returns the share of right-saturated values of each unit, `[F]`.
    #[must_use]
    pub fn right(&self) -> &[f64] {
        &self.right
    }

    /// Returns the mean of each unit, `[F]`.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Returns the variance of each unit, `[F]`.
    #[must_use]
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// Returns the share of saturated values of all units together.
    #[must_use]
    pub fn share(&self) -> f64 {
        let saturated: f64 = self.left.iter().chain(&self.right).sum();
        saturated / self.left.len() as f64
    }

    /// Returns the units whose variance is at most `variance`: they have nearly the same value at all steps, whatever the
    /// input, and carry no information.
    #[must_use]
    pub fn dead_units(&self, variance: f64) -> Vec<usize> {
        (0..self.variances.len()).filter(|&unit| self.variances[unit] <= variance).collect()
    }
}

/// Returns the mean over all rows of `of(unit, value)`, for each unit. It goes row by row, in the order of memory.
fn mean<T: Scalar>(rows: &[&[T]], units: usize, of: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; units];
    for row in rows {
        for (unit, (sum, x)) in sums.iter_mut().zip(*row).enumerate() {
            *sum += of(unit, x.as_f64());
        }
    }
    sums.iter().map(|sum| sum / rows.len() as f64).collect()
}
