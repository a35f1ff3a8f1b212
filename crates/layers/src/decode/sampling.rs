//! Sampling of symbols.

use std::cmp::Ordering;

use bptt_tensor::Scalar;
use rand::{Rng, RngExt};

/// Draws a symbol at random, given the logits of all symbols.
///
/// ```text
/// p = softmax(logits / temperature)
/// ```
///
/// [`top_k`](Self::top_k) keeps the `k` most probable symbols. Then [`top_p`](Self::top_p) keeps the most probable
/// ones that together have the probability `p`. One of the remaining symbols is drawn, in proportion to their
/// probabilities.
///
/// ```
/// use bptt_layers::decode::Sampling;
///
/// let mut rng = bptt_layers::rng(0);
/// let logits = [1.0, 3.0, f64::NEG_INFINITY, 2.0];
/// let sampling = Sampling::new().temperature(0.8).top_k(3).top_p(0.95);
/// assert_ne!(sampling.draw(&logits, &mut rng), 2);
/// assert_eq!(Sampling::new().temperature(0.0).draw(&logits, &mut rng), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    temperature: f64,
    top_k: usize,
    top_p: f64,
}

impl Sampling {
    /// Creates a sampling of `softmax(logits)`: temperature 1, all symbols.
    #[must_use]
    pub fn new() -> Self {
        Self { temperature: 1.0, top_k: usize::MAX, top_p: 1.0 }
    }

    /// Sets the temperature. Below 1 probable symbols are drawn more often, above 1 less often. At 0 the most probable
    /// symbol is always drawn, or the first of several equally probable ones.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        assert!(
            temperature >= 0.0 && temperature.is_finite(),
            "a temperature is finite and at least 0, not {temperature}"
        );
        Self { temperature, ..self }
    }

    /// Draws among the `k` most probable symbols only. Of equally probable symbols, the first are kept.
    ///
    /// # Panics
    ///
    /// If `k` is 0.
    #[track_caller]
    #[must_use]
    pub fn top_k(self, k: usize) -> Self {
        assert!(k > 0, "top_k keeps at least 1 symbol, not 0");
        Self { top_k: k, ..self }
    }

    /// Draws among the nucleus only (Holtzman et al. 2020): the fewest symbols, most probable first, that together
    /// have at least the probability `p`.
    ///
    /// # Panics
    ///
    /// If not `0 < p ≤ 1`.
    #[track_caller]
    #[must_use]
    pub fn top_p(self, p: f64) -> Self {
        assert!(p > 0.0 && p <= 1.0, "a nucleus has a probability above 0 and at most 1, not {p}");
        Self { top_p: p, ..self }
    }

    /// Draws a symbol, given logits `[C]`. Equal random numbers draw the same symbol. A symbol with logit −∞ is never
    /// drawn.
    ///
    /// # Panics
    ///
    /// If all logits are −∞, or one is NaN.
    #[track_caller]
    #[must_use]
    pub fn draw<T: Scalar>(&self, logits: &[T], rng: &mut impl Rng) -> usize {
        let kept = self.kept(logits);
        let largest = kept.iter().map(|&symbol| logits[symbol]).fold(T::neg_infinity(), T::max);
        let weight = |&symbol: &usize| match logits[symbol] {
            logit if logit == largest => 1.0, // even if it is infinite
            logit => ((logit.as_f64() - largest.as_f64()) / self.temperature).exp(),
        };
        let weights: Vec<f64> = kept.iter().map(weight).collect();
        let nucleus = self.top_p * weights.iter().sum::<f64>();
        let mut cumulated = Vec::with_capacity(weights.len());
        let mut sum = 0.0;
        for weight in weights {
            if sum >= nucleus {
                break;
            }
            sum += weight;
            cumulated.push(sum);
        }
        let u = sum * rng.random::<f64>();
        kept[cumulated.partition_point(|&sum| sum <= u).min(cumulated.len() - 1)]
    }

    /// Returns the symbols that `top_k` keeps: the most probable first if there is a nucleus, else in ascending order.
    #[track_caller]
    fn kept<T: Scalar>(&self, logits: &[T]) -> Vec<usize> {
        if let Some(symbol) = logits.iter().position(|logit| logit.is_nan()) {
            panic!("a symbol cannot be drawn: the logit of symbol {symbol} is NaN");
        }
        let is_possible = |&symbol: &usize| logits[symbol] > T::neg_infinity();
        let mut kept: Vec<usize> = (0..logits.len()).filter(is_possible).collect();
        assert!(
            !kept.is_empty(),
            "a symbol cannot be drawn: none of {} has a logit above −∞",
            logits.len()
        );
        let rank = |a: &usize, b: &usize| {
            let by_logit = logits[*b].partial_cmp(&logits[*a]).unwrap_or(Ordering::Equal);
            by_logit.then(a.cmp(b))
        };
        let count = if self.temperature == 0.0 { 1 } else { self.top_k };
        if count < kept.len() {
            kept.select_nth_unstable_by(count, rank);
            kept.truncate(count);
            kept.sort_unstable();
        }
        if self.top_p < 1.0 {
            kept.sort_unstable_by(rank);
        }
        kept
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self::new()
    }
}
