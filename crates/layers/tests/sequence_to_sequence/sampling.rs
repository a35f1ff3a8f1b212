//! Drawing symbols from logits.

use bptt_layers::decode::Sampling;
use rand::RngExt;

use crate::support::random;

fn frequencies(sampling: Sampling, logits: &[f64]) -> Vec<f64> {
    let draws = 20_000;
    let (mut rng, mut counts) = (random(7), vec![0.0; logits.len()]);
    for _ in 0..draws {
        counts[sampling.draw(logits, &mut rng)] += 1.0;
    }
    counts.iter().map(|count| count / f64::from(draws)).collect()
}

/// 20 000 draws: a frequency's standard deviation is at most 0.0036.
#[track_caller]
fn assert_shares(sampling: Sampling, logits: &[f64], shares: &[f64]) {
    let found = frequencies(sampling, logits);
    let is_close = |(found, share): (&f64, &f64)| match *share {
        share if share == 0.0 || share == 1.0 => *found == share,
        share => (found - share).abs() < 0.015,
    };
    assert!(found.iter().zip(shares).all(is_close), "{found:?}, not {shares:?}");
}

/// Of probabilities .6, .1 and .3.
fn logits() -> [f64; 3] {
    [0.6_f64.ln(), 0.1_f64.ln(), 0.3_f64.ln()]
}

#[test]
fn shares_are_those_of_the_softmax() {
    assert_shares(Sampling::new(), &logits(), &[0.6, 0.1, 0.3]);
    // temperature ½ squares the probabilities: 36, 1 and 9 parts of 46
    let squared = [36.0 / 46.0, 1.0 / 46.0, 9.0 / 46.0];
    assert_shares(Sampling::new().temperature(0.5), &logits(), &squared);
}

#[test]
fn without_temperature_the_first_of_the_likeliest() {
    let greedy = Sampling::new().temperature(0.0);
    assert_shares(greedy, &[1.0, 3.0, 2.0, 3.0], &[0.0, 1.0, 0.0, 0.0]);
    assert_shares(greedy.top_k(3).top_p(0.5), &[-0.0, 0.0], &[1.0, 0.0]);
}

#[test]
fn the_likeliest_k() {
    let top_k = |k| Sampling::new().top_k(k);
    assert_shares(top_k(2), &logits(), &[2.0 / 3.0, 0.0, 1.0 / 3.0]);
    assert_shares(top_k(1), &logits(), &[1.0, 0.0, 0.0]);
    assert_shares(top_k(9), &logits(), &[0.6, 0.1, 0.3]);
    assert_shares(top_k(2), &[0.0; 4], &[0.5, 0.5, 0.0, 0.0]);
}

#[test]
fn the_fewest_that_have_the_probability_p() {
    let top_p = |p| Sampling::new().top_p(p);
    assert_shares(top_p(0.5), &logits(), &[1.0, 0.0, 0.0]);
    assert_shares(top_p(0.65), &logits(), &[2.0 / 3.0, 0.0, 1.0 / 3.0]);
    assert_shares(top_p(0.95), &logits(), &[0.6, 0.1, 0.3]);
    assert_shares(top_p(1e-300), &logits(), &[1.0, 0.0, 0.0]);
    // exactly the half, of eight equals
    let half = [0.25, 0.25, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0];
    assert_shares(top_p(0.5), &[1.0; 8], &half);
    // of the two likeliest, .6 is two thirds; at temperature ½, 36 of 45
    assert_shares(top_p(0.66).top_k(2), &logits(), &[1.0, 0.0, 0.0]);
    assert_shares(top_p(0.67).top_k(2), &logits(), &[2.0 / 3.0, 0.0, 1.0 / 3.0]);
    assert_shares(top_p(0.79).temperature(0.5).top_k(2), &logits(), &[1.0, 0.0, 0.0]);
}

