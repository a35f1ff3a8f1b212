//! Sentences, and the part of speech of each word.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::batch::{Batch, Symbols};

/// Sentences of a small grammar, and the part of speech of each word, which depends on the words around it: "light" is
/// an adjective in "the light dog hear that", a noun in "the light hear that", and a verb in "they light that".
///
/// ```text
/// sentence -> phrase verb phrase
/// phrase   -> "they" | "that" | ("the" | "that") [adjective] noun
/// ```
///
/// The whole sentence always tells the tags: the verb stands before the second phrase, whose first word can be nothing
/// else. The words up to a word often do not. So a bidirectional model can be right on every word, and a causal one
/// cannot.
///
/// ```
/// use bptt_tasks::{Tag, Tagging};
///
/// let batch = Tagging.batch(&mut bptt_layers::rng(3), 1);
/// assert_eq!(Tagging::text(&batch.inputs.symbols), "that light that child");
/// let tags = [Tag::Pronoun, Tag::Verb, Tag::Determiner, Tag::Noun];
/// assert_eq!(batch.targets, tags.map(|tag| tag as usize));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tagging;

/// A part of speech. The class of a word is the number of its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// "the", and "that" before a noun.
    Determiner,
    /// "they", and "that" as a phrase of its own.
    Pronoun,
    /// As in "the light dog".
    Adjective,
    /// As in "the light".
    Noun,
    /// As in "they light that".
    Verb,
}

/// The number of tags.
const TAGS: usize = 5;

const PRONOUNS: [&str; 2] = ["they", "that"];
const DETERMINERS: [&str; 2] = ["the", "that"];
const ADJECTIVES: [&str; 4] = ["small", "old", "light", "cold"];
const NOUNS: [&str; 6] = ["dog", "child", "watch", "play", "light", "cold"];
const VERBS: [&str; 5] = ["see", "hear", "watch", "play", "light"];

impl Tagging {
    /// The words of the symbols.
    pub const WORDS: [&str; 13] = [
        "they", "that", "the", "small", "old", "light", "cold", "dog", "child", "watch", "play",
        "see", "hear",
    ];

    /// Draws sentences and the tags of their words `[T, B]`, 0 beyond the end of a sentence.
    #[must_use]
    pub fn batch(&self, rng: &mut impl Rng, batch: usize) -> Batch<Symbols, Vec<usize>> {
        let drawn = (0..batch).map(|_| sentence(rng).into_iter().unzip());
        let (sentences, tags): (Vec<Vec<usize>>, Vec<Vec<usize>>) = drawn.unzip();
        Batch { inputs: Symbols::new(&sentences), targets: Symbols::new(&tags).symbols }
    }

    /// Returns the words of a sentence.
    ///
    /// # Panics
    ///
    /// If a symbol is none of [`WORDS`](Self::WORDS).
    #[track_caller]
    #[must_use]
    pub fn text(symbols: &[usize]) -> String {
        symbols.iter().map(|&symbol| Self::WORDS[symbol]).collect::<Vec<_>>().join(" ")
    }

    /// Returns the share of words that are tagged right by the most frequent tag of each word.
    #[must_use]
    pub fn memoryless_accuracy(&self) -> f64 {
        let mut counts = [[0.0; TAGS]; Self::WORDS.len()];
        let mut count = |words: &[&str], tag: Tag, expected: f64| {
            for word in words {
                counts[symbol(word)][tag as usize] += expected / words.len() as f64;
            }
        };
        let determined = 2.0 * (1.0 - PRONOUN);
        count(&PRONOUNS, Tag::Pronoun, 2.0 * PRONOUN);
        count(&DETERMINERS, Tag::Determiner, determined);
        count(&ADJECTIVES, Tag::Adjective, determined / 2.0);
        count(&NOUNS, Tag::Noun, determined);
        count(&VERBS, Tag::Verb, 1.0);
        let right: f64 = counts.iter().map(|tags| tags.iter().copied().fold(0.0, f64::max)).sum();
        right / counts.as_flattened().iter().sum::<f64>()
    }
}

/// The probability that a phrase is a pronoun.
const PRONOUN: f64 = 1.0 / 3.0;

/// Returns the words of a sentence with their tags.
fn sentence(rng: &mut impl Rng) -> Vec<(usize, usize)> {
    let mut sentence = phrase(rng);
    sentence.push(word(rng, &VERBS, Tag::Verb));
    sentence.extend(phrase(rng));
    sentence
}

fn phrase(rng: &mut impl Rng) -> Vec<(usize, usize)> {
    if rng.random_bool(PRONOUN) {
        return vec![word(rng, &PRONOUNS, Tag::Pronoun)];
    }
    let mut phrase = vec![word(rng, &DETERMINERS, Tag::Determiner)];
    if rng.random() {
        phrase.push(word(rng, &ADJECTIVES, Tag::Adjective));
    }
    phrase.push(word(rng, &NOUNS, Tag::Noun));
    phrase
}

fn word(rng: &mut impl Rng, words: &[&str], tag: Tag) -> (usize, usize) {
    (symbol(words.choose(rng).expect("there are words")), tag as usize)
}

fn symbol(word: &str) -> usize {
    let place = Tagging::WORDS.iter().position(|known| *known == word);
    place.expect("a word of the grammar")
}
