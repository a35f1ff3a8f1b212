//! Long lags: what an LSTM bridges, with noise, with continuous values, and without a search for parameters.
//!
//! The latch problem (Bengio, Simard and Frasconi 1994) asks at the end for the sign that a sequence began with. All values
//! have noise of a deviation `σ`, the sign too, so that the best possible accuracy is `Φ(1/σ)`. The adding problem asks for
//! the sum of two marked numbers among many (Hochreiter and Schmidhuber 1997). Nets of 8 and 16 units are trained from 20
//! seeds by Adam, or by gradient descent, always with clipped gradients: the LSTM of 1997, which the slides describe, the LSTM with a forget gate, and an Elman net.
//!
//! The figures show the accuracy by lag at `σ = ½`, and that of the LSTM of 1997 by learning rate and size at `σ = 0.2`.

use bptt::tasks::Adding;

use crate::common::curves::{ends, with_means};
use crate::common::memory::{Make, NoisyLatch, adding, latch};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "long-lags",
    shows: "LSTMs bridge long lags with noise, or with continuous values, where an Elman net does not",
    sources: &[
        (Text::Int301, "Advantages of LSTM"),
        (Text::Int301, "Vanishing Gradients"),
        (Text::Tan, "2.2 Gradient-based Learning Methods"),
    ],
    run,
};

const CELLS: [(&str, Make); 3] = [
    ("LSTM of 1997", |rng, inputs, size| BoxedLayer::new(Lstm1997::new(rng, inputs, size))),
    ("LSTM", |rng, inputs, size| BoxedLayer::new(Lstm::new(rng, inputs, size))),
    ("Elman", |rng, inputs, size| BoxedLayer::new(Elman::new(rng, inputs, size))),
];
const LAGS: [usize; 4] = [10, 20, 50, 100];
const BEST: f64 = 0.977_249_868; // Φ(2)
const RATES: [f64; 5] = [0.001, 0.003, 0.01, 0.03, 0.1];
const SIZES: [usize; 4] = [4, 8, 16, 32];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 1);
    let (updates, longer) = (session.budget(300, 30), session.budget(800, 30));
    let quiet = NoisyLatch { noise: 0.2, lag: 50, updates };
    let mut lines = Lines::new("latch problem, noise ½", "lag (steps)", "accuracy").log_x();
    let [mut latches, mut sums, mut descents] = [const { Vec::new() }; 3];
    for (name, make) in CELLS {
        let mut by_lag = Vec::new();
        for lag in LAGS {
            let task = NoisyLatch { noise: 0.5, lag, updates };
            let of = |seed| latch(make, 8, Box::new(Adam::new(0.01)), task, seed);
            let name = format!("latch, {name}, lag {lag}: accuracy");
            by_lag.push(session.sample(&name, &session.seeds(seeds, of))?);
        }
        latches.push(by_lag[3]);
        lines = with_means(lines, name, LAGS.map(|lag| lag as f64).into_iter().zip(by_lag));
        let of = session.seeds(seeds, |seed| adding(make, longer, seed));
        let of = of.into_iter().collect::<Result<Vec<_>>>()?;
        sums.push(session.sample(&format!("adding, {name}: mean squared error"), &of)?);
        let of = |seed| latch(make, 8, Box::new(Sgd::new(0.3)), quiet, seed);
        let name = format!("latch by gradient descent, {name}, lag 50: accuracy");
        descents.push(session.sample(&name, &session.seeds(seeds, of))?);
    }
    session
        .figure("lags", &lines.dashed("best possible", [(10.0, BEST), (100.0, BEST)]).picture())?;
    let memoryless = Adding.memoryless_loss(50);
    session.number("adding, without a memory: mean squared error", memoryless);

    let half = (0.5 + BEST) / 2.0; // half of what there is to learn
    let ([carousel, lstm, elman], [held, added, guessed]) =
        ([0, 1, 2].map(|cell| latches[cell]), [0, 1, 2].map(|cell| sums[cell]));
    let claim = "RNNs trained with BPTT have difficulties learning long-term dependencies";
    session.claim(Text::Int301, claim).confirmed(
        ends(&elman).1 < half && ends(&guessed).0 > memoryless / 2.0,
        &format!(
            "of noisy signs 100 steps before an Elman net tells {:.2} right; in sums over 50 steps it guesses, {:.3}",
            elman.mean(),
            guessed.mean()
        ),
    );
    let claim = "for long time lag problems, LSTM can handle noise and continuous values";
    session.claim(Text::Int301, claim).qualified(
        ends(&carousel).0 > half && ends(&lstm).1 < half && ends(&added).1 < memoryless / 10.0,
        &format!(
            "with noise ½ the LSTM of 1997 tells {:.2} right, that with a forget gate {:.2}, of {BEST:.2} at best; their \
             errors in sums are {:.3} and {:.4}",
            carousel.mean(),
            lstm.mean(),
            held.mean(),
            added.mean()
        ),
    );
    let claim = "RNNs cannot learn long-range temporal dependencies when gradient descent is used";
    session.claim(Text::Tan, claim).qualified(
        ends(&descents[2]).0 > 0.75,
        &format!(
            "with little noise, an Elman net with orthogonal initial weights and clipped gradients tells {:.2} of signs 50 steps \
             before right",
            descents[2].mean()
        ),
    );

    let mut accuracies = Vec::new();
    for (rate, size) in RATES.into_iter().flat_map(|rate| SIZES.map(|size| (rate, size))) {
        let of = |seed| latch(CELLS[0].1, size, Box::new(Adam::new(rate)), quiet, seed);
        let name = format!("LSTM of 1997, rate {rate}, {size} units: accuracy");
        accuracies.push(session.sample(&name, &session.seeds(seeds, of))?.mean());
    }
    let of = |rate: usize, size: usize| accuracies[rate * SIZES.len() + size];
    let is_good = (0..4).all(|rate| (1..4).all(|size| of(rate, size) > 0.95));
    session.claim(Text::Int301, "no parameter fine tuning").qualified(
        is_good && of(4, 0) < 0.95 && of(4, 1) < 0.95,
        "from 8 to 32 units, rates from 0.001 to 0.03 are all good; nets of 4 units and a rate of 0.1 are not",
    );
    let table = Tensor::from_vec([RATES.len(), SIZES.len()], accuracies);
    let map = HeatMap::matrix("LSTM of 1997, lag 50", "learning rate", "units", &table);
    let map = map.rows(RATES).columns(SIZES).between(0.5, 1.0).numbers().quantity("accuracy");
    session.figure("settings", &map.picture())
}
