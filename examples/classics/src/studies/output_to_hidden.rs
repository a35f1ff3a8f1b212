//! Recurrence from the output: steps that are trained in parallel, and memory that is missing.
//!
//! Let the only recurrence be from the output, `h_t = tanh(x_t U + o_{t−1} W + b)`. Then training can feed back targets in
//! place of the outputs (teacher forcing). No step then depends on another, and all are computed at once. The state is what
//! the output shows, and nothing else is remembered.
//!
//! Two tasks on random signs tell the difference. Parity, the product of all signs so far, is a function of the sign and
//! the last output. The sign of two steps before is not.
//!
//! The figures show the accuracy of both nets while they learn.

use std::time::Instant;

use programs::statistics::Paired;

use crate::common::curves::{at, ends, with_curves};
use crate::common::signs::{STEPS, Target, batch, parity, two_before};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "output-to-hidden",
    shows: "with recurrence from the output alone, steps are trained in parallel, and no hidden state is remembered",
    sources: &[(Text::Crowley, "Training")],
    run,
};

/// The accuracy of a guess of the sign of two steps before: the first two targets are known.
const GUESS: f64 = (2.0 + (STEPS - 2) as f64 / 2.0) / STEPS as f64;

fn run(session: &mut Session) -> Result<()> {
    let ratio = time_ratio(session.budget(20, 2));
    session.number("time of 1000 steps in sequence against that in parallel", ratio);

    let seeds = session.budget(20, 1);
    let mut results = Vec::new();
    for (task, target) in [("sign of two steps before", two_before as Target), ("parity", parity)] {
        let hidden = session.seeds(seeds, |seed| train(target, false, seed));
        let forced = session.seeds(seeds, |seed| train(target, true, seed));
        let lines = Lines::new(task, "hundreds of updates", "accuracy");
        let lines = with_curves(lines, "from hidden units, through time", &hidden)?;
        let lines = with_curves(lines, "from the output, in parallel", &forced)?;
        session.figure(&task.replace(' ', "-"), &lines.picture())?;
        let early = Paired::new(&at(&forced, 1), &at(&hidden, 1))?.summary();
        let name = |from: &str| format!("{task}, from {from}: accuracy");
        let hidden = session.sample(&name("hidden units"), &at(&hidden, 6))?;
        let forced = session.sample(&name("the output"), &at(&forced, 6))?;
        results.push((hidden, forced, early));
    }
    let (hidden, forced, _) = &results[0];
    let claim = "such a network is less powerful than the general network";
    session.claim(Text::Crowley, claim).confirmed(
        ends(hidden).0 > 0.99 && ends(forced).1 < GUESS + 0.02,
        &format!("of signs two steps before it tells {:.2} right, no more than a guess; the general net all", forced.mean()),
    );
    let (_, forced, early) = &results[1];
    let claim = "easier to train because each time step can be trained in isolation, allowing for greater parallelization";
    session.claim(Text::Crowley, claim).confirmed(
        ratio > 1.5 && ends(forced).0 > 0.99 && ends(early).0 > 0.05,
        &format!(
            "{ratio:.1} times as fast on 1000 steps; its accuracy on parity is {:.0} points higher after 100 updates",
            100.0 * early.mean()
        ),
    );
    Ok(())
}

/// Returns the time of a gradient in sequence against that under teacher forcing, each the least of some.
fn time_ratio(repeats: usize) -> f64 {
    let rng = &mut bptt::rng(0);
    let cell = OutputToHidden::<f32>::new(rng, 8, 32, 8);
    let [xs, targets] = [(); 2].map(|()| Tensor::normal([1000, 1, 8], 0.0, 1.0, rng));
    let time = |is_forced: bool| {
        let start = Instant::now();
        let tape = Tape::new();
        let (inputs, wanted) = (tape.constant(xs.clone()), tape.constant(targets.clone()));
        let ys = outputs(&cell, inputs, wanted, is_forced);
        drop(tape.backward(loss::squared_error(ys, wanted).mean()));
        start.elapsed().as_secs_f64()
    };
    let least = |is_forced| (0..repeats).map(|_| time(is_forced)).fold(f64::INFINITY, f64::min);
    least(false) / least(true)
}

fn outputs<'t, T: Scalar>(
    cell: &OutputToHidden<T>,
    xs: Var<'t, T>,
    targets: Var<'t, T>,
    is_forced: bool,
) -> Var<'t, T> {
    let start = cell.zero_state(xs.tape(), xs.shape()[1]);
    if is_forced { cell.teacher_forced(xs, targets, start) } else { scan(cell, xs, start).0 }
}

/// Trains an Elman net through time, or recurrence from the output under teacher forcing. Returns the accuracy of the
/// free run before training and after each 100 updates.
fn train(target: Target, is_forced: bool, seed: u64) -> Vec<f64> {
    let rng = &mut bptt::rng(seed);
    let elman = Elman::<f32>::new(rng, 1, 16).output(rng, 1, Activation::Identity);
    let mut nets = (elman, OutputToHidden::new(rng, 1, 16, 1));
    let mut optimizer = Adam::new(0.01);
    let mut accuracies = Vec::new();
    for update in 0..=600 {
        if update % 100 == 0 {
            let ((xs, targets), tape) = (batch(target, rng, 256), Tape::inference());
            let xs = tape.constant(xs);
            let ys = if is_forced { nets.1.forward(xs).0 } else { nets.0.forward(xs).0 };
            let right =
                ys.value().iter().zip(targets.iter()).filter(|(y, t)| **y * **t > 0.0).count();
            accuracies.push(right as f64 / targets.len() as f64);
        }
        let ((xs, targets), tape) = (batch(target, rng, 32), Tape::new());
        let (xs, targets) = (tape.constant(xs), tape.constant(targets));
        let ys = if is_forced { outputs(&nets.1, xs, targets, true) } else { nets.0.forward(xs).0 };
        let gradients = tape.backward(loss::squared_error(ys, targets).mean());
        drop(tape);
        optimizer.step(&mut nets, &gradients); // the net without a gradient stays as it is
    }
    accuracies
}
