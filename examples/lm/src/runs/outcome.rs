//! The outcome of a run.

use bptt::Module;
use serde::Serialize;

use crate::error::Error;
use crate::evaluation::Score;
use crate::run::{Event, Points, median_speed};
use crate::text::{Corpus, Units};
use crate::training::Session;
use bptt::analysis::record::{Entry, read_log};

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The name of the run.
    pub name: String,
    /// The units in each recurrent layer.
    pub hidden_size: usize,
    /// The number of parameters.
    pub parameters: usize,
    /// The lowest loss on the validation text in nats per token, unless the run diverged.
    pub nats: Option<f64>,
    /// The same as a [`Figure`] of the text's units.
    pub figure: Option<f64>,
    /// The bits for each character of the validation text, by which runs on different units compare.
    pub bits_per_character: Option<f64>,
    /// The step at which the loss was lowest.
    pub best_step: usize,
    /// The losses on the validation text in the course of the run, with their steps.
    pub validation: Points,
    /// The fault, if the run diverged.
    pub diverged: Option<String>,
    /// The speed of training, the median over the lines of the log.
    pub tokens_per_second: f64,
    /// The time of the run.
    pub seconds: f64,
}

impl Outcome {
    /// Returns the outcome of a run that has ended, with the `fault` if it diverged.
    pub(super) fn of(
        name: &str,
        session: &Session<'_>,
        corpus: &Corpus,
        fault: Option<String>,
    ) -> Result<Self, Error> {
        let (trainer, best) = (session.trainer(), session.trainer().best());
        let events = read_log(&session.folder().files().log)?;
        let measured = events.iter().filter_map(|event| match *event {
            Event::Validation { step, nats, .. } => Some((step as f64, nats)),
            _ => None,
        });
        let validation = &corpus.validation;
        let score = Score::new(best.nats, validation.tokens.len() as u64, validation);
        let score = Some(score).filter(|_| fault.is_none());
        Ok(Self {
            name: name.to_owned(),
            hidden_size: best.config.model.hidden_size,
            parameters: trainer.model().parameter_count(),
            nats: score.map(|it| it.nats),
            figure: score.map(|it| Figure::of(corpus).value(&it)),
            bits_per_character: score.map(|it| it.bits_per_character()),
            best_step: best.step,
            validation: measured.collect(),
            diverged: fault,
            tokens_per_second: median_speed(&events),
            seconds: events.iter().filter_map(Event::seconds).next_back().unwrap_or(0.0),
        })
    }
}

/// The number that the literature reports for a text of some units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Bits per character.
    BitsPerCharacter,
    /// Perplexity, `exp` of the mean over tokens.
    Perplexity,
}

impl Figure {
    /// Returns the number that suits a text.
    #[must_use]
    pub fn of(corpus: &Corpus) -> Self {
        match corpus.vocabulary.units() {
            Units::Characters | Units::Bytes | Units::BytePairs => Self::BitsPerCharacter,
            Units::Words => Self::Perplexity,
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BitsPerCharacter => "bits per character",
            Self::Perplexity => "perplexity",
        }
    }

    /// Returns its value.
    #[must_use]
    pub fn value(self, score: &Score) -> f64 {
        match self {
            Self::BitsPerCharacter => score.bits_per_character(),
            Self::Perplexity => score.perplexity(),
        }
    }
}
