use std::collections::BTreeSet;

use proptest::prelude::*;

use super::assert_close;
use crate::baselines::{BaselineError, Estimate, NGram, Smoothing};
use crate::text::Tokens;

use Smoothing::{KneserNey, ModifiedKneserNey, WittenBell};

const ALL: [Smoothing; 3] = [WittenBell, KneserNey, ModifiedKneserNey];

const A: u32 = 0;
const B: u32 = 1;
const C: u32 = 2;
const D: u32 = 3;

fn tokens(text: &[u32]) -> Tokens {
    Tokens::from(text.to_vec())
}

fn model(smoothing: Smoothing, order: usize, vocabulary_size: usize, text: &[u32]) -> NGram {
    NGram::new(smoothing, order, vocabulary_size, &tokens(text)).unwrap()
}

/// "abab" over {a, b, c}. No context: a and b twice each, so P(a) = (2 + 2·⅓) / (4 + 2) = 4/9 and
/// P(c) = (0 + 2·⅓) / 6 = 1/9. After a: b twice, so P(b|a) = (2 + 1·4/9) / (2 + 1) = 22/27 and
/// P(c|a) = (0 + 1/9) / 3 = 1/27. After b, which ends the text and is followed once:
/// P(a|b) = (1 + 4/9) / 2 = 13/18.
#[test]
fn witten_bell_by_hand() {
    let model = model(WittenBell, 2, 3, &[A, B, A, B]);
    assert_eq!(model.ngrams().collect::<Vec<_>>(), [2, 2], "a, b; ab, ba");
    assert_eq!(model.discounts().count(), 0);
    assert_close(model.probability(&[], A), 4.0 / 9.0);
    assert_close(model.probability(&[], C), 1.0 / 9.0);
    assert_close(model.probability(&[A], B), 22.0 / 27.0);
    assert_close(model.probability(&[A], C), 1.0 / 27.0);
    assert_close(model.probability(&[B], A), 13.0 / 18.0);
    assert_close(model.probability(&[C], A), 4.0 / 9.0); // as without context: c was never seen
    assert_close(model.probability(&[A, C, B], A), 13.0 / 18.0); // only the last counts
    // "abc" predicts b after a and c after b, where P(c|b) = (0 + 1/9) / 2 = 1/18.
    let nats = -((22.0_f64 / 27.0).ln() + (1.0_f64 / 18.0).ln()) / 2.0;
    assert_close(model.score(&tokens(&[A, B, C])), nats);
}

/// "abacab" over {a, b, c, d}. Pairs: ab 2, ba 1, ac 1, ca 1, so n₁ = 3, n₂ = 1 and D = 3/(3 + 2) = 3/5.
///
/// Continuations: two tokens precede a, one precedes b, one precedes c; 4 in all. So n₁ = 2, n₂ = 1, D = 2/(2 + 2) = ½,
/// and the uniform distribution has the weight ½·3/4 = 3/8: P(a) = (2 − ½)/4 + 3/8·¼ = 15/32,
/// P(b) = P(c) = (1 − ½)/4 + 3/32 = 7/32, P(d) = 3/32.
///
/// After a, which is followed by b twice and c once, the shorter context has the weight 3/5·2/3 = 2/5:
/// P(b|a) = (2 − 3/5)/3 + 2/5·7/32 = 133/240, P(c|a) = (1 − 3/5)/3 + 2/5·7/32 = 53/240, P(a|a) = 2/5·15/32 = 45/240,
/// P(d|a) = 2/5·3/32 = 9/240. After b: P(a|b) = (1 − 3/5)/1 + 3/5·15/32 = 109/160.
#[test]
fn kneser_ney_by_hand() {
    let model = model(KneserNey, 2, 4, &[A, B, A, C, A, B]);
    let discounts: Vec<_> = model.discounts().map(|d| (d.values, d.estimate)).collect();
    assert_eq!(discounts, [([0.5; 3], Estimate::Plain), ([0.6; 3], Estimate::Plain)]);
    let after = |context: &[u32]| [A, B, C, D].map(|next| model.probability(context, next));
    for (context, expected) in [
        (&[][..], [15.0 / 32.0, 7.0 / 32.0, 7.0 / 32.0, 3.0 / 32.0]),
        (&[A], [45.0 / 240.0, 133.0 / 240.0, 53.0 / 240.0, 9.0 / 240.0]),
        (&[D], [15.0 / 32.0, 7.0 / 32.0, 7.0 / 32.0, 3.0 / 32.0]), // d was never seen
    ] {
        after(context)
            .into_iter()
            .zip(expected)
            .for_each(|(p, expected)| assert_close(p, expected));
    }
    assert_close(model.probability(&[C, B], A), 109.0 / 160.0);
}

