//! Sentences that praise or blame.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::batch::{Batch, Symbols};

/// Sentences of a small grammar that praise or blame, with negation: "i doubt that the plot is bad but the music is not
/// very good". The class is 1 for praise, and 0 for blame.
///
/// ```text
/// sentence -> clause | clause "and" clause | clause "but" clause
/// clause   -> [ "i" ("think" | "doubt") "that" ] "the" subject "is" [ "not" | "never" ] [ "very" | "quite" ] adjective
/// ```
///
/// "not", "never" and "doubt" turn a clause into its opposite. Clauses that "and" joins agree. Those that "but" joins
/// are opposites, and the last one counts. The last word alone says nothing: its clause has an odd number of negations
/// in half of all sentences.
///
/// ```
/// use bptt_tasks::Polarity;
///
/// let batch = Polarity.batch(&mut bptt_layers::rng(1), 3);
/// let sentences = batch.inputs.sequences();
/// assert_eq!(Polarity::text(&sentences[0]), "the ending is quite boring but the plot is not awful");
/// assert_eq!(batch.targets[0], 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Polarity;

const SUBJECTS: [&str; 6] = ["plot", "film", "music", "acting", "ending", "book"];
const PRAISE: [&str; 6] = ["good", "great", "superb", "charming", "clever", "brilliant"];
const BLAME: [&str; 6] = ["bad", "poor", "awful", "boring", "stupid", "terrible"];

impl Polarity {
    /// The words of the symbols.
    #[rustfmt::skip]
    pub const WORDS: [&str; 30] = [
        "the", "is", "i", "that", "think", "doubt", "not", "never", "very", "quite", "and", "but",
        "plot", "film", "music", "acting", "ending", "book",
        "good", "great", "superb", "charming", "clever", "brilliant",
        "bad", "poor", "awful", "boring", "stupid", "terrible",
    ];

    /// Draws sentences and the classes `[B]`. Both classes are equally likely.
    #[must_use]
    pub fn batch(&self, rng: &mut impl Rng, batch: usize) -> Batch<Symbols, Vec<usize>> {
        let drawn = (0..batch).map(|_| sentence(rng));
        let (sentences, targets): (Vec<_>, Vec<_>) = drawn.unzip();
        Batch { inputs: Symbols::new(&sentences), targets }
    }

    /// Returns the words of a sentence.
    ///
    /// # Panics
    ///
    /// If a symbol is none of [`WORDS`](Self::WORDS).
    #[track_caller]
    #[must_use]
    pub fn text(symbols: &[usize]) -> String {
        super::text(&Self::WORDS, symbols)
    }

    /// Returns the share of sentences that are judged right by the last word: a half.
    #[must_use]
    pub fn memoryless_accuracy(&self) -> f64 {
        0.5
    }

    /// Returns the share of sentences that are judged right, at best, from a bag of words: by how often each word occurs,
    /// whatever the order.
    ///
    /// A bag does not tell which clause a negation turns around, nor which clause is the last.
    #[must_use]
    pub fn bag_of_words_accuracy(&self) -> f64 {
        let mut classes: BTreeMap<Vec<&str>, [f64; 2]> = BTreeMap::new();
        for is_praise in [false, true] {
            let mut count = |mut bag: Vec<&'static str>, probability: f64| {
                bag.sort_unstable();
                classes.entry(bag).or_default()[usize::from(is_praise)] += probability / 6.0;
            };
            for (last, p) in bags(is_praise) {
                for (junction, is_praise) in [("and", is_praise), ("but", !is_praise)] {
                    for (first, q) in bags(is_praise) {
                        count([&first[..], &[junction], &last].concat(), p * q);
                    }
                }
                count(last, p);
            }
        }
        classes.values().map(|[blame, praise]| blame.max(*praise)).sum()
    }
}

/// Returns the words of clauses that matter for their class, with the probabilities. Adjectives of a kind are alike.
fn bags(is_praise: bool) -> impl Iterator<Item = (Vec<&'static str>, f64)> {
    let opinions = [(&[][..], 0.5), (&["think"][..], 0.25), (&["doubt"], 0.25)];
    let negations = [(&[][..], 0.5), (&["not"][..], 0.25), (&["never"], 0.25)];
    opinions.into_iter().flat_map(move |(opinion, p)| {
        negations.map(|(negation, q)| {
            let is_turned = (opinion == ["doubt"]) == negation.is_empty();
            let adjective = if is_praise != is_turned { "praise" } else { "blame" };
            ([opinion, negation, &[adjective]].concat(), p * q)
        })
    })
}

/// Returns a sentence and its class.
fn sentence(rng: &mut impl Rng) -> (Vec<usize>, usize) {
    let is_praise: bool = rng.random();
    let mut words = match rng.random_range(0..3) {
        0 => Vec::new(),
        1 => [clause(rng, is_praise), vec!["and"]].concat(),
        _ => [clause(rng, !is_praise), vec!["but"]].concat(),
    };
    words.extend(clause(rng, is_praise));
    let symbol = |word: &str| Polarity::WORDS.iter().position(|known| *known == word);
    let symbols = words.iter().map(|word| symbol(word).expect("a word of the grammar")).collect();
    (symbols, usize::from(is_praise))
}

fn clause(rng: &mut impl Rng, is_praise: bool) -> Vec<&'static str> {
    let mut words = Vec::new();
    let mut takes_praise = is_praise;
    if rng.random() {
        let doubts = rng.random();
        takes_praise ^= doubts;
        words.extend(["i", if doubts { "doubt" } else { "think" }, "that"]);
    }
    words.extend(["the", choose(rng, &SUBJECTS), "is"]);
    if rng.random() {
        takes_praise = !takes_praise;
        words.push(choose(rng, &["not", "never"]));
    }
    if rng.random() {
        words.push(choose(rng, &["very", "quite"]));
    }
    words.push(choose(rng, if takes_praise { &PRAISE } else { &BLAME }));
    words
}

fn choose(rng: &mut impl Rng, words: &[&'static str]) -> &'static str {
    words.choose(rng).expect("there are words")
}
