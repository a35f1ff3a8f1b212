//! Parts of speech.

use std::collections::BTreeMap;
use std::ops::Range;

use bptt_layers::batching;
use rand::{Rng, RngExt};

use crate::batch::{Batch, Symbols};

/// Sentences whose words have a part of speech each, which often depends on words to both sides.
///
/// ```text
/// the  old  cook the  show                    the  old  cook offer the  poor a  show
/// det  noun verb det  noun                    det  adj  noun verb  det  noun det noun
/// ```
///
/// A sentence is a subject, a verb and one or two objects. Subject and objects are a determiner, an adjective with a
/// probability of ½, and a noun. Half of the open words are adjectives or nouns, the others nouns or verbs. In the
/// subject a word can be tagged only when the words up to the next determiner are known. In the objects it matters
/// whether the verb has been read.
///
/// ```
/// use bptt_tasks::Tagging;
///
/// let batch = Tagging.batch(&mut bptt_layers::rng(0), 16);
/// assert_eq!(batch.targets.len(), batch.inputs.symbols.len());
/// println!("{}", Tagging::text(&batch.inputs.sequences()[0]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tagging;

/// What a word can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Determiner,
    AdjectiveOrNoun,
    NounOrVerb,
}

impl Kind {
    /// The symbols of its words.
    fn words(self) -> Range<usize> {
        match self {
            Self::Determiner => 0..4,
            Self::AdjectiveOrNoun => 4..12,
            Self::NounOrVerb => 12..20,
        }
    }
}

const DETERMINER: usize = 0;
const ADJECTIVE: usize = 1;
const NOUN: usize = 2;
const VERB: usize = 3;

/// What each word of a sentence can be, and its tag.
type Pattern = Vec<(Kind, usize)>;

impl Tagging {
    /// The words by their symbols.
    #[rustfmt::skip]
    pub const WORDS: [&'static str; 20] = [
        "the", "a", "this", "my",
        "old", "young", "rich", "poor", "sweet", "cold", "light", "good",
        "cook", "show", "offer", "order", "hand", "book", "pass", "sign",
    ];

    /// The tags by their classes.
    pub const TAGS: [&'static str; 4] = ["det", "adj", "noun", "verb"];

    /// The class of the padding of targets.
    pub const NO_TAG: usize = usize::MAX;

    /// Draws sentences and the tags of their words, `[T, B]`; beyond the end of a sentence [`NO_TAG`](Self::NO_TAG).
    #[must_use]
    pub fn batch(&self, rng: &mut impl Rng, batch: usize) -> Batch<Symbols, Vec<usize>> {
        let patterns = [1, 2].map(patterns);
        let mut sentence = || {
            let patterns = &patterns[rng.random_range(0..2)];
            let pattern = &patterns[rng.random_range(0..patterns.len())];
            pattern.iter().map(|(kind, tag)| (rng.random_range(kind.words()), *tag)).unzip()
        };
        let (sentences, tags): (Vec<_>, Vec<Vec<usize>>) = (0..batch).map(|_| sentence()).unzip();
        let (targets, _) = batching::pad_symbols(&tags, Self::NO_TAG);
        Batch { inputs: Symbols::new(&sentences), targets }
    }

    /// Writes a sentence.
    ///
    /// # Panics
    ///
    /// If a symbol is not that of a word.
    #[track_caller]
    #[must_use]
    pub fn text(sentence: &[usize]) -> String {
        super::text(&Self::WORDS, sentence)
    }

    /// Returns the share of words that are tagged right at best from the word alone. A tagger that reads the whole
    /// sentence can tag all.
    #[must_use]
    pub fn memoryless_accuracy(&self) -> f64 {
        accuracy(|kinds, t| &kinds[t..=t])
    }

    /// Returns the share of words that are tagged right at best from the sentence up to the word.
    #[must_use]
    pub fn forward_accuracy(&self) -> f64 {
        accuracy(|kinds, t| &kinds[..=t])
    }

    /// Returns the same for a tagger that reads the sentence from its end back to the word.
    #[must_use]
    pub fn backward_accuracy(&self) -> f64 {
        accuracy(|kinds, t| &kinds[t..])
    }
}

/// Returns the patterns of the sentences with this number of objects, all equally likely.
fn patterns(objects: usize) -> Vec<Pattern> {
    let phrases =
        [None, Some((Kind::AdjectiveOrNoun, ADJECTIVE))].into_iter().flat_map(|adjective| {
            [Kind::AdjectiveOrNoun, Kind::NounOrVerb].map(|noun| {
                let determiner = [(Kind::Determiner, DETERMINER)].into_iter();
                determiner.chain(adjective).chain([(noun, NOUN)]).collect::<Pattern>()
            })
        });
    let phrases: Vec<Pattern> = phrases.collect();
    let subjects =
        phrases.iter().map(|subject| [&subject[..], &[(Kind::NounOrVerb, VERB)]].concat());
    let with_object = |sentences: Vec<Pattern>, _| {
        let joined = |sentence: &Pattern| {
            phrases.iter().map(|object| [&sentence[..], object].concat()).collect()
        };
        sentences.iter().flat_map(|sentence| -> Vec<_> { joined(sentence) }).collect()
    };
    (0..objects).fold(subjects.collect(), with_object)
}

/// Returns the accuracy of the best tagger that sees this part of a sentence at word `t`.
fn accuracy(seen: impl Fn(&[Kind], usize) -> &[Kind]) -> f64 {
    let mut tags: BTreeMap<Vec<Kind>, [f64; Tagging::TAGS.len()]> = BTreeMap::new();
    for patterns in [1, 2].map(patterns) {
        let probability = 0.5 / patterns.len() as f64;
        for pattern in &patterns {
            let kinds: Vec<Kind> = pattern.iter().map(|&(kind, _)| kind).collect();
            for (t, &(_, tag)) in pattern.iter().enumerate() {
                tags.entry(seen(&kinds, t).into()).or_default()[tag] += probability;
            }
        }
    }
    let best = tags.values().map(|tags| tags.iter().copied().fold(0.0, f64::max));
    best.sum::<f64>() / tags.values().flatten().sum::<f64>()
}
