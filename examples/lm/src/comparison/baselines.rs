//! The baselines of a comparison: n-gram models, and the floor of a language.

use serde::Serialize;

use crate::baselines::{BaselineError, NGram, Smoothing};
use crate::evaluation::Score;
use crate::languages::Language;
use crate::runs::Figure;
use crate::text::{Corpus, Units};

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

/// Returns the floor of a text in a formal language: the mean surprisal under the language itself. A model falls below
/// it only by chance. The floor is over the same symbols as the [`baselines`].
#[must_use]
pub fn floor(corpus: &Corpus, language: &Language) -> Option<Baseline> {
    let is_by_symbol = matches!(corpus.vocabulary.units(), Units::Characters | Units::Bytes);
    let tokens = &corpus.validation.tokens;
    let tokens: Vec<_> = tokens.iter(0..tokens.len()).collect();
    let surprisals = language.surprisals(&corpus.vocabulary.decode(&tokens));
    let nats = surprisals.iter().skip(1).sum::<f64>() / (tokens.len() - 1) as f64;
    is_by_symbol.then(|| Baseline::new(format!("exact floor of {language}"), nats, corpus))
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
