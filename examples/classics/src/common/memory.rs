//! Nets that learn problems of memory.

use bptt::tasks::{Adding, Latch};

use crate::common::training::train;
use crate::prelude::*;

type Net = (BoxedLayer<f32>, Linear<f32>);

/// Makes a layer of an input size and a hidden size.
pub(crate) type Make = fn(&mut bptt::Xoshiro256PlusPlus, usize, usize) -> BoxedLayer<f32>;

/// A latch problem, and the updates of a training.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoisyLatch {
    /// The standard deviation of the noise.
    pub(crate) noise: f64,
    pub(crate) lag: usize,
    pub(crate) updates: usize,
}

/// Returns the accuracy of a net that has learned a latch problem.
pub(crate) fn latch(
    make: Make,
    size: usize,
    mut by: Box<dyn Optimizer<f32>>,
    NoisyLatch { noise, lag, updates }: NoisyLatch,
    seed: u64,
) -> f64 {
    let rng = &mut bptt::rng(seed);
    let task = Latch::new().noise(noise);
    let mut net = (make(rng, 1, size), Linear::new(rng, size, 2));
    for _ in 0..updates {
        let (batch, tape) = (task.batch(rng, [lag, 32]), Tape::new());
        let ys = last(&net, &tape, batch.inputs);
        let mut gradients = tape.backward(loss::cross_entropy(ys, &batch.targets).mean());
        drop(tape); // so that parameters are updated in place
        if clip_norm(&net, &mut gradients, 1.0).is_err() {
            break; // it has diverged, as the accuracy will show
        }
        by.step(&mut net, &gradients);
    }
    let (batch, tape) = (task.batch(rng, [lag, 500]), Tape::inference());
    metrics::accuracy(&last(&net, &tape, batch.inputs).value(), &batch.targets, None)
}

/// Returns the mean squared error on the adding problem of 50 steps.
pub(crate) fn adding(make: Make, updates: usize, seed: u64) -> Result<f64> {
    let rng = &mut bptt::rng(seed);
    let mut net = (make(rng, 2, 16), Linear::new(rng, 16, 1));
    train(0..updates, &mut net, Schedule::constant(0.01), |net, tape| {
        let batch = Adding.batch(rng, [50, 32]);
        loss::mean_squared_error(last(net, tape, batch.inputs), &batch.targets).mean()
    })?;
    let (batch, tape) = (Adding.batch(rng, [50, 500]), Tape::inference());
    let ys = last(&net, &tape, batch.inputs);
    Ok(f64::from(loss::mean_squared_error(ys, &batch.targets).mean().item()))
}

fn last<'t>(net: &Net, tape: &'t Tape<f32>, xs: Tensor<f32>) -> Var<'t, f32> {
    let start = net.start(tape, xs.shape()[1]);
    Recurrence::new(net).last(tape.constant(xs), start).0
}
