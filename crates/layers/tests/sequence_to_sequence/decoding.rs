//! Greedy decoding and beam search, with models that are functions.

use bptt_layers::decode::{self, Beam, Bounds, Hypothesis};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::support::{for_all, random};

const SYMBOLS: usize = 3;
const START: usize = 7; // no symbol that is decoded

/// A model with random log-probabilities for each history. The state is the history.
fn random_model(seed: u64) -> impl Fn(usize, &Vec<usize>) -> (Vec<f64>, Vec<usize>) {
    move |last, history| {
        let history: Vec<usize> = history.iter().copied().chain([last]).collect();
        let code = history.iter().fold(0, |code, &symbol| code * 10 + symbol as u64);
        let logits = Tensor::<f64>::normal([SYMBOLS], 0.0, 2.0, &mut random(seed ^ (code << 8)));
        (logits.log_softmax(0).to_vec(), history)
    }
}

/// Returns all sequences of at most so many symbols with their scores, best first.
fn exhaustive(
    bounds: Bounds,
    alpha: f64,
    model: &impl Fn(usize, &Vec<usize>) -> (Vec<f64>, Vec<usize>),
) -> Vec<Hypothesis> {
    let mut open = vec![(Vec::new(), 0.0)];
    let mut complete = Vec::new();
    while let Some((symbols, log_probability)) = open.pop() {
        if symbols.len() == bounds.max_length || symbols.last() == Some(&bounds.end) {
            let score = log_probability / (symbols.len() as f64).powf(alpha);
            complete.push(Hypothesis { symbols, score });
            continue;
        }
        let read: Vec<usize> = std::iter::once(bounds.start).chain(symbols.clone()).collect();
        let (&last, history) = read.split_last().expect("the start");
        let (log_probabilities, _) = model(last, &history.to_vec());
        for (symbol, of_symbol) in log_probabilities.into_iter().enumerate() {
            open.push(([symbols.clone(), vec![symbol]].concat(), log_probability + of_symbol));
        }
    }
    complete.sort_by(|a, b| b.score.total_cmp(&a.score));
    complete
}

fn bounds(max_length: usize) -> Bounds {
    Bounds { start: START, end: 0, max_length }
}

const EXPONENTS: [f64; 6] = [0.0, 0.3, 0.6, 1.0, 2.0, 5.0];

#[test]
fn a_beam_that_keeps_all_is_an_exhaustive_search() {
    let cases = (any::<u64>(), 1..=4_usize, prop::sample::select(&EXPONENTS[..]));
    for_all(200, cases, |(seed, steps, alpha)| {
        let model = random_model(seed);
        let beam = Beam::new(SYMBOLS.pow(steps as u32)).length_normalization(alpha);
        let found = beam.search(bounds(steps), Vec::new(), &model);
        assert_eq!(found, exhaustive(bounds(steps), alpha, &model));
    });
}

/// A beam wide enough for all live hypotheses returns the best of all sequences.
#[test]
fn a_beam_as_wide_as_all_live_hypotheses_finds_the_best() {
    let cases = (any::<u64>(), 1..=5_usize, prop::sample::select(&EXPONENTS[..]));
    for_all(200, cases, |(seed, steps, alpha)| {
        let model = random_model(seed);
        // of three symbols, one is the end
        let beam = Beam::new(2_usize.pow(steps as u32 - 1)).length_normalization(alpha);
        let found = beam.search(bounds(steps), Vec::new(), &model);
        let all = exhaustive(bounds(steps), alpha, &model);
        assert_eq!(found, all[..found.len()]);
        assert_eq!(found.len(), all.len().min(beam.width()));
    });
}

/// With any width and exponent, no finished hypothesis that the search scores is better than its result.
#[test]
fn a_beam_is_never_worse_than_a_finished_hypothesis() {
    let cases = (any::<u64>(), 1..=7_usize, 1..=4_usize, prop::sample::select(&EXPONENTS[..]));
    for_all(300, cases, |(seed, steps, width, alpha)| {
        let model = random_model(seed);
        let mut scored = vec![f64::NEG_INFINITY; width];
        let step = |last: usize, state: &(f64, Vec<Vec<f64>>, Vec<usize>)| {
            let (before, rows, history) = state;
            // the log-probability of the symbol that was read, known only now
            let read = rows.last().map_or(0.0, |row: &Vec<f64>| row[last]);
            let (row, history) = model(last, history);
            let sum = before + read;
            let length = history.len();
            let normalization = (length as f64).powf(alpha);
            let is_complete = |&symbol: &usize| symbol == 0 || length == steps;
            let complete = (0..SYMBOLS).filter(is_complete);
            scored.extend(complete.map(|symbol| (sum + row[symbol]) / normalization));
            (row.clone(), (sum, vec![row], history))
        };
        let start = (0.0, Vec::new(), Vec::new());
        let beam = Beam::new(width).length_normalization(alpha);
        let found = beam.search(bounds(steps), start, step);
        scored.sort_by(|a, b| b.total_cmp(a));
        scored.truncate(found.len());
        assert_eq!(found.iter().map(|found| found.score).collect::<Vec<_>>(), scored);
    });
}

