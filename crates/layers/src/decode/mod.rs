//! Decoding: finds a probable sequence of symbols, with any model that returns their probabilities step by step.
//!
//! A model is a function from the last symbol and a state to the log-probabilities of the next symbol and
//! the next state:
//!
//! ```
//! use bptt_layers::decode::{self, Bounds};
//!
//! // symbol 0 starts, 1 or 2 follow with equal odds, and after them comes 3, the end
//! let step = |last: usize, _: &()| match last {
//!     0 => (vec![f64::NEG_INFINITY, 0.5_f64.ln(), 0.5_f64.ln(), f64::NEG_INFINITY], ()),
//!     _ => (vec![f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0], ()),
//! };
//! let bounds = Bounds { start: 0, end: 3, max_length: 10 };
//! let found = decode::greedy(bounds, (), step);
//! assert_eq!((found.symbols, found.score), (vec![1, 3], 0.5_f64.ln()));
//! ```

pub(crate) mod beam;
pub(crate) mod sampling;

pub use beam::Beam;
pub use sampling::Sampling;

/// Where a decoded sequence begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The symbol that the first step reads.
    pub start: usize,
    /// The end symbol, after which a sequence is finished.
    pub end: usize,
    /// The number of symbols at which a sequence without an end is cut.
    pub max_length: usize,
}

/// A decoded sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// The symbols, without the start symbol. The last is the end symbol, unless the sequence was cut.
    pub symbols: Vec<usize>,
    /// The sum of the symbols' log-probabilities, normalised if the search normalises. Greater is better.
    pub score: f64,
}

/// Takes the most probable symbol at each step, and the lowest of several equally probable ones.
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

#[track_caller]
fn assert_distribution(log_probabilities: &[f64]) {
    assert!(
        !log_probabilities.is_empty() && log_probabilities.iter().all(|p| !p.is_nan()),
        "decoding needs the log-probability of each symbol, not {log_probabilities:?}"
    );
}
