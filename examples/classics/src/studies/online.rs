//! Online learning: what a step costs, and that neither time nor memory grows with the sequence.
//!
//! A layer reads one sequence of 1000 random inputs of 4 numbers. After each step a learner has the gradient of this step's
//! loss. Exact real-time recurrent learning, SnAp-1 and UORO run a GRU of 32 units. Exact traces run an `IndRnn` of 128, and the
//! truncated traces of 1997 an LSTM of 32. The time of a step is
//! a median without the first 100 steps. The numbers kept are those of the saved state.
//!
//! For comparison, back-propagation through time runs over the same 1000 steps with a GRU of 32 units. It keeps all steps. Its
//! time is that of a whole pass, divided by 1000, in the median of five passes.
//!
//! The figure shows the time of a step over the sequence.

use std::time::Instant;

use bptt::trainers::online::{OnlineError, OnlineLearner, RealTime, Snap1, Traces, Uoro};
use bptt::weights::Archive;

use crate::common::curves::median;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "online",
    shows: "learning forward in time takes the same time and memory at every step",
    sources: &[(Text::Tan, "2.3 Back-propagation through time (BPTT)")],
    run,
};

const INPUTS: usize = 4;

/// The median seconds of a step in each tenth of the sequence, and the numbers kept after the first tenth and at the end.
type Costs = (Vec<f64>, [usize; 2]);

fn run(session: &mut Session) -> Result<()> {
    let steps = session.budget(1000, 20);
    let rng = &mut bptt::rng(0);
    let gru = Gru::<f64>::new(rng, INPUTS, 32);
    let lstm = Lstm::<f64>::new(rng, INPUTS, 32);
    let ind_rnn = IndRnn::<f64>::new(rng, INPUTS, 128);
    let costs = [
        ("RealTime, GRU 32", costs(RealTime::new(), &gru, steps)?),
        ("Snap1, GRU 32", costs(Snap1::new(), &gru, steps)?),
        ("Uoro, GRU 32", costs(Uoro::new(), &gru, steps)?),
        ("Traces, IndRNN 128", costs(Traces::new(), &ind_rnn, steps)?),
        ("Traces of 1997, LSTM 32", costs(Traces::of(["state.1"]), &lstm, steps)?),
    ];
    let mut lines = Lines::new("learning forward in time", "step", "milliseconds a step").log();
    let (mut is_flat, mut is_bounded) = (true, true);
    for (name, (seconds, kept)) in costs {
        let typical = median(&seconds[1..]); // the first tenth warms up
        session.number(&format!("{name}: milliseconds a step"), 1e3 * typical);
        session.number(&format!("{name}: numbers kept"), kept[1] as f64);
        is_flat &= seconds[9] < 2.0 * seconds[1];
        is_bounded &= kept[0] == kept[1];
        let tenths = (1..).map(|tenth| f64::from(tenth) * steps as f64 / 10.0);
        lines = lines.line(name, tenths.zip(seconds.iter().map(|seconds| 1e3 * seconds)));
    }
    let xs = Tensor::normal([steps, 1, INPUTS], 0.0, 1.0, rng);
    let pass = |_| {
        let (start, tape) = (Instant::now(), Tape::new());
        let (hs, _) = gru.forward(tape.constant(xs.clone()));
        drop(tape.backward(hs.square().mean_all()));
        start.elapsed().as_secs_f64() / steps as f64
    };
    let seconds = median(&Vec::from_iter((0..5).map(pass)));
    session.number("back-propagation through time, GRU 32: milliseconds a step", 1e3 * seconds);
    session.check("a late step takes less than twice the time of an early one", is_flat);
    session
        .check("as many numbers are kept at the end as after a tenth of the sequence", is_bounded);
    session.figure("time", &lines.picture())
}

fn costs<L: Stepwise<f64> + Module<f64>>(
    mut learner: impl OnlineLearner<f64, L>,
    layer: &L,
    steps: usize,
) -> Result<Costs, OnlineError> {
    let rng = &mut bptt::rng(1);
    let (mut times, mut kept) = (Vec::new(), [0; 2]);
    for step in 0..steps {
        let x = Tensor::normal([1, INPUTS], 0.0, 1.0, rng); // [B, I]
        let start = Instant::now();
        let learned = learner.step(layer, &x, &|y| y.square().mean_all())?;
        times.push(start.elapsed().as_secs_f64());
        drop(learned);
        if step == steps / 10 {
            kept[0] = numbers(&learner.state());
        }
    }
    kept[1] = numbers(&learner.state());
    Ok((times.chunks(steps / 10).map(median).collect(), kept))
}

fn numbers(state: &Archive<f64>) -> usize {
    state.names().filter_map(|name| state.tensor(name).ok()).map(|tensor| tensor.len()).sum()
}
