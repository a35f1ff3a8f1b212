//! The same run, written with the library alone.

use bptt::batching::{Remainder, shuffled};
use bptt::prelude::*;
use bptt::tasks::{Batch, Waves};

/// The layers that experiments of these tests have, and a readout.
pub(crate) type Model = (Lstm<f32>, (Lstm<f32>, Linear<f32>));

/// The sizes of the layers.
pub(crate) const HIDDEN: [usize; 2] = [6, 4];
pub(crate) const STEPS: usize = 10;
pub(crate) const SEED: u64 = 7;
const BATCH: usize = 50;
const RATE: f64 = 0.02;

/// A run with noise 0.1, and a clipped norm of 0.5.
pub(crate) struct Run {
    pub(crate) model: Model,
    /// The validation sequences, `[2 T, 8, 1]`.
    pub(crate) validation: Batch<Tensor<f32>, Tensor<f32>>,
    /// The losses of the updates in training and validation.
    pub(crate) losses: Vec<[f32; 2]>,
}

/// Trains on a sine.
pub(crate) fn run(updates: usize) -> Run {
    let rng = &mut bptt::rng(SEED);
    let training = Waves::sine(16.0).noise(0.1).batch::<f32>(rng, [STEPS, 256]);
    let validation = Waves::sine(16.0).batch::<f32>(rng, [2 * STEPS, 8]);
    let [lower, upper] = HIDDEN;
    let (lower, upper) = (Lstm::new(rng, 1, lower), Lstm::new(rng, lower, upper));
    let mut model: Model = (lower, (upper, Linear::new(rng, HIDDEN[1], 1)));
    let mut adam = Adam::new(RATE);
    let (mut batches, mut losses) = (Vec::new(), Vec::new());
    for _ in 0..updates {
        if batches.is_empty() {
            batches = shuffled(256, BATCH, Remainder::Keep, rng);
        }
        let batch = batches.pop().expect("a batch");
        let [xs, targets] = [&training.inputs, &training.targets].map(|of| pick(of, &batch));
        let tape = Tape::new();
        let loss = loss(&model, tape.constant(xs), &targets);
        let value = loss.item();
        let mut gradients = tape.backward(loss);
        drop(tape);
        clip_norm(&model, &mut gradients, 0.5).expect("finite gradients");
        adam.step(&mut model, &gradients);
        let tape = Tape::inference();
        let xs = tape.constant(validation.inputs.clone());
        losses.push([value, self::loss(&model, xs, &validation.targets).item()]);
    }
    Run { model, validation, losses }
}

/// The mean squared error.
pub(crate) fn loss<'t>(model: &Model, xs: Var<'t, f32>, targets: &Tensor<f32>) -> Var<'t, f32> {
    bptt::loss::mean_squared_error(model.forward(xs).0, targets).mean()
}

/// Returns some sequences of many, each element by itself.
pub(crate) fn pick(of: &Tensor<f32>, sequences: &[usize]) -> Tensor<f32> {
    let steps = of.shape()[0];
    let values = (0..steps).flat_map(|t| sequences.iter().map(move |&n| of[[t, n, 0]]));
    Tensor::from_vec([steps, sequences.len(), 1], values.collect())
}

/// The settings of the run.
pub(crate) fn settings() -> explorer::experiment::Settings {
    explorer::experiment::Settings {
        hidden: HIDDEN.to_vec(),
        length: STEPS,
        batch: BATCH,
        rate: RATE,
        noise: 0.1,
        clip: 0.5,
        seed: 7,
        ..Default::default()
    }
}
