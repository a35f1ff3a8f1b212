//! The largest grammars.

/// The number of rules whose equations are solved in about a second.
pub(super) const MOST_RULES: usize = 1024;

/// The largest expected length of a sentence. A text ends with a whole sentence, and should not be much longer than
/// asked.
pub(super) const LONGEST_SENTENCE: f64 = 1e5;
