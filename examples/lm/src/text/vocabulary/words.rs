//! Words between white space, each a token, with `<eos>` at the end of every line.

use std::cmp::Ordering;

use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::text::error::InvalidVocabulary;

/// The token of every word that is not in the vocabulary.
pub(super) const UNKNOWN: &str = "<unk>";
/// The token of the end of a line.
pub(super) const END: &str = "<eos>";

/// Words in the order of their tokens.
#[derive(Clone, Debug)]
pub(super) struct Words {
    words: IndexSet<Box<str>, FxBuildHasher>,
    unknown: u32,
    end: u32,
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.words.iter().eq(&other.words)
    }
}

/// How often each word of a text occurs.
#[derive(Debug, Default)]
pub(crate) struct WordCounts {
    counts: FxHashMap<Box<str>, u64>,
}

impl WordCounts {
    pub(crate) fn add(&mut self, text: &str) {
        for word in tokens(text) {
            self.add_word(word);
        }
    }

    /// Counts the end of a last line that no `\n` ends.
    pub(crate) fn end_line(&mut self) {
        self.add_word(END);
    }

    fn add_word(&mut self, word: &str) {
        match self.counts.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(word.into(), 1)),
        }
    }
}

/// Returns the words of a text, with [`END`] for each end of a line.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
        .flat_map(|line| line.split_whitespace().chain(line.ends_with('\n').then_some(END)))
}

impl Words {
    /// Returns the `size` most frequent words that occur at least `min_count` times, with [`UNKNOWN`] and [`END`] among
    /// them in any case. The more frequent word has the lower token; among equally frequent words, it is the one that
    /// comes first in the order of code points. The words left out are counted as [`UNKNOWN`].
    pub(super) fn of(counts: WordCounts, min_count: u64, size: Option<usize>) -> Self {
        let mut counts = counts.counts;
        let mut special =
            [UNKNOWN, END].map(|word| (Box::from(word), counts.remove(word).unwrap_or(0)));
        let mut words: Vec<(Box<str>, u64)> = counts.into_iter().collect();
        words.sort_unstable_by(by_rank);
        let frequent = words.partition_point(|&(_, count)| count >= min_count);
        let kept = size.map_or(frequent, |size| frequent.min(size.saturating_sub(special.len())));
        special[0].1 += words.drain(kept..).map(|(_, count)| count).sum::<u64>();
        words.extend(special);
        words.sort_unstable_by(by_rank);
        Self::new(words.into_iter().map(|(word, _)| word)).expect("each word once")
    }

    /// Returns the vocabulary of these words.
    pub(super) fn new(list: impl IntoIterator<Item = Box<str>>) -> Result<Self, InvalidVocabulary> {
        let damaged = |what: String| Err(InvalidVocabulary::Damaged(what));
        let mut words = IndexSet::default();
        for word in list {
            if word.is_empty() || word.contains(char::is_whitespace) {
                return damaged(format!("{:?} is no word", shortened(&word)));
            }
            if let Some(word) = words.replace(word) {
                return damaged(format!("{:?} is given twice", shortened(&word)));
            }
        }
        let special = [UNKNOWN, END].map(|word| words.get_index_of(word));
        let [Some(unknown), Some(end)] = special.map(|index| Some(index? as u32)) else {
            return damaged(format!("it lacks {UNKNOWN} or {END}"));
        };
        Ok(Self { words, unknown, end })
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| &**word)
    }

    pub(super) fn word(&self, token: u32) -> &str {
        &self.words[token as usize]
    }

    pub(super) fn end(&self) -> u32 {
        self.end
    }

    pub(super) fn encode(&self, text: &str, out: &mut Vec<u32>) {
        let token = |word| self.words.get_index_of(word).map_or(self.unknown, |index| index as u32);
        out.extend(tokens(text).map(token));
    }
}

/// The order of tokens: the more frequent word first.
fn by_rank(a: &(Box<str>, u64), b: &(Box<str>, u64)) -> Ordering {
    b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0))
}

/// Returns what fits into a message.
fn shortened(word: &str) -> String {
    word.chars().take(40).collect()
}
