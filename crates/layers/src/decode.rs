//! Decoding: finding a probable sequence of symbols, of any model that gives their probabilities step by
//! step.
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

/// Where a decoded sequence begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The symbol that the first step reads.
    pub start: usize,
    /// The symbol after which there is none.
    pub end: usize,
    /// The number of symbols at which a sequence without an end is cut.
    pub max_length: usize,
}

/// A decoded sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// The symbols, without that of the start. The end symbol is the last, unless the sequence was cut.
    pub symbols: Vec<usize>,
    /// How good it is; the greater the better. The sum of the symbols' log-probabilities, normalised where
    /// the search does so.
    pub score: f64,
}

/// Takes the most probable symbol at each step; of equals, the lowest.
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

/// Beam search: of all continuations of the best hypotheses, keeps the best, as many as the beam is wide.
///
/// Hypotheses are ranked by their log-probability, normalised by a power of their length, the simpler of the
/// two forms that Wu et al. (2016) discuss:
///
/// ```text
/// score(y) = log P(y) / |y|^α
/// ```
///
/// `|y|` counts the end symbol. With `α = 0`, the default, longer sequences are at a disadvantage, since each
/// symbol lowers the log-probability; with `α = 1` the mean over the symbols counts. Those that have come to
/// their end keep their places for as long as their scores last.
///
/// A beam of width 1 is [`greedy`]; one that is as wide as there are sequences is an exhaustive search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beam {
    width: usize,
    alpha: f64,
}

impl Beam {
    /// A beam of this many hypotheses, with `α = 0`.
    ///
    /// # Panics
    ///
    /// If that is none.
    #[track_caller]
    #[must_use]
    pub fn new(width: usize) -> Self {
        assert!(width > 0, "a beam keeps at least one hypothesis");
        Self { width, alpha: 0.0 }
    }

    /// The same with another exponent `α` of the length.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn length_normalization(self, alpha: f64) -> Self {
        assert!(
            alpha >= 0.0 && alpha.is_finite(),
            "a length is normalised by a finite exponent of at least 0, not {alpha}"
        );
        Self { alpha, ..self }
    }

    /// The hypotheses that are left in the end, best first; at most as many as the beam is wide, and none of
    /// probability 0. Of equals,
    /// the continuation of the better hypothesis comes first, then that by the lower symbol.
    ///
    /// # Panics
    ///
    /// If a step gives no log-probability, or a NaN.
    #[track_caller]
    #[must_use]
    pub fn search<S: Clone>(
        &self,
        bounds: Bounds,
        state: S,
        mut step: impl FnMut(usize, &S) -> (Vec<f64>, S),
    ) -> Vec<Hypothesis> {
        let start = Hypothesis { symbols: Vec::new(), score: 0.0 };
        let mut paths = vec![Path { found: start, log_probability: 0.0, live: Some(state) }];
        for _ in 0..bounds.max_length {
            if paths.iter().all(|path| path.live.is_none()) {
                break;
            }
            let (mut candidates, mut states) = (Vec::new(), Vec::new());
            for (parent, path) in paths.iter().enumerate() {
                let Some(state) = &path.live else {
                    candidates.push(Candidate::ended(parent, path));
                    states.push(None);
                    continue;
                };
                let last = path.found.symbols.last().copied().unwrap_or(bounds.start);
                let (log_probabilities, next) = step(last, state);
                assert_distribution(&log_probabilities);
                candidates.extend(self.continuations(parent, path, &log_probabilities));
                states.push(Some(next));
            }
            candidates.retain(|candidate| candidate.score > f64::NEG_INFINITY); // what cannot be
            candidates.sort_by(|a, b| b.score.total_cmp(&a.score)); // stable
            candidates.truncate(self.width);
            paths = candidates
                .iter()
                .map(|candidate| candidate.path(&paths[candidate.parent], &states, bounds.end))
                .collect();
        }
        paths.into_iter().map(|path| path.found).collect()
    }

    /// A path continued by each symbol.
    fn continuations<S>(
        &self,
        parent: usize,
        path: &Path<S>,
        log_probabilities: &[f64],
    ) -> impl Iterator<Item = Candidate> {
        let length = (path.found.symbols.len() + 1) as f64;
        let normalization = length.powf(self.alpha);
        log_probabilities.iter().enumerate().map(move |(symbol, &of_symbol)| {
            let log_probability = path.log_probability + of_symbol;
            let score = log_probability / normalization;
            Candidate { parent, symbol: Some(symbol), log_probability, score }
        })
    }
}

/// A hypothesis within the beam.
struct Path<S> {
    found: Hypothesis,
    log_probability: f64,
    /// The state to go on from, until the end.
    live: Option<S>,
}

/// What may stand in the beam after a step: a path, continued by a symbol unless it has ended.
struct Candidate {
    parent: usize,
    symbol: Option<usize>,
    log_probability: f64,
    score: f64,
}

impl Candidate {
    fn ended<S>(parent: usize, path: &Path<S>) -> Self {
        let (log_probability, score) = (path.log_probability, path.found.score);
        Self { parent, symbol: None, log_probability, score }
    }

    /// The path that this makes of its parent, with the states that the step led to.
    fn path<S: Clone>(&self, parent: &Path<S>, states: &[Option<S>], end: usize) -> Path<S> {
        let symbols = parent.found.symbols.iter().copied().chain(self.symbol).collect();
        let live = match self.symbol {
            Some(symbol) if symbol != end => states[self.parent].clone(),
            _ => None,
        };
        let found = Hypothesis { symbols, score: self.score };
        Path { found, log_probability: self.log_probability, live }
    }
}

#[track_caller]
fn assert_distribution(log_probabilities: &[f64]) {
    assert!(
        !log_probabilities.is_empty() && log_probabilities.iter().all(|p| !p.is_nan()),
        "decoding needs the log-probability of each symbol, not {log_probabilities:?}"
    );
}
