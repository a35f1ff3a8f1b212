//! The baselines of a comparison: n-gram models, and the floor of a language.

use bptt::tasks::languages::Language;
use serde::Serialize;

use crate::baselines::{BaselineError, NGram, Smoothing};
use crate::evaluation::{self, Score};
use crate::runs::Figure;
use crate::text::Corpus;

/// A baseline: the loss of an n-gram model, or the floor of a language.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// The name of the baseline.
    pub name: String,
    /// The loss on the validation text in nats per token.
    pub nats: f64,
    /// The same as a [`Figure`] of the text's units.
    pub figure: f64,
}

impl Baseline {
    fn new(name: String, nats: f64, corpus: &Corpus) -> Self {
        let validation = &corpus.validation;
        let score = Score::new(nats, validation.tokens.len() as u64, validation);
        Self { name, nats, figure: Figure::of(corpus).value(&score) }
    }
}

/// Returns the [floor](evaluation::floor) of the validation text, if it is in a formal language. The same symbols are
/// predicted as by the [`baselines`].
#[must_use]
pub fn floor(corpus: &Corpus, language: &Language) -> Option<Baseline> {
    let (vocabulary, validation) = (&corpus.vocabulary, &corpus.validation);
    let nats = evaluation::floor(language, vocabulary, validation, validation.tokens.len())?;
    Some(Baseline::new(format!("exact floor of {language}"), nats, corpus))
}

/// Returns the n-gram models of the training text. The order of each is the best on the validation text, up to `order`.
///
/// # Errors
///
/// If the training text is too long to be counted.
pub fn baselines(corpus: &Corpus, order: usize) -> Result<Vec<Baseline>, BaselineError> {
    let models =
        [("Kneser–Ney", Smoothing::ModifiedKneserNey), ("Witten–Bell", Smoothing::WittenBell)];
    let best = models.map(|(name, smoothing)| {
        let scores = (1..=order).map(|order| {
            let model =
                NGram::new(smoothing, order, corpus.vocabulary.len(), &corpus.train.tokens)?;
            Ok((order, model.score(&corpus.validation.tokens)))
        });
        let scores: Vec<_> = scores.collect::<Result<_, BaselineError>>()?;
        let best = scores.into_iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
        Ok(best.map(|(order, nats)| Baseline::new(format!("{name} {order}-gram"), nats, corpus)))
    });
    best.into_iter().filter_map(Result::transpose).collect()
}