#[test]
fn impossible_symbols_are_never_drawn() {
    let none = f64::NEG_INFINITY;
    for sampling in [Sampling::new(), Sampling::new().top_k(3), Sampling::new().temperature(1e300)]
    {
        assert_shares(sampling, &[none, 0.0, none, 0.0], &[0.0, 0.5, 0.0, 0.5]);
    }
}

#[test]
fn logits_and_temperatures_at_their_ends() {
    let at = |temperature| Sampling::new().temperature(temperature);
    assert_shares(at(1e-300), &[0.0, 1.0, 0.5], &[0.0, 1.0, 0.0]);
    assert_shares(at(1e300), &[0.0, 5.0], &[0.5, 0.5]);
    assert_shares(at(1.0), &[-f64::MAX, f64::MAX], &[0.0, 1.0]);
    assert_shares(at(1.0), &[0.0, f64::INFINITY, f64::INFINITY], &[0.0, 0.5, 0.5]);
    let odds = [0.75, 0.25]; // ln 3 apart, however large
    assert_shares(at(1.0), &[1000.0 + 3_f64.ln(), 1000.0], &odds);
    assert_shares(at(1.0), &[-1000.0, -1000.0 - 3_f64.ln()], &odds);
}

#[test]
fn the_seed_decides() {
    let draw = |seed| {
        let mut rng = random(seed);
        (0..50).map(|_| Sampling::new().draw(&[0.0_f32; 10], &mut rng)).collect::<Vec<_>>()
    };
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3), draw(4));
    // one random number for each symbol
    let (mut rng, mut other) = (bptt_layers::rng(3), bptt_layers::rng(3));
    let _ = Sampling::new().draw(&[0.0; 10], &mut rng);
    let _ = other.random::<f64>();
    assert_eq!(rng, other);
}

#[test]
#[should_panic(expected = "a symbol cannot be drawn: the logit of symbol 2 is NaN")]
fn a_logit_that_is_nan_is_named() {
    let _ = Sampling::new().draw(&[0.0, f64::NEG_INFINITY, f64::NAN], &mut random(0));
}

#[test]
#[should_panic(expected = "a symbol cannot be drawn: none of 2 has a logit above −∞")]
fn nothing_to_draw() {
    let _ = Sampling::new().draw(&[f32::NEG_INFINITY; 2], &mut random(0));
}

#[test]
#[should_panic(expected = "a temperature is finite and at least 0, not -1")]
fn a_temperature_below_zero() {
    let _ = Sampling::new().temperature(-1.0);
}

#[test]
#[should_panic(expected = "top_k keeps at least 1 symbol, not 0")]
fn a_choice_among_none() {
    let _ = Sampling::new().top_k(0);
}

#[test]
#[should_panic(expected = "a nucleus has a probability above 0 and at most 1, not NaN")]
fn a_nucleus_of_no_probability() {
    let _ = Sampling::new().top_p(f64::NAN);
}

/// A random number `u` draws the first symbol up to which the probabilities add up to more than `u`.
#[test]
fn a_draw_inverts_the_distribution() {
    for seed in 0..50 {
        let u = random(seed).random::<f64>();
        let draw = |sampling: Sampling| sampling.draw(&logits(), &mut random(seed));
        let all = [0.6, 0.7, 1.0].iter().position(|&sum| u < sum);
        assert_eq!(Some(draw(Sampling::new())), all, "{u}");
        let two = if u < 2.0 / 3.0 { 0 } else { 2 };
        assert_eq!(draw(Sampling::new().top_k(2)), two, "{u}");
        // the nucleus has the most probable symbols first
        let [a, b] = [0.1_f64.ln(), 0.6_f64.ln()];
        let nucleus = Sampling::new().top_p(0.65).draw(&[a, 0.3_f64.ln(), b], &mut random(seed));
        assert_eq!(nucleus, if u < 2.0 / 3.0 { 2 } else { 1 }, "{u}");
    }
}
