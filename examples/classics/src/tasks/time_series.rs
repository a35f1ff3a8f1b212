//! Time series: a net predicts what can be predicted, and a random walk cannot.
//!
//! ```text
//! random walk        x_t = x_{t−1} + ε_t                          the last value is the best prediction
//! autoregression     x_t = 1.6 x_{t−1} − 0.8 x_{t−2} + ε_t        the sum without ε_t is the best
//! ```
//!
//! Prices in an efficient market are a random walk: what is known is already in the price (Bachelier 1900, Fama 1970). Of
//! them a net can at best learn to predict no change. The autoregressive process swings, and a net learns to foresee its
//! swings. Each error is compared with that of the best prediction of the same values, over several seeds. The figure
//! shows the changes from step to step, and their predictions.

use bptt::tasks::{Batch, TimeSeries};

use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "time-series",
    shows: "a net reaches the floor of an autoregressive process, and beats no random walk",
    sources: &[
        (Text::Tan, "1 Introduction & Notation"),
        (Text::Crowley, "Recurrent Neural Networks"),
    ],
    run,
};

const STEPS: usize = 50;
const SEEDS: usize = 6;

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(600, 5);
    let walk = TimeSeries::random_walk(1.0);
    let swings = TimeSeries::autoregressive(&[1.6, -0.8], 1.0);
    let nets = |series: &TimeSeries| -> Result<Vec<Net>> {
        session.seeds(SEEDS, |seed| train_on(series, updates, seed)).into_iter().collect()
    };
    let [of_walk, of_swings] = [nets(&walk)?, nets(&swings)?];
    let excesses =
        |series, nets: &[Net]| nets.iter().map(|net| excess(series, net)).collect::<Vec<_>>();
    let above_last = excesses(&walk, &of_walk);
    let above_floor = session.sample(
        "autoregression: error of the net above the floor",
        &excesses(&swings, &of_swings),
    )?;
    session.sample("random walk: error of the net above the last value's", &above_last)?;
    let of_last = swings.last_value_loss() - swings.floor();
    session.number("autoregression: error of the last value above the floor", of_last);
    session.check(
        "autoregression: within 3 % of the floor",
        above_floor.mean() < 0.03 * swings.floor(),
    );
    // by chance a net gains no more than z²/N, with z = 4 standard errors of a mean over N = 24 000 values
    let holds = above_last.iter().all(|&excess| excess > -16.0 / 24_000.0);
    session
        .claim(Text::Tan, "RNNs detect patterns in numerical time series (e.g. stock markets or sensors)")
        .qualified(holds, "only where there are any: no net, of any seed, predicts a random walk better than its last value does");
    let pictures = [
        changes("random walk", &walk, &of_walk[0]),
        changes("autoregression", &swings, &of_swings[0]),
    ];
    session.figure("changes", &Picture::stacked(pictures).sized(800, 640))
}

type Net = (Gru<f32>, Linear<f32>);

fn train_on(series: &TimeSeries, updates: usize, seed: u64) -> Result<Net> {
    let rng = &mut bptt::rng(seed);
    let mut net: Net = (Gru::new(rng, 1, 16), Linear::new(rng, 16, 1));
    train(0..updates, &mut net, Schedule::cosine(5e-3, updates, 0.0), |net, tape| {
        let Batch { inputs, targets } = series.batch(rng, [STEPS, 32]);
        loss::mean_squared_error(predict(net, tape, inputs), &targets).mean()
    })?;
    Ok(net)
}

/// Returns how much larger the mean squared error of a net is than that of the best prediction, on new values.
fn excess(series: &TimeSeries, net: &Net) -> f64 {
    let Batch { inputs, targets } = series.batch::<f32>(&mut bptt::rng(1000), [STEPS, 500]);
    let tape = Tape::inference();
    let best = best(series, &inputs);
    let error = |predictions: Var<'_, f32>| {
        let errors = loss::mean_squared_error(predictions, &targets).per_position();
        f64::from(errors.slice(0, 2..STEPS).mean_all().item()) // two values are known before
    };
    error(predict(net, &tape, inputs)) - error(tape.constant(best))
}

/// Draws how much each value differs from the one before, as it is and as it was predicted.
fn changes(name: &str, series: &TimeSeries, net: &Net) -> Picture {
    let Batch { inputs, targets } = series.batch::<f32>(&mut bptt::rng(1000), [STEPS, 1]);
    let by_net = predict(net, &Tape::inference(), inputs.clone()).value();
    let line = |values: &Tensor<f32>| {
        let changes = (values - &inputs).to_vec().into_iter().enumerate().skip(1);
        changes.map(|(t, change)| (t as f64 + 1.0, change.into())).collect::<Vec<_>>()
    };
    Lines::new(name, "step", "change")
        .line("values", line(&targets))
        .line("predictions of the net", line(&by_net))
        .dashed("best predictions", line(&best(series, &inputs)))
        .picture()
}

/// Returns the predictions `[T, B, 1]`: the net tells by how much the next value differs from the last.
fn predict<'t>(net: &Net, tape: &'t Tape<f32>, values: Tensor<f32>) -> Var<'t, f32> {
    let values = tape.constant(values);
    values + net.forward(values).0
}

/// Returns the best predictions `[T, B, 1]`.
fn best(series: &TimeSeries, values: &Tensor<f32>) -> Tensor<f32> {
    let batch = values.shape()[1];
    Tensor::from_fn(values.shape(), |i| {
        let past: Vec<f64> =
            (i % batch..=i).step_by(batch).map(|i| values.as_slice()[i].into()).collect();
        series.predict(&past) as f32
    })
}
