//! Sequences of words, characters, bases and notes.

pub(crate) mod dates;
pub(crate) mod genome;
pub(crate) mod melody;
pub(crate) mod numerals;
pub(crate) mod polarity;
pub(crate) mod tagging;

/// Writes words with spaces between them.
#[track_caller]
fn text(vocabulary: &[&str], symbols: &[usize]) -> String {
    symbols.iter().map(|&symbol| vocabulary[symbol]).collect::<Vec<_>>().join(" ")
}