/// Dropping hypotheses that cannot win changes no result: a search without dropping finds the same.
#[test]
fn a_beam_drops_only_hypotheses_that_cannot_win() {
    let cases = (any::<u64>(), 1..=7_usize, 1..=4_usize, prop::sample::select(&EXPONENTS[..]));
    for_all(300, cases, |(seed, steps, width, alpha)| {
        let model = random_model(seed);
        let by_score = |a: &Hypothesis, b: &Hypothesis| b.score.total_cmp(&a.score);
        let (mut live, mut complete) = (vec![(Vec::new(), 0.0, Vec::new())], Vec::new());
        for length in 1..=steps {
            let mut next = Vec::new();
            for (symbols, sum, history) in live {
                let (row, history) = model(symbols.last().copied().unwrap_or(START), &history);
                for (symbol, of_symbol) in row.into_iter().enumerate() {
                    let symbols = [&symbols[..], &[symbol]].concat();
                    let score = (sum + of_symbol) / (length as f64).powf(alpha);
                    match symbol == 0 || length == steps {
                        true => complete.push(Hypothesis { symbols, score }),
                        false => next.push((symbols, sum + of_symbol, history.clone())),
                    }
                }
            }
            next.sort_by(|a, b| b.1.total_cmp(&a.1));
            next.truncate(width);
            live = next;
        }
        complete.sort_by(by_score);
        complete.truncate(width);
        let beam = Beam::new(width).length_normalization(alpha);
        assert_eq!(beam.search(bounds(steps), Vec::new(), &model), complete);
    });
}

#[test]
fn a_beam_of_width_one_is_no_worse_than_greedy() {
    for_all(100, (any::<u64>(), 0..=6_usize), |(seed, steps)| {
        let model = random_model(seed);
        let greedy = decode::greedy(bounds(steps), Vec::new(), &model);
        let found = Beam::new(1).search(bounds(steps), Vec::new(), &model).swap_remove(0);
        assert!(found == greedy || found.score > greedy.score, "{found:?} and {greedy:?}");
    });
}

/// For any width, the scores of a beam are those of its symbols, and in order.
#[test]
fn a_beam_is_ranked() {
    for_all(100, (any::<u64>(), 1..=5_usize, 1..=6_usize), |(seed, steps, width)| {
        let model = random_model(seed);
        let found =
            Beam::new(width).length_normalization(0.7).search(bounds(steps), Vec::new(), &model);
        assert!(found.len() <= width);
        assert!(found.is_sorted_by(|a, b| a.score >= b.score));
        let all = exhaustive(bounds(steps), 0.7, &model);
        assert!(found.iter().all(|hypothesis| all.contains(hypothesis)), "{found:?}");
    });
}

/// A short finished sequence keeps its place beside live ones that look better until they end:
///
/// ```text
/// end                    0.2
/// 1 → 2 → end            0.8 · 0.5 · 0.4 = 0.16
/// ```
#[test]
fn live_hypotheses_do_not_crowd_out_a_finished_one() {
    let step = |_: usize, &length: &usize| {
        let probabilities = match length {
            0 => [0.2, 0.8, 0.0, 0.0],
            1 => [0.0, 0.0, 0.5, 0.5],
            2 => [0.0, 0.4, 0.3, 0.3],
            _ => [1.0, 0.0, 0.0, 0.0],
        };
        (logs(&probabilities), length + 1)
    };
    let found = Beam::new(2).search(bounds(9), 0, step);
    assert_eq!(found[0], Hypothesis { symbols: vec![0], score: 0.2_f64.ln() });
    assert_eq!(found[1].symbols, [1, 2, 1, 0]);
    assert!((found[1].score - 0.16_f64.ln()).abs() < 1e-15);
}

fn logs(probabilities: &[f64]) -> Vec<f64> {
    probabilities.iter().map(|p| p.ln()).collect()
}

/// The likelier first symbol leads to uncertain continuations:
///
/// ```text
/// 1 (0.6) → 1 (0.5), 2 (0.5)        0.30 at best
/// 2 (0.4) → 1 (0.1), 2 (0.9)        0.36
/// ```
fn garden_path(last: usize, (): &()) -> (Vec<f64>, ()) {
    let probabilities = match last {
        START => [0.0, 0.6, 0.4],
        1 => [0.0, 0.5, 0.5],
        _ => [0.0, 0.1, 0.9],
    };
    (logs(&probabilities), ())
}

