//! The lengths of windows.

use bptt::{Rng, RngExt, Tensor};

/// The share of windows around the full length. The others are around half of it.
const SHARE_OF_FULL: f64 = 0.95;

/// The standard deviation of lengths, in tokens.
const DEVIATION: f64 = 5.0;

/// The shortest window.
const SHORTEST: usize = 5;

/// Returns the mean of the lengths that [`random_length`] draws.
pub(super) fn mean_length(base: usize) -> f64 {
    (SHARE_OF_FULL + (1.0 - SHARE_OF_FULL) / 2.0) * base as f64
}

/// Draws the length of the next window as AWD-LSTM does (Merity et al. 2018): normal around `base`, or in a twentieth
/// of all cases around half of it, so that windows do not always end at the same places of the text.
pub(super) fn random_length(base: usize, rng: &mut impl Rng) -> usize {
    let mean = if rng.random_bool(SHARE_OF_FULL) { base as f64 } else { base as f64 / 2.0 };
    let drawn = Tensor::<f64>::normal([1], mean, DEVIATION, rng).item();
    (drawn.round() as usize).max(SHORTEST.min(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_around_the_base_and_rarely_around_its_half() {
        let mut rng = bptt::rng(3);
        let lengths: Vec<_> = (0..4000).map(|_| random_length(70, &mut rng)).collect();
        let halves = lengths.iter().filter(|&&length| length < 52).count();
        assert!((120..280).contains(&halves), "200 expected, {halves} drawn");
        let mean = lengths.iter().sum::<usize>() as f64 / 4000.0;
        assert!((mean_length(70) - 68.25).abs() < 1e-9, "0.95 · 70 + 0.05 · 35");
        assert!((mean - 68.25).abs() < 1.0, "0.95 · 70 + 0.05 · 35 expected, {mean} drawn");
        let short = (0..4000).map(|_| random_length(3, &mut rng));
        assert!(short.min() == Some(3), "no window is shorter than the shortest or the base");
    }
}
