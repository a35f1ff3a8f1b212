//! A training whose inside is recorded.

use std::path::Path;

use bptt_analysis::record::{Record, RecordError, Recorder, Recording};
use bptt_autodiff::Tape;
use bptt_layers::{
    Adam, Costates, Layer, Linear, Lstm, Module, Optimizer, Recurrence, clip_norm, loss,
};
use bptt_tensor::Tensor;
use tempfile::TempDir;

#[derive(Module)]
#[module(scalar = f64)]
pub(crate) struct Model<L> {
    pub(crate) layer: L,
    pub(crate) output: Linear<f64>,
}

pub(crate) fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

pub(crate) fn read(folder: &Path) -> Vec<Record> {
    Recording::read(folder).expect("a record").records().to_vec()
}

pub(crate) const STEPS: usize = 12;
pub(crate) const BATCH: usize = 3;

/// A training of [`Model`] to repeat the input of the step before.
pub(crate) struct Training<L> {
    pub(crate) model: Model<L>,
    pub(crate) optimizer: Adam<f64>,
    pub(crate) step: usize,
    pub(crate) scale: f64,
}

pub(crate) fn lstm(learning_rate: f64) -> Training<Lstm<f64>> {
    let mut rng = bptt_layers::rng(1);
    training(Lstm::new(&mut rng, 2, 8), 8, learning_rate)
}

pub(crate) fn training<L>(layer: L, hidden_size: usize, learning_rate: f64) -> Training<L> {
    let output = Linear::new(&mut bptt_layers::rng(2), hidden_size, 2);
    let optimizer = Adam::new(learning_rate);
    Training { model: Model { layer, output }, optimizer, step: 0, scale: 1.0 }
}

impl<L: Layer<f64> + Module<f64>> Training<L> {
    /// Makes a step and records it. The inputs are a function of the number of the step.
    pub(crate) fn step(&mut self, recorder: &mut Recorder) -> Result<f64, RecordError> {
        self.step += 1;
        let mut rng = bptt_layers::rng(self.step as u64);
        let xs = Tensor::normal([STEPS, BATCH, 2], 0.0, self.scale, &mut rng);
        let model = &self.model;
        let tape = Tape::new();
        let probes = recorder.is_due(self.step).then(|| tape.probes());
        let costates = Costates::new();
        let run = Recurrence::new(&model.layer).costates(&costates);
        let (hs, _) = run.run(tape.constant(xs.clone()), model.layer.start(&tape, BATCH));
        let outputs = model.output.forward(hs);
        let targets =
            Tensor::concat(&[&Tensor::zeros([1, BATCH, 2]), &xs.slice(0, 0..STEPS - 1)], 0);
        let losses = loss::squared_error(outputs, &targets);
        let loss = losses.mean();
        let last = outputs.index_first(STEPS - 1).square().sum_all();
        let costates = costates.of(&tape.backward(last));
        let mut gradients = tape.backward(loss);
        let nats = loss.item();
        let mut record = recorder.step(self.step, nats);
        if nats.is_finite()
            && let Ok(norm) = clip_norm(model, &mut gradients, 1.0)
        {
            record = record.gradient_norm(norm);
        }
        let rate = self.optimizer.learning_rate();
        let record = record.learning_rate(rate).probes(probes);
        let record = record.costates("h", &costates[0]).gradients(model, &gradients);
        drop(tape);
        self.optimizer.step(&mut self.model, &gradients);
        record.finish(&self.model)?;
        Ok(nats)
    }
}
