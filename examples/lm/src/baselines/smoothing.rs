//! From counts to probabilities: Witten–Bell and Kneser–Ney smoothing.

/// A way to share probability between tokens that were seen after a context and others.
///
/// Both interpolate with the context `h'`, which is `h` without its oldest token, down to the uniform distribution
/// `1/V` below the empty context. Let `c(hw)` count a string `h` followed by `w`, and let `N₁₊(h·)` be the number of
/// distinct tokens that follow `h`. If nothing follows `h`, then `P(w|h) = P(w|h')`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Smoothing {
    /// Witten–Bell smoothing (Bell, Cleary and Witten, *Text Compression*, 1990; interpolated as by Chen and Goodman
    /// 1999):
    ///
    /// ```text
    /// P(w|h) = (c(hw) + N₁₊(h·) P(w|h')) / (Σ_w c(hw) + N₁₊(h·))
    /// ```
    WittenBell,
    /// Kneser–Ney smoothing (Kneser and Ney, "Improved backing-off for m-gram language modeling", 1995; interpolated
    /// form of Chen and Goodman, "An empirical study of smoothing techniques for language modeling", 1999):
    ///
    /// ```text
    /// P(w|h) = (max(c(hw) − D, 0) + D N₁₊(h·) P(w|h')) / Σ_w c(hw)
    /// ```
    ///
    /// Only the strings `hw` of the model's full order count occurrences. For shorter ones, `c(hw)` and `N₁₊(h·)` are
    /// counts of continuations: `c(hw) = N₁₊(·hw)`, the number of distinct tokens seen before `hw`. Each order has its
    /// own [discount](Discounts) `D`.
    KneserNey,
    /// Kneser–Ney smoothing with three discounts in place of one, for counts of 1, of 2, and of 3 or more (Chen and
    /// Goodman 1999). The interpolation weight is `D₁ N₁(h·) + D₂ N₂(h·) + D₃ N₃₊(h·)`, where `N_i(h·)` is the number
    /// of tokens with `c(hw) = i`.
    ModifiedKneserNey,
}

/// What Kneser–Ney smoothing subtracts from the counts of one order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discounts {
    /// The discounts of a count of 1, of 2, and of 3 or more. All are positive.
    pub values: [f64; 3],
    /// How they were found.
    pub estimate: Estimate,
}

/// The source of [`Discounts`]. Let `n_i` be the number of strings of one order with a count of `i`, and
/// `Y = n₁ / (n₁ + 2 n₂)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimate {
    /// `D₁ = 1 − 2Y n₂/n₁`, `D₂ = 2 − 3Y n₃/n₂`, `D₃ = 3 − 4Y n₄/n₃`.
    Modified,
    /// `D₁ = D₂ = D₃ = Y`. The modified estimate falls back to it if some of `n₁` to `n₄` is 0, or if some `D_i` would
    /// not be positive.
    Plain,
    /// `D₁ = ½`, `D₂ = 1`, `D₃ = 1½` for the modified estimate, and `½` for all for the plain one, if `n₁` or `n₂` is
    /// 0. This is the case for single characters, whose counts are all large.
    Fixed,
}

impl Discounts {
    /// Returns the discounts for `n₁` to `n₄`.
    pub(super) fn estimate(modified: bool, n: [u64; 4]) -> Self {
        let [n1, n2, n3, n4] = n.map(|n| n as f64);
        let y = n1 / (n1 + 2.0 * n2);
        let plain = Self { values: [y; 3], estimate: Estimate::Plain };
        let three = [1.0 - 2.0 * y * n2 / n1, 2.0 - 3.0 * y * n3 / n2, 3.0 - 4.0 * y * n4 / n3];
        if modified && n.iter().all(|&n| n > 0) && three.iter().all(|&d| d > 0.0) {
            Self { values: three, estimate: Estimate::Modified }
        } else if n1 > 0.0 && n2 > 0.0 {
            plain
        } else {
            let values = if modified { [0.5, 1.0, 1.5] } else { [0.5; 3] };
            Self { values, estimate: Estimate::Fixed }
        }
    }
}

/// [`Smoothing`] of the contexts of one length.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    WittenBell,
    Discount(Discounts),
}

impl Rule {
    /// Returns the weight of the shorter context, from the counts of all tokens that follow the context.
    pub(super) fn weight(self, counts: impl Iterator<Item = u32>) -> f64 {
        // N₁(h·), N₂(h·), N₃₊(h·)
        let mut n = [0_u32; 3];
        for count in counts.filter(|&count| count > 0) {
            n[count.min(3) as usize - 1] += 1;
        }
        let [ones, twos, more] = n.map(f64::from);
        match self {
            Self::WittenBell => ones + twos + more,
            Self::Discount(Discounts { values: [d1, d2, d3], .. }) => {
                d1 * ones + d2 * twos + d3 * more
            }
        }
    }

    /// Returns `P(w|h)` from `c(hw)`, `Σ_w c(hw)`, the weight of `h'` and `P(w|h')`.
    pub(super) fn interpolate(self, count: u32, total: u32, weight: f64, shorter: f64) -> f64 {
        if total == 0 {
            return shorter;
        }
        let [c, total] = [count, total].map(f64::from);
        match (self, count) {
            (Self::WittenBell, _) => (c + weight * shorter) / (total + weight),
            (Self::Discount(_), 0) => weight * shorter / total,
            (Self::Discount(discounts), _) => {
                let discount = discounts.values[count.min(3) as usize - 1];
                (c - discount + weight * shorter) / total
            }
        }
    }
}
