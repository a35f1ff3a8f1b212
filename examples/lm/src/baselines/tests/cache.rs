use proptest::prelude::*;

use super::assert_close;
use crate::baselines::{ContinuousCache, NGram, Predictor, Smoothing, UnigramCache, score};
use crate::text::Tokens;

/// Predicts any of `0` tokens alike.
struct Uniform(u32);

impl Predictor for Uniform {
    fn predict(&mut self, _: u32) -> f64 {
        1.0 / f64::from(self.0)
    }
}

/// A cache of 3 tokens with λ = ½ over the uniform distribution of 4 tokens. The last 3 tokens before each of
/// 0 1 1 1 1 hold it 0, 0, 1 of 2, 2 of 3 and 3 of 3 times, so P = 1/4, 1/8, 1/8 + 1/4, 1/8 + 1/3, 1/8 + 1/2.
#[test]
fn unigram_cache_by_hand() {
    let mut cache = UnigramCache::new(Uniform(4), 3, 0.5);
    let expected = [1.0 / 4.0, 1.0 / 8.0, 3.0 / 8.0, 11.0 / 24.0, 5.0 / 8.0];
    for (token, expected) in [0, 1, 1, 1, 1].into_iter().zip(expected) {
        assert_close(cache.predict(token), expected);
    }
}

#[test]
fn a_cache_helps_where_words_repeat() {
    let model = NGram::new(Smoothing::KneserNey, 2, 50, &Tokens::from((0..50).collect::<Vec<_>>()))
        .unwrap();
    let repeats = Tokens::from(vec![3, 9, 3, 3, 9, 3, 9, 9]);
    let cached = score(UnigramCache::new(model.reader(), 10, 0.3), &repeats);
    assert!(cached < model.score(&repeats));
}

/// Two pairs with `h·h_i` of 1 and 2, and `θ = ln 2`: the weights are 2 and 4, so the cached probabilities are 1/3 and
/// 2/3.
#[test]
fn continuous_cache_by_hand() {
    let mut cache = ContinuousCache::new(2, std::f64::consts::LN_2, 0.25);
    cache.observe(&[9.0, 9.0], 2); // the oldest of three makes room
    cache.observe(&[1.0, 0.0], 0);
    cache.observe(&[0.0, 2.0], 1);
    let p = |token| cache.probability(0.1, &[1.0, 1.0], token);
    assert_close(p(0), 0.75 * 0.1 + 0.25 / 3.0);
    assert_close(p(1), 0.75 * 0.1 + 0.25 * 2.0 / 3.0);
    assert_close(p(2), 0.75 * 0.1);
}

/// `exp(90 000)` overflows; its ratio to `exp(89 999)` does not.
#[test]
fn large_exponents_do_not_overflow() {
    let mut cache = ContinuousCache::new(3, 1.0, 1.0);
    cache.observe(&[300.0, 0.0], 0);
    cache.observe(&[0.0, 300.0], 1);
    cache.observe(&[300.0, 1.0], 2);
    let h = [300.0, -1.0];
    let e = 1.0_f64.exp();
    assert_close(cache.probability(0.5, &h, 0), e / (e + 1.0));
    assert_close(cache.probability(0.5, &h, 1), 0.0);
    assert_close(cache.probability(0.5, &h, 2), 1.0 / (e + 1.0));
}

#[test]
#[should_panic(expected = "in 0..=1, not 1.5")]
fn a_weight_is_a_fraction() {
    _ = ContinuousCache::new(3, 1.0, 1.5);
}

const VOCABULARY: u32 = 4;

/// Hidden vectors of 19 features, which fill whole lanes and leave some; and tokens.
fn pairs() -> impl Strategy<Value = Vec<(Vec<f32>, u32)>> {
    let h = prop::collection::vec(-1.0_f32..1.0, 19);
    prop::collection::vec((h, 0..VOCABULARY), 1..20)
}

proptest! {
    /// The equation of the paper, term by term, over the last `size` pairs.
    #[test]
    fn continuous_cache_agrees_with_the_definition(
        pairs in pairs(),
        size in 1_usize..8,
        theta in 0.0_f64..2.0,
        lambda in 0.0_f64..=1.0,
    ) {
        let mut cache = ContinuousCache::new(size, theta, lambda);
        for t in 0..pairs.len() {
            let h = &pairs[t].0;
            let kept = &pairs[t.saturating_sub(size)..t];
            let product = |a: &[f32], b: &[f32]| {
                a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
            };
            let sum = |of: &dyn Fn(u32) -> bool| {
                let kept = kept.iter().filter(|(_, w)| of(*w));
                kept.map(|(h_i, _)| (theta * product(h, h_i)).exp()).sum::<f64>()
            };
            let base = [0.1, 0.2, 0.3, 0.4];
            let mut total = 0.0;
            for (token, base_p) in (0..VOCABULARY).zip(base) {
                let expected = match kept {
                    [] => base_p,
                    _ => (1.0 - lambda) * base_p + lambda * sum(&|w| w == token) / sum(&|_| true),
                };
                let actual = cache.probability(base_p, h, token);
                prop_assert!((actual - expected).abs() < 1e-5, "{actual} {expected}"); // f32 products
                total += actual;
            }
            prop_assert!((total - 1.0).abs() < 1e-12, "{total}");
            cache.observe(h, pairs[t].1);
        }
    }

    /// With `θ = 0`, all pairs count alike.
    #[test]
    fn without_theta_it_is_a_unigram_cache(pairs in pairs(), size in 1_usize..8, lambda in 0.0_f64..=1.0) {
        let mut continuous = ContinuousCache::new(size, 0.0, lambda);
        let mut unigram = UnigramCache::new(Uniform(VOCABULARY), size, lambda);
        for (h, token) in &pairs {
            assert_close(continuous.probability(0.25, h, *token), unigram.predict(*token));
            continuous.observe(h, *token);
        }
    }
}
