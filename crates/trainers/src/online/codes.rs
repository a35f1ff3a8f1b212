//! Weights by which a sum over units shows of which unit it is.

use bptt_tensor::Scalar;

/// The bits of a digit of a unit's number.
const BITS: u32 = 5;
/// The largest digit.
const LARGEST: usize = (1 << BITS) - 1;

/// Weights of units, for two sums for each digit `k` of a unit's number to the base 32: `2ᵏ`, and `2³¹⁻ᵏ`.
///
/// Let entries `a` of several units have sums like those of one unit with the digit `m`: `Σ a 2ᵏ = 2ᵐ Σ a` and
/// `Σ a 2⁻ᵏ = 2⁻ᵐ Σ a`. Then `Σ a 2ᵏ · Σ a 2⁻ᵏ = (Σ a)²`. For two entries this is `2ᵈ + 2⁻ᵈ = 2` with the
/// difference `d` of their digits, and so `d = 0`. For more entries of one sign, it is the case of equality in the
/// inequality of Cauchy and Schwarz, where all `k` are equal. As two units differ in one digit, neither passes. Three
/// entries of different signs would have to fit two equations by chance.
pub(super) struct Codes<T> {
    units: usize,
    weights: Vec<Vec<T>>,
}

impl<T: Scalar> Codes<T> {
    pub(super) fn new(units: usize) -> Self {
        let digits = units.saturating_sub(1).checked_ilog2().map_or(1, |bits| bits / BITS + 1);
        let mut weights = Vec::new();
        for position in 0..digits {
            let digit = |unit: usize| unit >> (BITS * position) & LARGEST;
            weights.push((0..units).map(|unit| power(digit(unit))).collect());
            weights.push((0..units).map(|unit| power(LARGEST - digit(unit))).collect());
        }
        Self { units, weights }
    }

    /// Returns the weight of each unit, for each sum.
    pub(super) fn weights(&self) -> &[Vec<T>] {
        &self.weights
    }

    /// Whether a sum without weights, and those with weights, have entries of this unit alone.
    pub(super) fn are_of(&self, unit: usize, sum: T, weighted: impl Iterator<Item = T>) -> bool {
        self.weights.iter().zip(weighted).all(|(weights, weighted)| {
            // what is not finite is another error
            weighted == weights[unit] * sum || !weighted.is_finite() || is_nothing(sum, weighted)
        })
    }

    /// Returns the one unit of which sums have entries.
    pub(super) fn unit_of(
        &self,
        sum: T,
        weighted: impl Iterator<Item = T> + Clone,
    ) -> Option<usize> {
        let mut unit = 0;
        for (position, weighted) in (0..).zip(weighted.clone().step_by(2)) {
            let digit = (weighted / sum).to_u32()?.checked_ilog2()?;
            unit |= (digit as usize) << (BITS * position);
        }
        (unit < self.units && self.are_of(unit, sum, weighted)).then_some(unit)
    }
}

fn power<T: Scalar>(exponent: usize) -> T {
    T::of((1_u64 << exponent) as f64)
}

/// Whether a sum and one with weights are so small that the factor between them may be lost, since smaller numbers
/// underflow: below `2⁻⁸⁰` in single precision, and `2⁻⁹¹⁸` in double precision.
pub(super) fn is_nothing<T: Scalar>(sum: T, weighted: T) -> bool {
    let small = T::min_positive_value() / T::epsilon().powi(2);
    sum.abs() <= small && weighted.abs() <= small * power(LARGEST)
}