#[test]
fn a_beam_of_two_finds_what_greedy_misses() {
    let greedy = decode::greedy(bounds(2), (), garden_path);
    assert_eq!(greedy.symbols, [1, 1]);
    assert!((greedy.score - 0.3_f64.ln()).abs() < 1e-15);
    let found = Beam::new(2).search(bounds(2), (), garden_path);
    assert_eq!(found[0].symbols, [2, 2]);
    assert!((found[0].score - 0.36_f64.ln()).abs() < 1e-15);
    assert_eq!(found[1].symbols, [1, 1]);
}

/// Either the end at once, or one more symbol and then the end: 0.4 or 0.36 = 0.6².
#[test]
fn longer_sequences_gain_by_normalization() {
    let step = |last: usize, (): &()| {
        let probabilities = match last {
            START => [0.4, 0.6],
            _ => [0.6, 0.4],
        };
        (logs(&probabilities), ())
    };
    let best = |beam: Beam| beam.search(bounds(2), (), step).swap_remove(0);
    assert_eq!(best(Beam::new(3)).symbols, [0]);
    let normalized = best(Beam::new(3).length_normalization(1.0));
    assert_eq!(normalized.symbols, [1, 0]);
    assert!((normalized.score - 0.6_f64.ln()).abs() < 1e-15, "the mean of both");
}

/// Of equal scores, the better parent and then the lower symbol come first.
#[test]
fn ties_are_broken_by_order() {
    let uniform = |_: usize, (): &()| (vec![0.0; SYMBOLS], ());
    assert_eq!(decode::greedy(bounds(4), (), uniform).symbols, [0]);
    let found = Beam::new(4).search(bounds(2), (), uniform);
    let symbols: Vec<_> = found.iter().map(|hypothesis| &hypothesis.symbols[..]).collect();
    assert_eq!(symbols, [&[0][..], &[1, 0], &[1, 1], &[1, 2]]);
}

/// The symbol of the start may be that of the end.
#[test]
fn a_search_ends_at_the_end_that_it_decodes() {
    let count = |last: usize, (): &()| (logs(&Tensor::one_hot(&[(last + 1) % 4], 4).to_vec()), ());
    let bounds = |max_length| Bounds { start: 0, end: 0, max_length };
    for (max_length, symbols) in [(9, vec![1, 2, 3, 0]), (2, vec![1, 2]), (0, vec![])] {
        let expected = Hypothesis { symbols, score: 0.0 };
        assert_eq!(decode::greedy(bounds(max_length), (), count), expected);
        assert_eq!(Beam::new(2).search(bounds(max_length), (), count)[0], expected);
    }
}

/// The search makes a step for each live hypothesis, and stops once no live one can win.
#[test]
fn a_beam_makes_no_needless_steps() {
    let mut calls = 0;
    let step = |last: usize, (): &()| {
        calls += 1;
        (if last == START { vec![-2.0, -1.0] } else { vec![-1.0, -9.0] }, ())
    };
    let found = Beam::new(2).search(bounds(usize::MAX), (), step);
    assert_eq!(found.len(), 2);
    assert_eq!(calls, 2);
}

#[test]
#[should_panic(expected = "a step of 2 hypotheses returns log-probabilities for each, not for 1")]
fn too_few_log_probabilities() {
    let _ = Beam::new(2).search_batch(bounds(2), |_, _| vec![vec![-1.0; 3]]);
}

#[test]
#[should_panic(expected = "a beam keeps at least one hypothesis")]
fn a_beam_of_no_width() {
    let _ = Beam::new(0);
}

#[test]
#[should_panic(expected = "a length is normalized by a finite exponent of at least 0, not -1")]
fn a_negative_exponent() {
    let _ = Beam::new(1).length_normalization(-1.0);
}

#[test]
#[should_panic(expected = "decoding needs the log-probability of each symbol, not [NaN, 0.0]")]
fn a_nan_for_a_log_probability() {
    let _ = Beam::new(1).search(bounds(1), (), |_, ()| (vec![f64::NAN, 0.0], ()));
}

/// A beam that is wider than the number of possible sequences keeps only these.
#[test]
fn impossible_sequences_are_not_found() {
    let only_the_end = |_: usize, (): &()| (vec![f64::NEG_INFINITY, 0.0, f64::NEG_INFINITY], ());
    let bounds = Bounds { start: 0, end: 1, max_length: 4 };
    let found = Beam::new(5).search(bounds, (), only_the_end);
    assert_eq!(found, [Hypothesis { symbols: vec![1], score: 0.0 }]);
}
