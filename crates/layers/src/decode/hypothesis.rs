//! Decoded sequences, and the check of what a model returns.

/// The start symbol, end symbol and greatest length of a decoded sequence.
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
    /// The sum of the symbols' log-probabilities, normalized if the search normalizes. Greater is better.
    pub score: f64,
}

#[track_caller]
pub(super) fn assert_distribution(log_probabilities: &[f64]) {
    assert!(
        !log_probabilities.is_empty() && log_probabilities.iter().all(|p| !p.is_nan()),
        "decoding needs the log-probability of each symbol, not {log_probabilities:?}"
    );
}