/// Three tokens once, two twice, one 3 times and one 4 times: 14 in all, and an eighth never. Y = 3/(3 + 4) = 3/7,
/// D₁ = 1 − 2Y·2/3 = 3/7, D₂ = 2 − 3Y·1/2 = 19/14, D₃ = 3 − 4Y·1/1 = 9/7. The uniform distribution has the weight
/// (3·3/7 + 2·19/14 + 2·9/7)/14 = 46/98, so the eighth has 46/98/8 = 23/392. With it, those seen once have
/// (1 − 3/7)/14 + 23/392 = 39/392, twice 41/392, 3 times 71/392, 4 times 99/392; 392/392 in all.
#[test]
fn modified_kneser_ney_by_hand() {
    let text = [0, 1, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 6, 6];
    let model = model(ModifiedKneserNey, 1, 8, &text);
    let discounts = model.discounts().next().unwrap();
    assert_eq!(discounts.estimate, Estimate::Modified);
    for (d, expected) in discounts.values.into_iter().zip([3.0 / 7.0, 19.0 / 14.0, 9.0 / 7.0]) {
        assert_close(d, expected);
    }
    for (token, expected) in [39.0, 39.0, 39.0, 41.0, 41.0, 71.0, 99.0, 23.0].iter().enumerate() {
        assert_close(model.probability(&[5], token as u32), expected / 392.0);
    }
}

/// The tokens occur 3, 3 and 3 times: n₁ = n₂ = 0. Of two tokens, one occurs once, one twice: n₃ = 0.
#[test]
fn discounts_fall_back() {
    let discounts = |smoothing, text: &[u32]| {
        let d = model(smoothing, 1, 3, text).discounts().next().unwrap();
        (d.values, d.estimate)
    };
    let even = [A, A, A, B, B, B, C, C, C];
    assert_eq!(discounts(KneserNey, &even), ([0.5; 3], Estimate::Fixed));
    assert_eq!(discounts(ModifiedKneserNey, &even), ([0.5, 1.0, 1.5], Estimate::Fixed));
    assert_eq!(discounts(ModifiedKneserNey, &[A, B, A]), ([1.0 / 3.0; 3], Estimate::Plain));
}

#[test]
fn a_model_of_nothing_is_uniform() {
    for smoothing in ALL {
        let model = model(smoothing, 4, 5, &[]);
        assert_eq!(model.probability(&[1, 2, 3], 4), 0.2);
    }
}

#[test]
fn an_order_of_zero_is_an_error() {
    let error = NGram::new(WittenBell, 0, 2, &tokens(&[0, 1])).unwrap_err();
    assert_eq!(error, BaselineError::OrderZero);
}

#[test]
#[should_panic(expected = "1 tokens leave none to predict")]
fn one_token_has_no_score() {
    _ = model(WittenBell, 2, 2, &[0, 1]).score(&tokens(&[1]));
}

#[test]
#[should_panic(expected = "token 2 of 2")]
fn a_token_outside_of_the_vocabulary_has_no_probability() {
    _ = model(WittenBell, 2, 2, &[0, 1]).probability(&[], 2);
}

/// The definitions, by search of the whole text for each count.
struct Definition<'a> {
    smoothing: Smoothing,
    order: usize,
    vocabulary_size: u32,
    text: &'a [u32],
}

