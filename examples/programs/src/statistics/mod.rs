//! Statistics of a few runs that differ in their seed alone.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;

/// Why values have no statistics.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// There is no value.
    #[error("there are no values to summarize; run at least one seed")]
    Empty,
    /// A value is infinite or NaN, such as the loss of a run that diverged.
    #[error(
        "value {index} is {value}, so there is no mean; leave out the run that diverged, or repeat it"
    )]
    NotFinite {
        /// Position of the value, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// Values that are not paired.
    #[error("{left} values cannot be paired with {right}; run both models with the same seeds")]
    Unpaired {
        /// The number of values of one model.
        left: usize,
        /// The number of values of the other.
        right: usize,
    },
}

/// The mean and spread of a sample.
///
/// ```
/// use programs::statistics::Summary;
///
/// let losses = Summary::new(&[1.44, 1.46, 1.45])?;
/// assert_eq!(format!("{:.3}", losses.mean()), "1.450");
/// let (low, high) = losses.confidence_interval(0.95).expect("of more than one value");
/// assert_eq!(format!("{low:.3} to {high:.3}"), "1.425 to 1.475");
/// # Ok::<(), programs::statistics::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    count: usize,
    mean: f64,
    /// `Σ (x − mean)²`
    squares: f64,
}

impl Summary {
    /// Summarizes `values`.
    ///
    /// # Errors
    ///
    /// If there is no value, or if one is not finite.
    pub fn new(values: &[f64]) -> Result<Self, StatisticsError> {
        if values.is_empty() {
            return Err(StatisticsError::Empty);
        }
        check_finite(values)?;
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares = values.iter().map(|x| (x - mean).powi(2)).sum();
        Ok(Self { count, mean, squares })
    }

    /// Returns the number of values `n`.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Returns the standard deviation of the sample, `√(Σ (x − mean)² / (n − 1))`. One value has none.
    #[must_use]
    pub fn standard_deviation(&self) -> Option<f64> {
        Some((self.squares / self.degrees_of_freedom()?).sqrt())
    }

    /// Returns the standard error of the mean, the standard deviation over `√n`. One value has none.
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        Some(self.standard_deviation()? / (self.count as f64).sqrt())
    }

    /// Returns the interval around the mean that holds the true mean with the probability `level`, such as 0.95, by
    /// Student's t distribution of `n − 1` degrees of freedom (Student 1908). One value has none.
    ///
    /// # Panics
    ///
    /// If `level` is not strictly between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn confidence_interval(&self, level: f64) -> Option<(f64, f64)> {
        assert!(
            0.0 < level && level < 1.0,
            "a level of confidence is between 0 and 1, not {level}"
        );
        let distribution = StudentsT::new(0.0, 1.0, self.degrees_of_freedom()?).ok()?;
        let half = distribution.inverse_cdf(0.5 + level / 2.0) * self.standard_error()?;
        Some((self.mean - half, self.mean + half))
    }

    fn degrees_of_freedom(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.count - 1) as f64)
    }
}

/// The differences of two models, seed by seed.
///
/// Each test returns a two-sided p-value: the probability of differences as extreme as these if the models were equal.
/// The t test assumes that the differences are normally distributed. The exact tests assume only that a difference is
/// as likely as its opposite. Their smallest p-value for `n` seeds is `2 / 2ⁿ`, so 5 seeds never reach 0.05.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    differences: Vec<f64>,
    summary: Summary,
}

/// The result of a paired t test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TTest {
    /// The mean difference over its standard error.
    pub t: f64,
    /// The number of pairs minus 1.
    pub degrees_of_freedom: f64,
    /// The two-sided p-value.
    pub p: f64,
}

