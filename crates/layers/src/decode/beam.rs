//! Beam search.

use std::cmp::Ordering;

use super::hypothesis::{Bounds, Hypothesis, assert_distribution};

/// Beam search: each step continues the live hypotheses by every symbol, and keeps the best continuations. Their number
/// is the width of the beam.
///
/// Finished hypotheses are kept apart from live ones, and are at most as many. The best result is therefore no worse
/// than any finished hypothesis that the search has scored. Hypotheses are ranked by their log-probability, divided by
/// a power of their length. This is the simpler of the two forms that Wu et al. (2016) discuss:
///
/// ```text
/// score(y) = log P(y) / |y|^α
/// ```
///
/// `|y|` counts the end symbol. With `α = 0`, the default, longer sequences are at a disadvantage, since each symbol
/// lowers the log-probability. With `α = 1`, the score is the mean over the symbols.
///
/// A live hypothesis is dropped as soon as it can no longer win. A symbol never raises a log-probability, so no
/// continuation of `y` scores more than `log P(y) / max_length^α`.
///
/// A beam of width 1 is never worse than [`greedy`](super::greedy()). A beam as wide as the number of possible
/// sequences is an exhaustive search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beam {
    width: usize,
    alpha: f64,
}

impl Beam {
    /// Creates a beam of `width` hypotheses, with `α = 0`.
    ///
    /// # Panics
    ///
    /// If `width` is 0.
    #[track_caller]
    #[must_use]
    pub fn new(width: usize) -> Self {
        assert!(width > 0, "a beam keeps at least one hypothesis");
        Self { width, alpha: 0.0 }
    }

    /// Sets the exponent `α` of the length.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn length_normalization(self, alpha: f64) -> Self {
        assert!(
            alpha >= 0.0 && alpha.is_finite(),
            "a length is normalized by a finite exponent of at least 0, not {alpha}"
        );
        Self { alpha, ..self }
    }

    /// Returns the largest number of live hypotheses.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the best hypotheses, the best first: at most as many as the beam is wide, and none of probability 0.
    /// Each is finished, or was cut at the greatest length.
    ///
    /// Of hypotheses with equal scores, the shorter comes first, then the continuation of the better hypothesis, then
    /// the one with the lower symbol.
    ///
    /// # Panics
    ///
    /// If a step gives no log-probability, or a NaN.
    #[track_caller]
    #[must_use]
    pub fn search<S>(
        &self,
        bounds: Bounds,
        state: S,
        mut step: impl FnMut(usize, &S) -> (Vec<f64>, S),
    ) -> Vec<Hypothesis> {
        let mut states = vec![state];
        self.search_batch(bounds, |parents, last| {
            let steps =
                parents.iter().zip(last).map(|(&parent, &last)| step(last, &states[parent]));
            let (log_probabilities, next) = steps.unzip();
            states = next;
            log_probabilities
        })
    }

    /// Searches like [`search`](Self::search), with a model that steps all live hypotheses as one batch.
    ///
    /// `step(parents, last)` returns the log-probabilities of the next symbol of each hypothesis. Hypothesis `i`
    /// continues from the state of hypothesis `parents[i]` after the previous step, and reads `last[i]`. Before the
    /// first step there is one state, with index 0. There are at most [`width`](Self::width) hypotheses.
    ///
    /// ```
    /// use bptt_layers::decode::{Beam, Bounds};
    ///
    /// // the state counts the symbols that were read; symbol 0 is the end
    /// let mut states = vec![0];
    /// let step = |parents: &[usize], _: &[usize]| {
    ///     states = parents.iter().map(|&parent| states[parent] + 1).collect();
    ///     states.iter().map(|&n| if n < 3 { vec![-3.0, -0.1] } else { vec![0.0, -9.0] }).collect()
    /// };
    /// let bounds = Bounds { start: 1, end: 0, max_length: 10 };
    /// let found = Beam::new(2).search_batch(bounds, step);
    /// assert_eq!((found[0].symbols.len(), found[0].score), (3, -0.2));
    /// ```
    ///
    /// # Panics
    ///
    /// If a step does not return log-probabilities for each hypothesis, or returns a NaN.
    #[track_caller]
    #[must_use]
    pub fn search_batch(
        &self,
        bounds: Bounds,
        mut step: impl FnMut(&[usize], &[usize]) -> Vec<Vec<f64>>,
    ) -> Vec<Hypothesis> {
        let start = Path { symbols: Vec::new(), log_probability: 0.0 };
        if bounds.max_length == 0 {
            return vec![start.scored(1.0)];
        }
        let (mut live, mut parents) = (vec![start], vec![0]);
        let mut complete: Vec<Hypothesis> = Vec::new();
        for length in 1..=bounds.max_length {
            let last = |path: &Path| path.symbols.last().copied().unwrap_or(bounds.start);
            let last: Vec<usize> = live.iter().map(last).collect();
            let candidates = continuations(&live, &step(&parents, &last));
            let is_complete =
                |next: &Candidate| next.symbol == bounds.end || length == bounds.max_length;
            let (ending, going): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_complete);

            let normalization = self.normalization(length);
            let ended = self.best(ending).into_iter().map(|next| next.path(&live));
            complete.extend(ended.map(|path| path.scored(normalization)));
            complete.sort_by(|a, b| b.score.total_cmp(&a.score)); // stable
            complete.truncate(self.width);

            let full = complete.get(self.width - 1);
            let threshold = full.map_or(f64::NEG_INFINITY, |worst| worst.score);
            let longest = self.normalization(bounds.max_length);
            let mut going = self.best(going);
            going.retain(|next| next.log_probability / longest > threshold);
            if going.is_empty() {
                break;
            }
            parents = going.iter().map(|next| next.parent).collect();
            live = going.into_iter().map(|next| next.path(&live)).collect();
        }
        complete
    }

    fn normalization(&self, length: usize) -> f64 {
        (length as f64).powf(self.alpha)
    }

    /// Returns the best candidates in order, at most as many as the beam is wide.
    fn best(&self, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        if candidates.len() > self.width {
            candidates.select_nth_unstable_by(self.width, Candidate::rank);
            candidates.truncate(self.width);
        }
        candidates.sort_unstable_by(Candidate::rank);
        candidates
    }
}

