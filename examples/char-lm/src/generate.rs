//! Drawing characters from a model's predictions.

use bptt::prelude::Stepper;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::model::CharModel;

/// Draws tokens: the same seed and logits give the same tokens.
#[derive(Clone, Debug)]
pub struct Sampler {
    temperature: f64,
    top_k: usize,
    rng: Xoshiro256PlusPlus,
}

impl Sampler {
    /// A sampler that draws from `softmax(logits / temperature)` restricted to the `top_k`
    /// likeliest tokens, or to all if `top_k` is `None`.
    ///
    /// # Panics
    ///
    /// If `temperature` is not positive and finite, or if `top_k` is zero.
    #[must_use]
    pub fn new(temperature: f64, top_k: Option<usize>, seed: u64) -> Self {
        assert!(temperature > 0.0 && temperature.is_finite(), "temperature {temperature}");
        assert!(top_k != Some(0), "a choice among no tokens");
        let top_k = top_k.unwrap_or(usize::MAX);
        Self { temperature, top_k, rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// Draws one token given the `logits` of all, `[V]`.
    ///
    /// # Panics
    ///
    /// If there are no logits, or if one is not a number.
    pub fn sample(&mut self, logits: &[f32]) -> usize {
        assert!(!logits.iter().any(|logit| logit.is_nan()), "a logit is not a number");
        let mut ranked: Vec<usize> = (0..logits.len()).collect();
        // Stable, so that which of several equal tokens `top_k` keeps is settled: the first.
        ranked.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        ranked.truncate(self.top_k);

        // Relative to the largest, so that no exponential overflows.
        let largest = f64::from(logits[ranked[0]]);
        let weight = |token: usize| ((f64::from(logits[token]) - largest) / self.temperature).exp();
        let total: f64 = ranked.iter().map(|&token| weight(token)).sum();
        let mut left = self.rng.random::<f64>() * total;
        for &token in &ranked {
            left -= weight(token);
            if left < 0.0 {
                return token;
            }
        }
        // Only rounding leads here, past the end of the cumulated weights.
        ranked[0]
    }
}

/// The tokens that a model goes on with, one after another and without end. Each is drawn by a
/// [`Sampler`] and then read by the model, which carries its state along.
#[derive(Debug)]
pub struct Continuation<'a> {
    model: &'a CharModel,
    sampler: Sampler,
    /// The model with the state that it carries; its output are the logits of the next token.
    reader: Stepper<f32>,
}

impl<'a> Continuation<'a> {
    /// Continues `prime`.
    ///
    /// # Panics
    ///
    /// If `prime` is empty, since nothing then tells what comes first; or if one of its tokens is
    /// not the model's.
    #[must_use]
    pub fn new(model: &'a CharModel, prime: &[usize], sampler: Sampler) -> Self {
        assert!(!prime.is_empty(), "nothing to continue");
        let mut continuation = Self { model, sampler, reader: model.stepper() };
        prime.iter().for_each(|&token| continuation.read(token));
        continuation
    }

    fn read(&mut self, token: usize) {
        self.reader.step(&[self.model.embedding_of(token)]);
    }
}

impl Iterator for Continuation<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let token = self.sampler.sample(self.reader.output(0));
        self.read(token);
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(temperature: f64, top_k: Option<usize>, logits: &[f32]) -> Vec<f64> {
        let draws = 20_000;
        let mut sampler = Sampler::new(temperature, top_k, 7);
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..draws {
            counts[sampler.sample(logits)] += 1.0;
        }
        counts.iter().map(|count| count / f64::from(draws)).collect()
    }

    /// 20 000 draws: a frequency's standard deviation is at most 0.0036.
    fn assert_close(actual: &[f64], expected: &[f64]) {
        let close = actual.iter().zip(expected).all(|(a, e)| (a - e).abs() < 0.015);
        assert!(close, "{actual:?} against {expected:?}");
    }

    #[test]
    fn frequencies_follow_the_softmax() {
        let logits = [0.6_f32.ln(), 0.1_f32.ln(), 0.3_f32.ln()];
        assert_close(&frequencies(1.0, None, &logits), &[0.6, 0.1, 0.3]);
        // Temperature ½ squares the probabilities: 36, 1 and 9 parts of 46.
        let squared = [36.0 / 46.0, 1.0 / 46.0, 9.0 / 46.0];
        assert_close(&frequencies(0.5, None, &logits), &squared);
    }

    #[test]
    fn top_k_draws_among_the_likeliest_only() {
        let logits = [0.6_f32.ln(), 0.1_f32.ln(), 0.3_f32.ln()];
        let two = frequencies(1.0, Some(2), &logits);
        assert_close(&two, &[2.0 / 3.0, 0.0, 1.0 / 3.0]);
        assert_eq!(two[1], 0.0);
        assert_eq!(frequencies(1.0, Some(1), &logits), [1.0, 0.0, 0.0]);
        assert_close(&frequencies(1.0, Some(9), &logits), &[0.6, 0.1, 0.3]);
    }

    #[test]
    fn extreme_logits_and_temperatures_stay_finite() {
        assert_eq!(frequencies(1e-300, None, &[0.0, 1.0, 0.5]), [0.0, 1.0, 0.0]);
        assert_eq!(frequencies(1.0, None, &[-3e38, 3e38]), [0.0, 1.0]);
        assert_eq!(frequencies(1.0, None, &[f32::NEG_INFINITY, 0.0]), [0.0, 1.0]);
        let odds = [0.75, 0.25]; // ln 3 ≈ 1.0986 apart, however large
        assert_close(&frequencies(1.0, None, &[1001.0986, 1000.0]), &odds);
        assert_close(&frequencies(1.0, None, &[-1000.0, -1001.0986]), &odds);
        assert_close(&frequencies(1e300, None, &[0.0, 5.0]), &[0.5, 0.5]);
    }

    #[test]
    fn the_seed_decides() {
        let draw = |seed| {
            let mut sampler = Sampler::new(1.0, None, seed);
            (0..50).map(|_| sampler.sample(&[0.0; 10])).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
