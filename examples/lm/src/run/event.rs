//! The events of a run: one JSON object on one line each.

use bptt::analysis::record::{Entry, Summary, number};
use serde::{Deserialize, Serialize};

/// An event of a run, as a line of `log.jsonl` has it.
///
/// The field `event` names the kind, such as `"step"`. The others are the fields below. Those that depend on clocks are
/// `unix_seconds`, `seconds` and `tokens_per_second`; all others are the same in each repetition of the run. A number
/// that is not finite is written as `null` and read as NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Event {
    /// The first event of a run.
    Start {
        /// The version of the program.
        version: String,
        /// The model in a few words, such as `2-layer lstm of 650`.
        model: String,
        /// The number of trained parameters.
        parameters: u64,
        /// The text in a few words, such as its files or the name of its language.
        text: String,
        /// The unit of the text: `characters`, `bytes`, `words` or `byte-pairs`.
        units: String,
        /// The number of different tokens.
        vocabulary_size: u64,
        /// The size of the part to train on.
        train: Size,
        /// The size of the part to validate on.
        validation: Size,
        /// The planned number of steps.
        steps: u64,
        /// The time, in seconds since 1970.
        unix_seconds: f64,
    },
    /// The mean of the training steps since the last such event.
    Step {
        /// The number of updates made.
        step: u64,
        /// The number of passes over the training part, with a fraction.
        epoch: f64,
        /// The training loss, in nats per token.
        #[serde(deserialize_with = "number")]
        nats: f64,
        /// The learning rate of the last of these steps.
        #[serde(deserialize_with = "number")]
        learning_rate: f64,
        /// The norm of the gradient before clipping.
        #[serde(deserialize_with = "number")]
        gradient_norm: f64,
        /// The speed of training.
        #[serde(deserialize_with = "number")]
        tokens_per_second: f64,
        /// The time since the start without pauses between a stop and the resumption.
        seconds: f64,
    },
    /// A measurement on the validation part.
    Validation {
        /// The number of updates made.
        step: u64,
        /// The validation loss, in nats per token.
        #[serde(deserialize_with = "number")]
        nats: f64,
        /// Whether the loss is the lowest so far.
        best: bool,
        /// The time since the start, as in [`Step`](Self::Step).
        seconds: f64,
    },
    /// A measurement of the best weights on the test part.
    Test {
        /// The number of updates made.
        step: u64,
        /// The test loss, in nats per token.
        #[serde(deserialize_with = "number")]
        nats: f64,
        /// The size of the test part.
        size: Size,
        /// The time since the start, as in [`Step`](Self::Step).
        seconds: f64,
    },
    /// A text that the model wrote.
    Sample {
        /// The number of updates made.
        step: u64,
        /// The text.
        text: String,
    },
    /// A remark, such as a changed setting.
    Note {
        /// The number of updates made.
        step: u64,
        /// The remark.
        text: String,
    },
    /// The last event of a run, or of a run that was stopped. A resumed run removes it.
    End {
        /// The number of updates made.
        step: u64,
        /// Why the run ended, such as `finished` or `stopped by SIGTERM`.
        reason: String,
        /// The time since the start, as in [`Step`](Self::Step).
        seconds: f64,
    },
}

/// The size of a part of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// The number of tokens.
    pub tokens: u64,
    /// The number of characters.
    pub characters: u64,
    /// The number of words.
    pub words: u64,
}

impl Entry for Event {
    fn started(&self) -> Option<f64> {
        match self {
            Self::Start { unix_seconds, .. } => Some(*unix_seconds),
            _ => None,
        }
    }

    fn step(&self) -> u64 {
        match self {
            Self::Start { .. } => 0,
            Self::Step { step, .. }
            | Self::Validation { step, .. }
            | Self::Test { step, .. }
            | Self::Sample { step, .. }
            | Self::Note { step, .. }
            | Self::End { step, .. } => *step,
        }
    }

    fn seconds(&self) -> Option<f64> {
        match self {
            Self::Start { .. } => Some(0.0),
            Self::Step { seconds, .. }
            | Self::Validation { seconds, .. }
            | Self::Test { seconds, .. }
            | Self::End { seconds, .. } => Some(*seconds),
            Self::Sample { .. } | Self::Note { .. } => None,
        }
    }

    fn summary(&self) -> Summary {
        let summary = Summary::new();
        match *self {
            Self::Step { nats, learning_rate, gradient_norm, tokens_per_second, .. } => summary
                .scalar("loss/train", nats)
                .scalar("learning_rate", learning_rate)
                .scalar("gradient_norm", gradient_norm)
                .scalar("tokens_per_second", tokens_per_second),
            Self::Validation { nats, .. } => summary.scalar("loss/validation", nats),
            Self::Test { nats, .. } => summary.scalar("loss/test", nats),
            _ => summary,
        }
    }
}

/// Returns the speed of training, the median over the events of steps; 0 if there are none.
pub(crate) fn median_speed(events: &[Event]) -> f64 {
    let speeds = events.iter().filter_map(|event| match event {
        Event::Step { tokens_per_second, .. } => Some(*tokens_per_second),
        _ => None,
    });
    let mut speeds: Vec<_> = speeds.filter(|speed| speed.is_finite()).collect();
    speeds.sort_by(f64::total_cmp);
    speeds.get(speeds.len() / 2).copied().unwrap_or(0.0)
}
