//! Function continuation: a net that predicts the next value of a wave continues the wave from its own predictions.
//!
//! ```text
//! one step:      ŷ_t = net(x_0 … x_t) ≈ x_{t+1}
//! free running:  the net reads ŷ_t in place of x_{t+1}
//! ```
//!
//! The net is trained by teacher forcing, to predict one step. In free running its errors add up. The baselines are the
//! last value, and in free running the mean, the best guess if the phase is not known.
//!
//! The figures show a wave of each kind with both predictions, and the errors by the number of steps ahead.

use bptt::tasks::{Batch, Waves};

use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "function-continuation",
    shows: "a net that predicts one step continues waves for periods, from its own predictions",
    sources: &[(Text::ExploRnn, "Network"), (Text::Asperti, "Modelling sequences")],
    run,
};

/// The net reads so many values, and continues them by so many: two periods, and three.
const READ: usize = 40;
const CONTINUED: usize = 60;

fn waves() -> [(&'static str, Waves); 4] {
    [
        ("sine", Waves::sine(20.5)),
        ("saw", Waves::saw(20.5)),
        ("square", Waves::square(20.5)),
        ("sum of sines", Waves::sine(20.5).plus(Waves::sine(7.3).amplitude(0.5))),
    ]
}

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(1200, 40);
    let nets = session.seeds(4, |seed| learn(&waves()[seed as usize].1, updates));
    let mut lines = Lines::new("errors of free running", "steps ahead", "RMS error").log();
    let mut pictures = Vec::new();
    for ((name, _), net) in waves().iter().zip(nets) {
        let Net { test, one_step, free } = net?;
        let truth = rest(&test.targets);
        let mean = Tensor::full(truth.shape(), truth.mean_all().item());
        let errors = [
            ("one step", rmse(&rest(&one_step), &truth)),
            ("one step by the last value", rmse(&rest(&test.inputs), &truth)),
            ("free running", rmse(&free, &truth)),
            ("free running by the mean", rmse(&mean, &truth)),
        ];
        for (what, error) in errors {
            session.number(&format!("{name}, error of {what}"), error);
        }
        let [one, last, free_running, mean] = errors.map(|(_, error)| error);
        let statement = format!("{name}: one step is predicted better than by the last value");
        session.check(&statement, one < last / 2.0);
        let statement = format!("{name}: three periods are continued better than by the mean");
        session.check(&statement, free_running < mean / 2.0);
        let error = |t| rmse(&free.index_first(t), &truth.index_first(t));
        lines = lines.line(name, (0..CONTINUED).map(|t| (t as f64 + 1.0, error(t))));
        let picture = Lines::new(name, "step", "value")
            .line("truth", first(&test.inputs.slice(0, READ - 15..READ + CONTINUED), READ - 15))
            .line("one step ahead", first(&rest(&one_step), READ))
            .line("free running", first(&free, READ));
        pictures.push(picture.picture().sized(760, 230));
    }
    session.figure("waves", &Picture::stacked(pictures))?;
    session.figure("errors", &lines.picture())
}

/// A test set `[T, B, 1]`, and what a trained net predicts of it.
struct Net {
    test: Batch<Tensor<f32>, Tensor<f32>>,
    one_step: Tensor<f32>,
    /// The continuations, `[CONTINUED, B, 1]`.
    free: Tensor<f32>,
}

fn learn(wave: &Waves, updates: usize) -> Result<Net> {
    let rng = &mut bptt::rng(0);
    let mut model = (Lstm::<f32>::new(rng, 1, 32), Linear::new(rng, 32, 1));
    train(0..updates, &mut model, Schedule::cosine(0.01, updates, 0.0), |model, tape| {
        let Batch { inputs, targets } = wave.batch(rng, [READ + CONTINUED, 32]);
        let (ys, _) = model.forward(tape.constant(inputs));
        loss::mean_squared_error(ys, &targets).mean()
    })?;
    let test = wave.batch(rng, [READ + CONTINUED, 64]);
    let tape = Tape::inference();
    let xs = tape.constant(test.inputs.clone());
    let one_step = model.forward(xs).0.value();
    let (read, start) = (xs.slice(0, 0..READ), model.start(&tape, 64));
    let (free, _) = free_running(&model, read, start, CONTINUED, |y| y);
    Ok(Net { test, one_step, free: free.value() })
}

/// Returns the steps that a continuation predicts.
fn rest(values: &Tensor<f32>) -> Tensor<f32> {
    values.slice(0, READ - 1..READ - 1 + CONTINUED)
}

fn rmse(ys: &Tensor<f32>, targets: &Tensor<f32>) -> f64 {
    let difference = ys - targets;
    f64::from((&difference * &difference).mean_all().item()).sqrt()
}

/// Returns the first sequence as points, whose first is at step `from`.
fn first(ys: &Tensor<f32>, from: usize) -> Vec<(f64, f64)> {
    (0..ys.shape()[0]).map(|t| ((from + t) as f64, f64::from(ys[[t, 0, 0]]))).collect()
}
