//! N-gram models.

use rayon::prelude::*;

use super::smoothing::{Discounts, Rule, Smoothing};
use super::trie::{EMPTY, Level, Trie};
use super::{BaselineError, Predictor, score};
use crate::text::Tokens;

/// An n-gram model of tokens: the last `order - 1` tokens predict the next.
///
/// ```
/// use lm::baselines::{NGram, Smoothing};
/// use lm::text::Tokens;
///
/// let (a, b) = (0, 1);
/// let model = NGram::new(Smoothing::WittenBell, 2, 3, &Tokens::from(vec![a, b, a, b]))?;
/// assert!(model.probability(&[a], b) > 0.8);
/// # Ok::<(), lm::baselines::BaselineError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NGram {
    vocabulary_size: usize,
    trie: Trie,
    /// The smoothing of the contexts of each length.
    rules: Vec<Rule>,
    /// The weight of the shorter context, for each context of each length.
    weights: Vec<Vec<f64>>,
}

impl NGram {
    /// Counts the n-grams of 1 to `order` tokens in `text`, whose tokens are below `vocabulary_size`.
    ///
    /// Each distinct n-gram of the full order takes 8 bytes, and each shorter one 20.
    ///
    /// # Errors
    ///
    /// If `order` is 0, or if the text has 2³² tokens or more.
    ///
    /// # Panics
    ///
    /// If a token is not below `vocabulary_size`.
    pub fn new(
        smoothing: Smoothing,
        order: usize,
        vocabulary_size: usize,
        text: &Tokens,
    ) -> Result<Self, BaselineError> {
        if order == 0 {
            return Err(BaselineError::OrderZero);
        }
        if u32::try_from(text.len()).is_err() {
            return Err(BaselineError::TooLong { tokens: text.len() });
        }
        let known = text.iter(0..text.len()).all(|token| (token as usize) < vocabulary_size);
        assert!(known, "every token is below the size of the vocabulary, {vocabulary_size}");
        let occurrences = Trie::count(order, text);
        let (trie, rule): (_, fn(&Level) -> Rule) = match smoothing {
            Smoothing::WittenBell => (occurrences, |_| Rule::WittenBell),
            Smoothing::KneserNey => (occurrences.into_continuations(), |l| discounting(false, l)),
            Smoothing::ModifiedKneserNey => {
                (occurrences.into_continuations(), |l| discounting(true, l))
            }
        };
        let rules: Vec<Rule> = trie.levels().iter().map(rule).collect();
        let weights = trie.levels().iter().zip(&rules).map(|(level, rule)| {
            let strings = (0..level.strings()).into_par_iter();
            strings.map(|string| rule.weight(level.counts(string as u32))).collect()
        });
        let weights = weights.collect();
        Ok(Self { vocabulary_size, trie, rules, weights })
    }

    /// Returns `P(next | context)`. The `context` may have any length; its last `order - 1` tokens count.
    ///
    /// # Panics
    ///
    /// If `next` is not below the size of the vocabulary.
    #[must_use]
    pub fn probability(&self, context: &[u32], next: u32) -> f64 {
        let mut reader = self.reader();
        let longest = self.rules.len() - 1;
        for &token in &context[context.len().saturating_sub(longest)..] {
            reader.predict(token);
        }
        reader.predict(next)
    }

    /// Returns a predictor that has read no token yet.
    #[must_use]
    pub fn reader(&self) -> NGramReader<'_> {
        NGramReader { model: self, suffixes: vec![EMPTY] }
    }

    /// Returns the mean of `-ln P` over all of `tokens` but the first, each predicted from those before it.
    ///
    /// # Panics
    ///
    /// If there are fewer than two tokens, or if one is not below the size of the vocabulary.
    #[must_use]
    pub fn score(&self, tokens: &Tokens) -> f64 {
        score(self.reader(), tokens)
    }

    /// Returns the discounts of Kneser–Ney smoothing, for n-grams of 1, 2, … tokens. For Witten–Bell there are none.
    pub fn discounts(&self) -> impl Iterator<Item = Discounts> {
        self.rules.iter().filter_map(|rule| match rule {
            Rule::WittenBell => None,
            Rule::Discount(discounts) => Some(*discounts),
        })
    }

    /// Returns the number of distinct n-grams of 1, 2, … tokens.
    pub fn ngrams(&self) -> impl Iterator<Item = usize> {
        self.trie.levels().iter().map(|level| level.all_counts().len())
    }
}

/// Estimates the discounts of one level from its counts of counts.
fn discounting(modified: bool, level: &Level) -> Rule {
    let mut n = [0; 4];
    for count in level.all_counts() {
        if let 1..=4 = count {
            n[count as usize - 1] += 1;
        }
    }
    Rule::Discount(Discounts::estimate(modified, n))
}

/// An [`NGram`] model that reads a text.
#[derive(Clone, Debug)]
pub struct NGramReader<'a> {
    model: &'a NGram,
    /// `suffixes[k]` is the string of the last `k` tokens, for all `k` for which it occurs in the model's text.
    suffixes: Vec<u32>,
}

impl Predictor for NGramReader<'_> {
    fn predict(&mut self, token: u32) -> f64 {
        let NGram { vocabulary_size, trie, rules, weights } = self.model;
        assert!((token as usize) < *vocabulary_size, "token {token} of {vocabulary_size}");
        let mut probability = 1.0 / *vocabulary_size as f64;
        // The last `length` tokens after this one is read. If it does not occur, no longer string does.
        let mut suffix = Some(EMPTY);
        let mut known = 0;
        for (length, context) in self.suffixes.iter_mut().enumerate() {
            let level = &trie.levels()[length];
            let follower = level.follower(*context, token);
            let count = follower.map_or(0, |follower| level.count(follower));
            let weight = weights[length][*context as usize];
            probability =
                rules[length].interpolate(count, level.total(*context), weight, probability);
            if let Some(suffix) = suffix {
                *context = suffix;
                known = length + 1;
            }
            suffix = follower;
        }
        self.suffixes.truncate(known);
        if let Some(suffix) = suffix
            && known < rules.len()
        {
            self.suffixes.push(suffix);
        }
        probability
    }
}
