//! What a net predicts.

use bptt::prelude::*;
use serde::Serialize;

use super::Experiment;
use super::data::{Targets, VALIDATION};
use super::values::exact;

/// What a net predicts for a validation sequence: values, or the numbers of characters.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// The number of steps that free running is given.
    pub prompt: usize,
    /// The true sequence.
    pub truth: Vec<f64>,
    /// The prediction of each step from the true steps before it, from step 1 on.
    pub one_step: Vec<f64>,
    /// The continuation of the prompt, from its own predictions.
    pub free: Vec<f64>,
}

impl Experiment {
    /// Returns what the net predicts for a validation sequence.
    #[must_use]
    pub fn predict(&self, number: usize) -> Prediction {
        let sequence = self.data.validation.one(number % VALIDATION);
        let (xs, prompt) = (&sequence.inputs, self.settings.length);
        let steps = xs.shape()[0] - prompt;
        let is_text = matches!(sequence.targets, Targets::Classes(_));
        let tape = Tape::inference();
        let (one_step, _) = self.net.forward(tape.constant(xs.clone()));
        let given = tape.constant(xs.slice(0, 0..prompt));
        let start = self.net.start(&tape, 1);
        let (free, _) = free_running(&self.net, given, start, steps, |y| {
            if is_text { most_probable(y) } else { y }
        });
        let numbers = |ys: &Tensor<f32>| -> Vec<f64> {
            match is_text {
                true => ys.argmax(-1).into_iter().map(|class| class as f64).collect(),
                false => exact(ys).collect(),
            }
        };
        Prediction {
            prompt,
            truth: numbers(xs),
            one_step: numbers(&one_step.value()),
            free: numbers(&free.value()),
        }
    }
}

/// Returns the class of the largest logit, one-hot.
fn most_probable<'t>(logits: Var<'t, f32>) -> Var<'t, f32> {
    logits.ge(logits.max_keep(&[-1]))
}
