//! The true process: what may follow the symbols read so far, and how probable it is.

use rand::{Rng, RngExt};

use super::grammar::{Alternative, Grammar, START};

/// Reads or draws a stream symbol by symbol, and knows the true probability of each.
///
/// ```
/// let language: bptt_tasks::languages::Language = "reber".parse()?;
/// let mut reader = language.reader();
/// assert_eq!(reader.read('B'), Some(1.0));
/// assert_eq!(reader.choices().collect::<Vec<_>>(), [('T', 0.5), ('P', 0.5)]);
/// assert_eq!(reader.read('S'), None);
/// # Ok::<(), bptt_tasks::languages::LanguageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    grammar: &'a Grammar,
    /// The rules that complete the sentence, the next one at the end. Between sentences it is empty.
    stack: Vec<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(grammar: &'a Grammar) -> Self {
        Self::at(grammar, Vec::new())
    }

    pub(super) fn at(grammar: &'a Grammar, stack: Vec<usize>) -> Self {
        Self { grammar, stack }
    }

    pub(super) fn into_stack(self) -> Vec<usize> {
        self.stack
    }

    /// Whether a sentence begins with the next symbol.
    #[must_use]
    pub fn is_between_sentences(&self) -> bool {
        self.stack.is_empty()
    }

    /// Returns the symbols that may follow, with their probabilities.
    pub fn choices(&self) -> impl Iterator<Item = (char, f64)> + use<'a> {
        self.alternatives().iter().map(|a| (a.symbol, a.probability))
    }

    /// Reads a symbol and returns its probability, or `None` if it cannot stand here. The reader then stays where it
    /// is.
    pub fn read(&mut self, symbol: char) -> Option<f64> {
        let read = self.alternatives().iter().find(|a| a.symbol == symbol)?;
        self.follow(read);
        Some(read.probability)
    }

    /// Draws a symbol from the true distribution.
    pub fn draw(&mut self, rng: &mut impl Rng) -> char {
        let alternatives = self.alternatives();
        let mut left: f64 = rng.random();
        let drawn = alternatives.iter().find(|a| {
            left -= a.probability;
            left < 0.0
        });
        // Rounded probabilities may sum to less than one.
        let drawn = drawn.unwrap_or(&alternatives[alternatives.len() - 1]);
        self.follow(drawn);
        drawn.symbol
    }

    fn alternatives(&self) -> &'a [Alternative] {
        self.grammar.rule(self.stack.last().copied().unwrap_or(START))
    }

    fn follow(&mut self, alternative: &Alternative) {
        self.stack.pop();
        self.stack.extend(alternative.rest.iter().rev());
    }
}
