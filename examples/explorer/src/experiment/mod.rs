//! An experiment: a net, its data and its training, all of which follow from the settings.

mod cells;
mod check;
mod data;
mod look;
mod settings;
mod walk;

use bptt::batching::Remainder;
use bptt::prelude::*;
use serde::Serialize;

use self::data::{Data, SEQUENCES, VALIDATION};

pub use self::check::{Check, ParameterCheck};
pub use self::look::{Look, Named, Parameter};
pub use self::settings::{OptimizerKind, Settings, SettingsError, TaskKind};
pub use self::walk::{Quantity, Walk};

/// Layers of one cell, and a readout.
type Net<T> = (Stack<BoxedLayer<T>>, Linear<T>);

/// A net in training.
#[derive(Debug)]
pub struct Experiment {
    settings: Settings,
    net: Net<f32>,
    optimizer: Box<dyn Optimizer<f32> + Send>,
    data: Data,
    rng: bptt::Xoshiro256PlusPlus,
    /// The batches that are left of the epoch, the last one first.
    batches: Vec<Vec<usize>>,
    losses: Vec<Losses>,
    divergence: Option<String>,
}

/// The losses after an update: squared errors, or cross-entropies in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Losses {
    /// The loss of the batch, before its update.
    pub training: f32,
    /// The loss of the validation sequences, after the update.
    pub validation: f32,
}

/// What a net predicts for a validation sequence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// The number of steps that free running is given.
    pub prompt: usize,
    /// The true sequence: values, or the numbers of characters.
    pub truth: Vec<f64>,
    /// The prediction of each step from the true steps before it, from the step 1 on.
    pub one_step: Vec<f64>,
    /// The continuation of the prompt, from its own predictions.
    pub free: Vec<f64>,
}

impl Experiment {
    /// Creates an experiment before its first update.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let mut rng = bptt::rng(settings.seed.into());
        let data = Data::new(settings, &mut rng);
        let net = net(settings, data.features(), &mut rng);
        let optimizer: Box<dyn Optimizer<f32> + Send> = match settings.optimizer {
            OptimizerKind::Adam => Box::new(Adam::new(settings.rate)),
            OptimizerKind::Sgd => Box::new(Sgd::new(settings.rate)),
            OptimizerKind::RmsProp => Box::new(RmsProp::new(settings.rate)),
        };
        let (settings, losses) = (settings.clone(), Vec::new());
        let batches = Vec::new();
        Ok(Self { settings, net, optimizer, data, rng, batches, losses, divergence: None })
    }

    /// Makes one update. Does nothing once the training has diverged.
    pub fn update(&mut self) {
        if self.divergence.is_some() {
            return;
        }
        if self.batches.is_empty() {
            self.batches =
                batching::shuffled(SEQUENCES, self.settings.batch, Remainder::Keep, &mut self.rng);
        }
        let batch = self.data.training.batch(&self.batches.pop().expect("an epoch has batches"));
        let tape = Tape::new();
        let (ys, _) = self.net.forward(tape.constant(batch.inputs.clone()));
        let loss = batch.loss(ys);
        let training = loss.item();
        let mut gradients = tape.backward(loss);
        drop(tape); // so that parameters are updated in place
        let limit = if self.settings.clip == 0.0 { f64::INFINITY } else { self.settings.clip };
        if let Err(error) = clip_norm(&self.net, &mut gradients, limit) {
            self.divergence =
                Some(format!("{error}; lower the learning rate, or limit the norm of gradients"));
            return;
        }
        self.optimizer.step(&mut self.net, &gradients);
        let tape = Tape::inference();
        let (ys, _) = self.net.forward(tape.constant(self.data.validation.inputs.clone()));
        let validation = self.data.validation.loss(ys).item();
        self.losses.push(Losses { training, validation });
        if !validation.is_finite() {
            self.divergence = Some("the loss is not finite; lower the learning rate".to_owned());
        }
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the losses of all updates so far.
    #[must_use]
    pub fn losses(&self) -> &[Losses] {
        &self.losses
    }

    /// Returns why there are no further updates, if the training has diverged.
    #[must_use]
    pub fn divergence(&self) -> Option<&str> {
        self.divergence.as_deref()
    }

    /// Returns the number of epochs so far. An epoch is all training sequences once.
    #[must_use]
    pub fn epochs(&self) -> f64 {
        (self.losses.len() * self.settings.batch) as f64 / SEQUENCES as f64
    }

    /// Returns the characters that classes stand for, if the task is a text.
    #[must_use]
    pub fn characters(&self) -> Option<&[char]> {
        self.data.characters.as_deref()
    }

    /// Returns the net.
    #[must_use]
    pub fn net(&self) -> &(Stack<BoxedLayer<f32>>, Linear<f32>) {
        &self.net
    }

    /// Returns a validation sequence `[T, 1, F]`.
    #[must_use]
    pub fn sequence(&self, number: usize) -> Tensor<f32> {
        self.data.validation.batch(&[number % VALIDATION]).inputs
    }

    /// Returns what the net predicts for a validation sequence.
    #[must_use]
    pub fn predict(&self, number: usize) -> Prediction {
        let (sequence, prompt) = (self.sequence(number), self.settings.length);
        let steps = sequence.shape()[0];
        let numbers = |ys: &Tensor<f32>| match self.characters() {
            Some(_) => ys.argmax(-1).into_iter().map(|class| class as f64).collect(),
            None => ys.iter().map(|&y| y.into()).collect::<Vec<f64>>(),
        };
        let tape = Tape::inference();
        let (one_step, _) = self.net.forward(tape.constant(sequence.clone()));
        let given = tape.constant(sequence.slice(0, 0..prompt));
        let start = self.net.start(&tape, 1);
        let free = match self.characters() {
            Some(_) => self.continue_text(&sequence.slice(0, 0..prompt), steps - prompt),
            None => free_running(&self.net, given, start, steps - prompt, |y| y).0.value(),
        };
        Prediction {
            prompt,
            truth: numbers(&sequence),
            one_step: numbers(&one_step.value()),
            free: numbers(&free),
        }
    }

    /// Continues a text `[T, 1, F]` by the most probable character of each step.
    fn continue_text(&self, prompt: &Tensor<f32>, steps: usize) -> Tensor<f32> {
        let features = self.data.features();
        let mut online = stepper(&self.net, [1, features]);
        prompt.as_slice().chunks(features).for_each(|x| online.step(&[x]));
        let mut written = Vec::with_capacity(steps * features);
        for _ in 0..steps {
            let mut x = vec![0.0; features];
            let largest = online.output(0).iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            x[largest.expect("there are characters").0] = 1.0;
            written.extend_from_slice(&x);
            online.step(&[&x]);
        }
        Tensor::from_vec([steps, 1, features], written)
    }
}

/// Creates the net of the settings.
fn net<T: Scalar>(settings: &Settings, features: usize, rng: &mut impl Rng) -> Net<T> {
    let mut inputs = features;
    let layers = settings.hidden.iter().map(|&hidden| {
        let layer = cells::layer(settings.cell, rng, inputs, hidden);
        inputs = hidden;
        layer
    });
    let layers = Stack::new(layers.collect());
    (layers, Linear::new(rng, inputs, features))
}
