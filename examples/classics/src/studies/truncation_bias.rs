//! Truncation: what back-propagation through the last `K` steps alone leaves out.
//!
//! The gradient of a loss is a sum over lags, and truncation to `K` steps keeps those below `K`. It drops
//! little where a cell forgets. So truncation costs a cell the more, the better it remembers. The study measures the
//! relative error `‖g_K − g‖ / ‖g‖` of untrained cells on the latch problem: a sign, then 59 steps of noise, and the sign is
//! asked for at the end.
//!
//! Then an LSTM learns the problem over 20 steps. With `K < 20` no gradient reaches the sign. But the state carries it on,
//! and what an untrained recurrence happens to keep of it is enough for many seeds.
//!
//! The figures show the error and the accuracy by `K`.

use bptt::analysis::gradients::GradientsOverTime;
use bptt::tasks::Latch;
use programs::statistics::Paired;

use crate::common::curves::{ends, with_means};
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "truncation-bias",
    shows: "truncated gradients lose the more, the better a cell remembers, and yet a net learns beyond the cut",
    sources: &[(Text::Tan, "2.3 Back-propagation through time (BPTT)")],
    run,
};

const CUTS: [usize; 9] = [1, 2, 5, 10, 20, 30, 40, 50, 60];
const REACHES: [usize; 5] = [1, 5, 10, 19, 20];
const STEPS: usize = 20;

/// Makes an untrained cell.
type Make = fn(&mut bptt::Xoshiro256PlusPlus) -> BoxedLayer<f64>;

const CELLS: [(&str, Make); 3] = [
    ("Elman", |rng| BoxedLayer::new(Elman::new(rng, 1, 16))),
    ("LSTM", |rng| BoxedLayer::new(Lstm::new(rng, 1, 16))),
    ("LSTM of 1997", |rng| BoxedLayer::new(Lstm1997::new(rng, 1, 16))),
];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 1);
    let mut lines = Lines::new("error of truncated gradients", "K (steps)", "‖g_K − g‖ / ‖g‖");
    let mut of_20 = Vec::new();
    for (name, make) in CELLS {
        let errors = session.seeds(seeds, |seed| errors(make, seed));
        let mut means = Vec::new();
        for cut in CUTS {
            let at: Vec<f64> = errors.iter().map(|of| of[cut - 1]).collect();
            let summary = session.sample(&format!("{name}, K = {cut}: relative error"), &at)?;
            means.push((cut as f64, summary));
        }
        of_20.push(means[4].1);
        lines = with_means(lines, name, means);
    }
    session.figure("error", &lines.picture())?;
    let claim = "to solve the instability, truncate the sum at a computationally convenient size";
    let [elman, lstm, carousel] = [of_20[0], of_20[1], of_20[2]];
    session.claim(Text::Tan, claim).qualified(
        ends(&elman).1 < ends(&lstm).0 && ends(&lstm).1 < ends(&carousel).0,
        &format!(
            "K = 20 of 60 leaves out {:.0} % of an Elman net's gradient, {:.0} % of an LSTM's, and {:.0} % of that of 1997",
            100.0 * elman.mean(),
            100.0 * lstm.mean(),
            100.0 * carousel.mean()
        ),
    );

    let (mut accuracies, mut means) = (Vec::new(), Vec::new());
    for reach in REACHES {
        let of_seeds = session.seeds(seeds, |seed| accuracy(reach, seed));
        let of_seeds = of_seeds.into_iter().collect::<Result<Vec<_>>>()?;
        means.push(session.sample(&format!("learning with K = {reach}: accuracy"), &of_seeds)?);
        accuracies.push(of_seeds);
    }
    let lost = Paired::new(&accuracies[4], &accuracies[2])?.summary();
    session.claim(Text::Tan, "anything before the cut-off time step doesn't get taken into account").qualified(
        ends(&means[0]).0 > 0.6 && ends(&means[4]).0 > 0.99 && ends(&lost).0 > 0.0,
        &format!(
            "no gradient reaches it, but the state carries it on: K = 1 learns {:.0} % of signs 20 steps before, K = 20 {:.1} %",
            100.0 * means[0].mean(),
            100.0 * means[4].mean()
        ),
    );
    let lines = Lines::new("learning a sign of 20 steps before", "K (steps)", "accuracy");
    let lines = with_means(lines, "LSTM", REACHES.map(|reach| reach as f64).into_iter().zip(means));
    session.figure("accuracy", &lines.dashed("guess", [(1.0, 0.5), (20.0, 0.5)]).picture())
}

/// Returns the relative error of a gradient that keeps `K` lags, from `K = 1` on.
fn errors(make: Make, seed: u64) -> Vec<f64> {
    let rng = &mut bptt::rng(seed);
    let (cell, xs) = (make(rng), Latch::new().batch(rng, [60, 8]).inputs);
    let loss = GradientsOverTime::new(&cell, &xs, |ys| ys.index_first(59).square().sum_all());
    loss.by_lag().kept().iter().map(|kept| kept.relative_error).collect()
}

/// Trains an LSTM by the gradient of the last `reach` steps. Returns the share of signs that it tells right.
fn accuracy(reach: usize, seed: u64) -> Result<f64> {
    let rng = &mut bptt::rng(seed);
    let mut net = (Lstm::<f32>::new(rng, 1, 8), Linear::new(rng, 8, 2));
    train(0..400, &mut net, Schedule::constant(0.01), |net, tape| {
        let batch = Latch::new().batch(rng, [STEPS, 32]);
        let xs = tape.constant(batch.inputs);
        let before = xs.slice(0, 0..STEPS - reach);
        let (_, state) = Recurrence::new(net).run(before, net.start(tape, 32));
        let cut: Vec<_> = state.leaves().into_iter().map(Var::stop_gradient).collect();
        let kept = xs.slice(0, STEPS - reach..STEPS);
        let (last, _) = Recurrence::new(net).last(kept, state.with_leaves(&cut));
        loss::cross_entropy(last, &batch.targets).mean()
    })?;
    let (batch, tape) = (Latch::new().batch(rng, [STEPS, 1000]), Tape::inference());
    let (last, _) = Recurrence::new(&net).last(tape.constant(batch.inputs), net.start(&tape, 1000));
    Ok(metrics::accuracy(&last.value(), &batch.targets, None))
}