impl Definition<'_> {
    fn probability(&self, context: &[u32], next: u32) -> f64 {
        let shorter = match context {
            [] => 1.0 / f64::from(self.vocabulary_size),
            [_, rest @ ..] => self.probability(rest, next),
        };
        let after = |token| self.count(&[context, &[token]].concat());
        let counts: Vec<f64> = (0..self.vocabulary_size).map(after).collect();
        let total: f64 = counts.iter().sum();
        let count = counts[next as usize];
        if total == 0.0 {
            return shorter;
        }
        if self.smoothing == WittenBell {
            let distinct = counts.iter().filter(|&&c| c > 0.0).count() as f64;
            return (count + distinct * shorter) / (total + distinct);
        }
        let discounts = self.discounts(context.len() + 1);
        let discount = |count: f64| match count {
            0.0 => 0.0,
            1.0 => discounts[0],
            2.0 => discounts[1],
            _ => discounts[2],
        };
        let taken: f64 = counts.iter().map(|&c| discount(c)).sum();
        (count - discount(count)) / total + taken / total * shorter
    }

    fn occurrences(&self, string: &[u32]) -> f64 {
        self.text.windows(string.len()).filter(|&w| w == string).count() as f64
    }

    fn count(&self, string: &[u32]) -> f64 {
        if self.smoothing == WittenBell || string.len() == self.order {
            return self.occurrences(string);
        }
        let precedes = |&v: &u32| self.occurrences(&[&[v], string].concat()) > 0.0;
        (0..self.vocabulary_size).filter(precedes).count() as f64
    }

    fn discounts(&self, length: usize) -> [f64; 3] {
        let strings: BTreeSet<&[u32]> = self.text.windows(length).collect();
        let n = |i| strings.iter().filter(|s| self.count(s) == f64::from(i)).count() as f64;
        let y = n(1) / (n(1) + 2.0 * n(2));
        let three =
            [1.0 - 2.0 * y * n(2) / n(1), 2.0 - 3.0 * y * n(3) / n(2), 3.0 - 4.0 * y * n(4) / n(3)];
        let modified = self.smoothing == ModifiedKneserNey;
        let some = |i| n(i) > 0.0;
        if modified && (1..=4).all(some) && three.iter().all(|&d| d > 0.0) {
            three
        } else if some(1) && some(2) {
            [y; 3]
        } else if modified {
            [0.5, 1.0, 1.5]
        } else {
            [0.5; 3]
        }
    }
}

/// A text with structure: each token is often a function of the two before it.
fn texts() -> impl Strategy<Value = Vec<u32>> {
    let surprises = prop::collection::vec(prop::option::weighted(0.4, 0_u32..5), 0..80);
    surprises.prop_map(|surprises| {
        let (mut before, mut last) = (0, 0);
        let next = surprises.into_iter().map(|surprise| {
            let next = surprise.unwrap_or((before + 2 * last) % 5);
            (before, last) = (last, next);
            next
        });
        next.collect()
    })
}

proptest! {
    #[test]
    fn agrees_with_the_definition(
        text in texts(),
        order in 1_usize..5,
        smoothing in prop::sample::select(ALL.as_slice()),
        contexts in prop::collection::vec(prop::collection::vec(0_u32..6, 0..4), 4),
    ) {
        let model = model(smoothing, order, 6, &text);
        let definition = Definition { smoothing, order, vocabulary_size: 6, text: &text };
        let parts = text.windows(3).take(3).map(<[u32]>::to_vec);
        for context in contexts.into_iter().chain(parts) {
            let read = &context[context.len().saturating_sub(order - 1)..];
            let mut sum = 0.0;
            for next in 0..6 {
                let actual = model.probability(&context, next);
                let expected = definition.probability(read, next);
                prop_assert!((actual - expected).abs() < 1e-13, "P({next}|{context:?}) {actual} {expected}");
                prop_assert!(actual > 0.0);
                sum += actual;
            }
            prop_assert!((sum - 1.0).abs() < 1e-12, "{context:?}: {sum}");
        }
    }

    #[test]
    fn a_score_is_the_mean_surprise(
        text in texts(),
        other in texts().prop_filter("predicts something", |text| text.len() > 1),
        order in 1_usize..7,
        smoothing in prop::sample::select(ALL.as_slice()),
    ) {
        let model = model(smoothing, order, 5, &text);
        let surprise = |i| -model.probability(&other[..i], other[i]).ln();
        let mean = (1..other.len()).map(surprise).sum::<f64>() / (other.len() - 1) as f64;
        let score = model.score(&tokens(&other));
        prop_assert!((score - mean).abs() < 1e-12, "{score} {mean}");
    }
}
