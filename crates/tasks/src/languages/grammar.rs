//! A probabilistic context-free grammar in the form `A -> a B C …`.

use super::LanguageError;
use super::entropy::{Expected, expected_of_a_sentence};
use super::limits::{LONGEST_SENTENCE, MOST_RULES};

/// The alternatives of a rule. They begin with different symbols, and their probabilities sum to one.
pub(super) type Rule = Vec<Alternative>;

/// One alternative of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alternative {
    pub(super) probability: f64,
    pub(super) symbol: char,
    /// The rules that follow the symbol, in this order.
    pub(super) rest: Vec<usize>,
}

impl Alternative {
    pub(super) fn new(probability: f64, symbol: char, rest: impl Into<Vec<usize>>) -> Self {
        Self { probability, symbol, rest: rest.into() }
    }
}

/// A grammar whose sentences have a finite expected length.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grammar {
    /// `rules[START]` generates a sentence.
    rules: Vec<Rule>,
    alphabet: Vec<char>,
    sentence: Expected,
}

/// The rule of a sentence.
pub(super) const START: usize = 0;

/// Refuses a number of rules before they are built.
pub(super) fn check_size(rules: usize) -> Result<(), LanguageError> {
    if rules > MOST_RULES { Err(LanguageError::TooManyRules { rules }) } else { Ok(()) }
}

impl Grammar {
    /// Takes rules of the form that [`Rule`] describes.
    pub(super) fn new(rules: Vec<Rule>) -> Result<Self, LanguageError> {
        check_size(rules.len())?;
        let sentence = expected_of_a_sentence(&rules).ok_or(LanguageError::Endless)?;
        if sentence.length > LONGEST_SENTENCE {
            return Err(LanguageError::LongSentences { length: sentence.length });
        }
        let mut alphabet: Vec<char> = rules.iter().flatten().map(|a| a.symbol).collect();
        alphabet.sort_unstable();
        alphabet.dedup();
        Ok(Self { rules, alphabet, sentence })
    }

    pub(super) fn rule(&self, rule: usize) -> &[Alternative] {
        &self.rules[rule]
    }

    pub(super) fn alphabet(&self) -> &[char] {
        &self.alphabet
    }

    pub(super) fn sentence(&self) -> &Expected {
        &self.sentence
    }
}
