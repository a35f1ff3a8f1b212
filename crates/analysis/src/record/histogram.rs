//! How values are distributed.

use bptt_tensor::Scalar;
use serde::{Deserialize, Serialize};

use super::number::number;
use crate::norm::norm_of;

/// The number of bins. TensorBoard's own histograms are shown with as many.
const BINS: usize = 30;

/// The distribution of values, in bins of equal width from the lowest to the highest.
///
/// ```
/// use bptt_analysis::record::Histogram;
///
/// let histogram = Histogram::of(&[0.0, 3.0, 4.0, f64::NAN]);
/// assert_eq!((histogram.min, histogram.max, histogram.norm), (0.0, 4.0, 5.0));
/// assert_eq!((histogram.count(), histogram.not_finite), (3, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Histogram {
    /// The lowest value; 0 if there are none.
    pub min: f64,
    /// The highest value; 0 if there are none.
    pub max: f64,
    /// The mean; 0 if there are no values.
    #[serde(deserialize_with = "number")]
    pub mean: f64,
    /// The Euclidean norm `√Σx²`.
    #[serde(deserialize_with = "number")]
    pub norm: f64,
    /// The number of values in each bin. A single bin holds values that are all equal.
    pub counts: Vec<u64>,
    /// The number of values that are NaN or infinite, which all else leaves out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_finite: u64,
}

impl Histogram {
    /// Returns the distribution of these values.
    #[must_use]
    pub fn of<T: Scalar>(values: &[T]) -> Self {
        let sums = Sums::of(values);
        if sums.are_finite() {
            return Self::with(values, &sums);
        }
        let finite: Vec<_> = values.iter().copied().filter(|x| x.is_finite()).collect();
        let not_finite = (values.len() - finite.len()) as u64;
        let norm = norm_of(finite.iter().map(|x| x.as_f64())); // squares may have overflowed
        Self { norm, not_finite, ..Self::with(&finite, &Sums::of(&finite)) }
    }

    /// Returns the distribution of finite values, whose sums are these.
    fn with<T: Scalar>(values: &[T], sums: &Sums) -> Self {
        if values.is_empty() {
            let (counts, not_finite) = (Vec::new(), 0);
            return Self { min: 0.0, max: 0.0, mean: 0.0, norm: 0.0, counts, not_finite };
        }
        let &Sums { min, max, sum, squares } = sums;
        let mut counts = vec![0; if min < max { BINS } else { 1 }];
        let (last, scale) = (counts.len() - 1, counts.len() as f64 / (max - min));
        for x in values {
            let bin = ((x.as_f64() - min) * scale) as usize; // NaN is 0
            counts[bin.min(last)] += 1;
        }
        let mean = sum / values.len() as f64;
        Self { min, max, mean, norm: squares.sqrt(), counts, not_finite: 0 }
    }

    /// Returns the number of finite values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the upper end of each bin.
    pub fn limits(&self) -> impl Iterator<Item = f64> {
        let bins = self.counts.len();
        let width = (self.max - self.min) / bins as f64;
        (1..=bins)
            .map(move |bin| if bin == bins { self.max } else { self.min + width * bin as f64 })
    }
}

/// What one pass over values gives.
struct Sums {
    min: f64,
    max: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    /// Sums in eight accumulators: a single one would wait for each addition before the next.
    fn of<T: Scalar>(values: &[T]) -> Self {
        const LANES: usize = 8;
        let [mut min, mut max] = [[f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]];
        let [mut sum, mut squares] = [[0.0; LANES]; 2];
        for values in values.chunks(LANES) {
            for (lane, x) in values.iter().map(|x| x.as_f64()).enumerate() {
                min[lane] = if x < min[lane] { x } else { min[lane] };
                max[lane] = if x > max[lane] { x } else { max[lane] };
                sum[lane] += x;
                squares[lane] += x * x;
            }
        }
        Self {
            min: min.into_iter().fold(f64::INFINITY, f64::min),
            max: max.into_iter().fold(f64::NEG_INFINITY, f64::max),
            sum: sum.iter().sum(),
            squares: squares.iter().sum(),
        }
    }

    fn are_finite(&self) -> bool {
        self.sum.is_finite() && self.squares.is_finite()
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
