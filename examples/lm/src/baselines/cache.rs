//! Caches: recent tokens are likely to occur again.

use std::collections::{HashMap, VecDeque};

use super::Predictor;

/// A unigram cache beside another model (Kuhn and De Mori, "A cache-based natural language model for speech
/// recognition", 1990):
///
/// ```text
/// P(w) = (1 − λ) P_base(w) + λ c(w) / n
/// ```
///
/// where `c(w)` counts `w` among the last `n ≤ size` tokens. Before the first token, `P = P_base`.
#[derive(Clone, Debug)]
pub struct UnigramCache<P> {
    base: P,
    size: usize,
    lambda: f64,
    recent: VecDeque<u32>,
    counts: HashMap<u32, u32>,
}

impl<P: Predictor> UnigramCache<P> {
    /// Creates an empty cache of `size` tokens with the weight `lambda`.
    ///
    /// # Panics
    ///
    /// If `size` is 0, or if `lambda` is not in `0..=1`.
    #[track_caller]
    #[must_use]
    pub fn new(base: P, size: usize, lambda: f64) -> Self {
        check(size, lambda);
        Self { base, size, lambda, recent: VecDeque::new(), counts: HashMap::new() }
    }

    fn observe(&mut self, token: u32) {
        if self.recent.len() == self.size
            && let Some(oldest) = self.recent.pop_front()
        {
            *self.counts.entry(oldest).or_default() -= 1;
        }
        self.recent.push_back(token);
        *self.counts.entry(token).or_default() += 1;
    }
}

impl<P: Predictor> Predictor for UnigramCache<P> {
    fn predict(&mut self, token: u32) -> f64 {
        let base = self.base.predict(token);
        let count = self.counts.get(&token).copied().unwrap_or(0);
        let cached = f64::from(count) / self.recent.len() as f64;
        let probability =
            if self.recent.is_empty() { base } else { interpolate(self.lambda, base, cached) };
        self.observe(token);
        probability
    }
}

/// A continuous cache beside a network (Grave, Joulin and Usunier, "Improving neural language models with a continuous
/// cache", 2017):
///
/// ```text
/// P(w) = (1 − λ) P_base(w) + λ P_cache(w)
/// P_cache(w) ∝ Σ_i 1{w = w_i} exp(θ h · h_i)
/// ```
///
/// The cache holds the last `size` pairs of a hidden vector `h_i` and the token `w_i` that followed it. A large `θ`
/// lets only the most similar `h_i` count, and `θ = 0` makes a unigram cache. Before the first pair, `P = P_base`.
///
/// ```
/// use lm::baselines::ContinuousCache;
///
/// let mut cache = ContinuousCache::new(2000, 0.3, 0.1);
/// let (h, token, base) = ([0.5, -0.5], 7, 0.01); // of a network: its last hidden vector, a token, P_base(token)
/// assert_eq!(cache.probability(base, &h, token), base);
/// cache.observe(&h, token);
/// assert_eq!(cache.probability(base, &h, token), 0.9 * base + 0.1);
/// ```
#[derive(Clone, Debug)]
pub struct ContinuousCache {
    size: usize,
    theta: f64,
    lambda: f64,
    pairs: VecDeque<(Box<[f32]>, u32)>,
}

impl ContinuousCache {
    /// Creates an empty cache of `size` pairs, with the flatness `theta` and the weight `lambda`.
    ///
    /// # Panics
    ///
    /// If `size` is 0, or if `lambda` is not in `0..=1`.
    #[track_caller]
    #[must_use]
    pub fn new(size: usize, theta: f64, lambda: f64) -> Self {
        check(size, lambda);
        Self { size, theta, lambda, pairs: VecDeque::new() }
    }

    /// Returns `P(token)`, given `base_p`, its probability without the cache, and `h`, the hidden vector that predicts
    /// it.
    ///
    /// # Panics
    ///
    /// If `h` has another length than the vectors observed.
    #[track_caller]
    #[must_use]
    pub fn probability(&self, base_p: f64, h: &[f32], token: u32) -> f64 {
        // Both sums are relative to the largest exponent so far, so that none overflows.
        let (mut largest, mut all, mut same) = (f64::NEG_INFINITY, 0.0, 0.0);
        for (h_i, w_i) in &self.pairs {
            let exponent = self.theta * dot(h, h_i);
            if exponent > largest {
                let scale = (largest - exponent).exp();
                (largest, all, same) = (exponent, all * scale, same * scale);
            }
            let weight = (exponent - largest).exp();
            all += weight;
            same += if *w_i == token { weight } else { 0.0 };
        }
        if self.pairs.is_empty() { base_p } else { interpolate(self.lambda, base_p, same / all) }
    }

    /// Adds a pair of a hidden vector and the token that followed it. The oldest pair makes room.
    pub fn observe(&mut self, h: &[f32], token: u32) {
        if self.pairs.len() == self.size {
            self.pairs.pop_front();
        }
        self.pairs.push_back((h.into(), token));
    }
}

#[track_caller]
fn check(size: usize, lambda: f64) {
    assert!(size > 0, "a cache holds at least one token");
    assert!((0.0..=1.0).contains(&lambda), "the weight of a cache is in 0..=1, not {lambda}");
}

fn interpolate(lambda: f64, base: f64, cached: f64) -> f64 {
    (1.0 - lambda) * base + lambda * cached
}

/// Returns the scalar product, summed in independent lanes, so that it is vectorized.
#[track_caller]
fn dot(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 16;
    assert_eq!(a.len(), b.len(), "hidden vectors of one network have one length");
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder());
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    rest.map(|(a, b)| f64::from(a * b)).sum::<f64>()
        + sums.iter().map(|&s| f64::from(s)).sum::<f64>()
}
