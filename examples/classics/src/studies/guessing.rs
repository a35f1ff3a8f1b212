//! Guessing: how many random nets are drawn until one solves a problem with lags of 500 steps.
//!
//! The problems and nets are those of the program `alternatives`, with 500 to 600 steps. Weights are uniform in −100 to 100.
//! A net solves a problem if its error is below 0.1 for all 100 training sequences of the latch, and below 0.2 for those of the
//! others. Then 1000 other sequences are classified.
//!
//! Schmidhuber, Hochreiter and Bengio, *Evaluating benchmark problems by random guessing* (2001), report means of 22 guesses for
//! this latch, and of 2906 for the parity. Their parity has a sigmoid output, 0 to 1: a tolerance of 0.1 there is 0.2 for `tanh`.
//!
//! The figure shows the share of runs that are solved after so many guesses.

use bptt::rand::RngExt;
use bptt::trainers::{RandomGuessing, Trainer};

use crate::common::problems_of_1994::{Problem, Unit};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "guessing",
    shows: "random nets solve the problems of 1994 over 500 steps, so these problems say little about a trainer",
    sources: &[(Text::Tan, "2 Training")],
    run,
};

/// Problems, the error of a right answer, and the published mean number of guesses.
const PROBLEMS: [(Problem, f64, Option<f64>); 3] = [
    (Problem::Latch, 0.1, Some(22.0)),
    (Problem::TwoSequence, 0.2, None),
    (Problem::Parity, 0.2, Some(2906.0)),
];

/// A run: the number of guesses, and the share of other sequences that are then classified rightly.
type Solved = (f64, f64);

fn run(session: &mut Session) -> Result<()> {
    let (seeds, most) = (session.budget(10, 1), session.budget(100_000, 5));
    let steps = [session.budget(500, 10), session.budget(600, 12)];
    let mut lines = Lines::new("guessed weights", "guesses", "share of runs solved").log_x();
    let (mut is_solved, mut is_right) = (true, true);
    for (problem, tolerance, published) in PROBLEMS {
        let run = |seed| guess(problem, tolerance, steps, most, seed);
        let (mut guesses, rights): (Vec<_>, Vec<_>) =
            session.seeds(seeds, run).into_iter().flatten().unzip();
        let name = problem.name();
        session.number(&format!("{name}: runs solved of {seeds}"), guesses.len() as f64);
        is_solved &= guesses.len() == seeds;
        if !guesses.is_empty() {
            session.sample(&format!("{name}: guesses"), &guesses)?;
            let right = session.sample(&format!("{name}: other sequences right"), &rights)?;
            is_right &= right.mean() > 0.95;
        }
        if let Some(published) = published {
            session.number(&format!("{name}: guesses, published"), published);
        }
        guesses.sort_by(f64::total_cmp);
        let share = |count| f64::from(count) / seeds as f64;
        lines = lines.line(name, guesses.into_iter().zip((1..).map(share)));
    }
    session.check("all runs are solved", is_solved);
    session.check("other sequences are classified rightly", is_right);
    session.figure("guesses", &lines.picture())
}

/// Guesses until a problem is solved; `None` if it was not.
fn guess(
    problem: Problem,
    tolerance: f64,
    steps: [usize; 2],
    most: usize,
    seed: u64,
) -> Option<Solved> {
    let rng = &mut bptt::rng(seed);
    let (training, mut net) = (problem.draw(rng, steps, 100), problem.net(rng, Unit::Tanh));
    let mut trainer = RandomGuessing::new().seed(rng.random());
    (1..=most).find_map(|guesses| {
        let step =
            trainer.step(&mut net, &|net, tape| training.wrong(net, tape, tolerance)).ok()?;
        (step.loss_after == Some(0.0)).then(|| {
            let (test, tape) = (problem.draw(rng, steps, 1000), Tape::inference());
            (guesses as f64, 1.0 - test.wrong(&net, &tape, 1.0).value() / 1000.0)
        })
    })
}
