//! An experiment: a net, its data and its training, all of which follow from the settings.

mod cells;
mod check;
mod data;
mod lags;
mod limits;
mod look;
mod prediction;
mod reading;
mod settings;
mod values;
mod walk;
mod weights;

use bptt::batching::Remainder;
use bptt::prelude::*;
use programs::cells::Sizes;
use serde::Serialize;

use self::data::{Data, SEQUENCES, Sequences, VALIDATION};
use self::values::exact;

pub use self::cells::about;
pub use self::check::{Check, ParameterCheck};
pub use self::lags::Lags;
pub use self::limits::{Limits, SettingsError, limits};
pub use self::look::{Costate, Look, ParameterNorms, Probe};
pub use self::prediction::Prediction;
pub use self::settings::{OptimizerKind, Settings, TaskKind};
pub use self::values::Values;
pub use self::walk::{NetInput, Place, UnitValue, Walk};
pub use self::weights::{Weight, Weights};

/// Layers of one cell, and a readout.
type Net<T> = (Stack<BoxedLayer<T>>, Linear<T>);

/// A net in training.
#[derive(Debug)]
pub struct Experiment {
    settings: Settings,
    net: Net<f32>,
    /// The names of the variables of the state, for each layer.
    states: Vec<Vec<String>>,
    optimizer: Box<dyn Optimizer<f32> + Send>,
    data: Data,
    rng: bptt::Xoshiro256PlusPlus,
    /// The batches that are left of the epoch, the last one first.
    batches: Vec<Vec<usize>>,
    updates: usize,
    divergence: Option<Divergence>,
}

/// The losses of an update: squared errors, or cross-entropies in nats. The numbers are exactly those of the library.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Losses {
    /// The loss of the batch, before the update.
    pub training: f64,
    /// The loss of the validation sequences, after the update.
    pub validation: f64,
}

/// The reason why a training cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Divergence {
    /// A gradient is infinite or NaN.
    #[error(
        "the gradient of `{parameter}` is not finite; lower the learning rate, or limit the norm of gradients"
    )]
    Gradient {
        /// The first parameter with such a gradient.
        parameter: String,
    },
    /// The validation loss is infinite or NaN.
    #[error("the validation loss is not finite after update {update}; lower the learning rate")]
    Loss {
        /// The number of updates.
        update: usize,
    },
}

impl Experiment {
    /// Creates an experiment before its first update.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let settings = settings.clone();
        let mut rng = bptt::rng(settings.seed.into());
        let data = Data::new(&settings, &mut rng);
        let net = net(&settings, data.features(), &mut rng);
        let states = reading::state_names(&net.0, settings.cell, &data.validation.one(0).inputs);
        Ok(Self {
            optimizer: optimizer(&settings),
            settings,
            net,
            states,
            data,
            rng,
            batches: Vec::new(),
            updates: 0,
            divergence: None,
        })
    }

    /// Makes one update.
    ///
    /// # Errors
    ///
    /// If the training diverges with this update, or has diverged before. There are no further updates then.
    pub fn update(&mut self) -> Result<Losses, Divergence> {
        let losses = match &self.divergence {
            Some(divergence) => Err(divergence.clone()),
            None => self.try_update(),
        };
        self.divergence = losses.as_ref().err().cloned();
        losses
    }

    fn try_update(&mut self) -> Result<Losses, Divergence> {
        let batch = self.next_batch();
        let tape = Tape::new();
        let loss = batch.loss_of(&self.net, &tape);
        let training = loss.item();
        let mut gradients = tape.backward(loss);
        drop(tape); // so that parameters are updated in place
        clip_norm(&self.net, &mut gradients, self.settings.largest_norm())
            .map_err(|error| Divergence::Gradient { parameter: error.parameter })?;
        self.optimizer.step(&mut self.net, &gradients);
        self.updates += 1;
        let validation = self.data.validation.loss_of(&self.net, &Tape::inference()).item();
        if validation.is_finite() {
            Ok(Losses { training: training.into(), validation: validation.into() })
        } else {
            Err(Divergence::Loss { update: self.updates })
        }
    }

    fn next_batch(&mut self) -> Sequences {
        let (size, rng) = (self.settings.batch, &mut self.rng);
        if self.batches.is_empty() {
            self.batches = batching::shuffled(SEQUENCES, size, Remainder::Keep, rng);
        }
        self.data.training.batch(&self.batches.pop().expect("an epoch has batches"))
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the number of updates so far.
    #[must_use]
    pub fn updates(&self) -> usize {
        self.updates
    }

    /// Returns the number of epochs so far. An epoch is all training sequences once.
    #[must_use]
    pub fn epochs(&self) -> f64 {
        let per_epoch = SEQUENCES.div_ceil(self.settings.batch);
        self.updates as f64 / per_epoch as f64
    }

    /// Returns why there are no further updates, if the training has diverged.
    #[must_use]
    pub fn divergence(&self) -> Option<&Divergence> {
        self.divergence.as_ref()
    }

    /// Returns the characters that classes stand for, in the order of the classes, if the task is a text.
    #[must_use]
    pub fn characters(&self) -> Option<&[char]> {
        self.data.characters.as_deref()
    }

    /// Returns the values of the first training sequence if they are noisy.
    #[must_use]
    pub fn noisy(&self) -> Option<Vec<f64>> {
        let is_noisy = self.data.characters.is_none() && self.settings.noise > 0.0;
        is_noisy.then(|| exact(&self.data.training.one(0).inputs).collect())
    }

    /// Returns the net.
    #[must_use]
    pub fn net(&self) -> &(Stack<BoxedLayer<f32>>, Linear<f32>) {
        &self.net
    }

    /// Returns the sizes of the cell of the lowest layer.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        cells::sizes(self.data.features(), self.settings.hidden[0])
    }

    /// Returns the inputs `[T, 1, F]` of a validation sequence. Numbers of sequences wrap around.
    #[must_use]
    pub fn sequence(&self, number: usize) -> Tensor<f32> {
        self.seen(number).inputs
    }

    /// The first half of a validation sequence. The net reads it, and then continues it freely.
    fn seen(&self, number: usize) -> Sequences {
        self.data.validation.one(number % VALIDATION).steps(0..self.settings.length)
    }

    /// The gradients of the mean loss of a sequence.
    fn gradients(&self, sequence: &Sequences) -> Gradients<f32> {
        let tape = Tape::new();
        tape.backward(sequence.loss_of(&self.net, &tape))
    }

    /// The parameters by layer and name, those of the layers first. The readout has no layer.
    fn parameters(&self) -> impl Iterator<Item = (Option<usize>, String, &Param<f32>)> {
        let (layers, readout) = &self.net;
        let of = |layer, parameters: Vec<_>| {
            parameters.into_iter().map(move |(name, parameter)| (layer, name, parameter))
        };
        let layers = layers.layers().iter().enumerate();
        layers
            .flat_map(move |(number, layer)| of(Some(number), layer.parameters()))
            .chain(of(None, readout.parameters()))
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

/// Creates the optimizer of the settings.
fn optimizer(settings: &Settings) -> Box<dyn Optimizer<f32> + Send> {
    match settings.optimizer {
        OptimizerKind::Adam => Box::new(Adam::new(settings.rate)),
        OptimizerKind::Sgd => Box::new(Sgd::new(settings.rate)),
        OptimizerKind::RmsProp => Box::new(RmsProp::new(settings.rate)),
    }
}
