//! Greedy decoding.

use super::hypothesis::{Bounds, Hypothesis, assert_distribution};

/// Decodes greedily: takes the most probable symbol at each step, and the lowest of several equally probable ones.
///
/// # Panics
///
/// If a step gives no log-probability, or a NaN.
#[track_caller]
#[must_use]
pub fn greedy<S>(
    bounds: Bounds,
    state: S,
    mut step: impl FnMut(usize, &S) -> (Vec<f64>, S),
) -> Hypothesis {
    let mut found = Hypothesis { symbols: Vec::new(), score: 0.0 };
    let (mut last, mut state) = (bounds.start, state);
    for _ in 0..bounds.max_length {
        let (log_probabilities, next) = step(last, &state);
        assert_distribution(&log_probabilities);
        let better = |best: usize, i: usize| {
            if log_probabilities[i] > log_probabilities[best] { i } else { best }
        };
        last = (1..log_probabilities.len()).fold(0, better);
        found.symbols.push(last);
        found.score += log_probabilities[last];
        if last == bounds.end {
            break;
        }
        state = next;
    }
    found
}