impl Paired {
    /// Pairs the values of two models, and takes the differences `left − right`.
    ///
    /// # Errors
    ///
    /// If there is no value, if one is not finite, or if the numbers of values differ.
    pub fn new(left: &[f64], right: &[f64]) -> Result<Self, StatisticsError> {
        if left.len() != right.len() {
            return Err(StatisticsError::Unpaired { left: left.len(), right: right.len() });
        }
        check_finite(left)?;
        check_finite(right)?;
        let differences: Vec<f64> = left.iter().zip(right).map(|(l, r)| l - r).collect();
        let summary = Summary::new(&differences)?;
        Ok(Self { differences, summary })
    }

    /// Returns the mean and spread of the differences.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Returns the paired t test (Student 1908). One pair has none. Of equal differences, `t` is infinite and `p` is 0,
    /// unless all are 0: then `t` is 0 and `p` is 1.
    #[must_use]
    pub fn t_test(&self) -> Option<TTest> {
        let degrees_of_freedom = self.summary.degrees_of_freedom()?;
        let mean = self.summary.mean;
        let t = if mean == 0.0 { 0.0 } else { mean / self.summary.standard_error()? };
        Some(TTest { t, degrees_of_freedom, p: two_sided_p(t, degrees_of_freedom) })
    }

    /// Returns the p-value of the exact permutation test (Fisher, *The Design of Experiments*, 1935). It is the share
    /// of all `2ⁿ` choices of signs whose sum of differences is at least as far from 0 as the observed sum. More than
    /// [`EXACT_PAIRS`] pairs have none.
    #[must_use]
    pub fn sign_flip_p(&self) -> Option<f64> {
        sign_flip_p(&self.differences)
    }

    /// Returns the p-value of the exact signed-rank test (Wilcoxon, "Individual comparisons by ranking methods", 1945).
    /// Differences of 0 are dropped, and equal ones share their mean rank. More than [`EXACT_PAIRS`] pairs have none.
    #[must_use]
    pub fn signed_rank_p(&self) -> Option<f64> {
        // The test is the permutation test of the ranks in place of the sizes.
        sign_flip_p(&signed_ranks(&self.differences))
    }
}

/// The most pairs for which the exact tests count all signs.
pub const EXACT_PAIRS: usize = 20;

fn check_finite(values: &[f64]) -> Result<(), StatisticsError> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(StatisticsError::NotFinite { index, value: values[index] }),
        None => Ok(()),
    }
}

/// Returns `P(|T| ≥ |t|)` of Student's t distribution with `n` degrees of freedom: the regularized incomplete beta
/// function `I_x(n/2, ½)` at `x = n/(n + t²)` (Abramowitz and Stegun 1964, 26.7.1).
fn two_sided_p(t: f64, n: f64) -> f64 {
    beta_reg(n / 2.0, 0.5, n / (n + t * t))
}

fn sign_flip_p(differences: &[f64]) -> Option<f64> {
    /// Returns how many choices of signs of `rest`, added to `sum`, reach the threshold.
    fn extreme(sum: f64, rest: &[f64], threshold: f64) -> u32 {
        match rest {
            [] => u32::from(sum.abs() >= threshold),
            [d, rest @ ..] => extreme(sum + d, rest, threshold) + extreme(sum - d, rest, threshold),
        }
    }
    if differences.len() > EXACT_PAIRS {
        return None;
    }
    let sum: f64 = differences.iter().sum();
    // Sums that differ by rounding alone are ties, which count as extreme.
    let rounding = 1e-12 * differences.iter().map(|d| d.abs()).sum::<f64>();
    let choices = 1_u32 << differences.len();
    Some(f64::from(extreme(0.0, differences, sum.abs() - rounding)) / f64::from(choices))
}

/// Returns the ranks of the sizes of all differences but 0, with the signs of the differences.
fn signed_ranks(differences: &[f64]) -> Vec<f64> {
    let differences: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
    let rank = |d: f64| {
        let smaller = differences.iter().filter(|e| e.abs() < d.abs()).count();
        let equal = differences.iter().filter(|e| e.abs() == d.abs()).count();
        smaller as f64 + (equal as f64 + 1.0) / 2.0
    };
    differences.iter().map(|&d| rank(d).copysign(d)).collect()
}

#[cfg(test)]
mod tests;
