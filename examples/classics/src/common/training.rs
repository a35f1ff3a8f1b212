//! Training.

use bptt::prelude::*;
use bptt::tasks::Batch;

use crate::error::Result;
use crate::session::Session;

/// Trains a model by Adam, with gradients of a norm of at most 1. Returns the loss of each update.
pub(crate) fn train<M: Module<f32>>(
    updates: impl Iterator<Item = usize>,
    model: &mut M,
    schedule: Schedule,
    mut loss: impl for<'t> FnMut(&M, &'t Tape<f32>) -> Var<'t, f32>,
) -> Result<Vec<f64>> {
    let mut optimizer = Adam::new(schedule.at(0));
    let mut losses = Vec::new();
    for update in updates {
        let tape = Tape::new();
        let loss = loss(model, &tape);
        losses.push(loss.item().into());
        let mut gradients = tape.backward(loss);
        drop(tape); // so that parameters are updated in place
        clip_norm(model, &mut gradients, 1.0)?;
        optimizer.set_learning_rate(schedule.at(update));
        optimizer.step(model, &gradients);
    }
    Ok(losses)
}

/// The losses of a training, and the share of answers that are right after it.
pub(crate) type Learned = Result<(Vec<f64>, f64)>;

/// Trains a classifier on batches of 32 that `draw` draws, and tests it on one of 1 000. `draw` is told the size and
/// whether it is for the test.
pub(crate) fn learn<X, M: Module<f32>>(
    session: &Session,
    updates: usize,
    mut net: M,
    mut draw: impl FnMut(usize, bool) -> Batch<X, Vec<usize>>,
    logits: impl for<'t> Fn(&M, &'t Tape<f32>, &X) -> Var<'t, f32>,
) -> Learned {
    let schedule = Schedule::cosine(5e-3, updates, 0.0);
    let losses = train(session.steps(updates), &mut net, schedule, |net, tape| {
        let Batch { inputs, targets } = draw(32, false);
        loss::cross_entropy(logits(net, tape, &inputs), &targets).mean()
    })?;
    let Batch { inputs, targets } = draw(1000, true);
    let logits = logits(&net, &Tape::inference(), &inputs).value();
    Ok((losses, metrics::accuracy(&logits, &targets, None)))
}