/// Symbols and their log-probability.
struct Path {
    symbols: Vec<usize>,
    log_probability: f64,
}

impl Path {
    fn scored(self, normalization: f64) -> Hypothesis {
        Hypothesis { symbols: self.symbols, score: self.log_probability / normalization }
    }
}

/// A path and the symbol that continues it.
struct Candidate {
    parent: usize,
    symbol: usize,
    log_probability: f64,
}

impl Candidate {
    /// Orders better continuations first. No two are equal.
    fn rank(&self, other: &Self) -> Ordering {
        let position = (self.parent, self.symbol).cmp(&(other.parent, other.symbol));
        other.log_probability.total_cmp(&self.log_probability).then(position)
    }

    fn path(&self, live: &[Path]) -> Path {
        let symbols = live[self.parent].symbols.iter().copied().chain([self.symbol]).collect();
        Path { symbols, log_probability: self.log_probability }
    }
}

/// Returns all continuations of nonzero probability, from the log-probabilities of the next symbol of each path.
#[track_caller]
fn continuations(live: &[Path], log_probabilities: &[Vec<f64>]) -> Vec<Candidate> {
    assert!(
        live.len() == log_probabilities.len(),
        "a step of {} hypotheses returns log-probabilities for each, not for {}",
        live.len(),
        log_probabilities.len()
    );
    let mut candidates = Vec::new();
    for (parent, (path, of_symbols)) in live.iter().zip(log_probabilities).enumerate() {
        assert_distribution(of_symbols);
        let continued = of_symbols.iter().enumerate().map(|(symbol, of_symbol)| Candidate {
            parent,
            symbol,
            log_probability: path.log_probability + of_symbol,
        });
        candidates.extend(continued.filter(|next| next.log_probability > f64::NEG_INFINITY));
    }
    candidates
}
