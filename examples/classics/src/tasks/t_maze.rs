//! The T-maze (Bakker 2002): a sign at the start of a corridor tells the turn at its end.
//!
//! At the junction everything looks alike, so only a net that remembers the sign can turn right. The maze is learned twice:
//!
//! - *supervised*, from straight walks whose last observation is to be answered with the turn;
//! - by *policy gradient* (Williams 1992), from rewards alone. The agent has to find out that it must walk to the junction,
//!   and that what it saw long before matters. A wall costs 0.1, and the goal is worth 4.
//!
//! Each is done with memory, an LSTM, and without, a layer that sees the present observation alone. Whatever the latter
//! learns, it reaches the goal in half of the episodes at most.
//!
//! The figure shows how often the goal is reached, in the mean over seeds.

use bptt::tasks::agents::{Policy, PolicyGradient};
use bptt::tasks::environments::{Environments, TMaze};

use crate::common::curves;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "t-maze",
    shows: "only an agent with memory learns the turn that a sign told it long before",
    sources: &[
        (Text::Asperti, "Simple problems requiring memory"),
        (Text::Asperti, "Modelling sequences"),
    ],
    run,
};

const HIDDEN: usize = 16;
const MAZES: usize = 64;
const TESTED: usize = 640;
const SUPERVISED: usize = 20; // steps of the corridor
const REWARDED: usize = 10;

/// The share of goals, every 50 updates.
type Curve = Vec<f64>;

fn run(session: &mut Session) -> Result<()> {
    let (seeds, lessons) = (session.budget(4, 1), session.budget(400, 3));
    let memory = session.seeds(seeds, |seed| taught(lstm(seed, 2, 3.0), lessons, seed));
    let none = session.seeds(seeds, |seed| taught(memoryless(seed, 2), lessons, seed));
    let shares = |runs: Vec<_>| runs.into_iter().collect::<Result<Vec<f64>>>();
    judge(session, "supervised", &shares(memory)?, &shares(none)?)?;

    let updates = session.budget(800, 3);
    let memory = session.seeds(seeds, |seed| rewarded(lstm(seed, 4 + 1, 1.0), updates, seed));
    let none = session.seeds(seeds, |seed| rewarded(memoryless(seed, 4 + 1), updates, seed));
    let last =
        |curves: &[Curve]| curves.iter().map(|curve| curve[curve.len() - 1]).collect::<Vec<_>>();
    judge(session, "policy gradient", &last(&memory), &last(&none))?;
    let mut lines = Lines::new("T-maze by policy gradient", "update", "goals per episode");
    for (name, curves) in [("LSTM", &memory), ("without memory", &none)] {
        let mean = |at| curves::at(curves, at).iter().sum::<f64>() / curves.len() as f64;
        lines = lines.line(name, (0..=updates / 50).map(|at| ((50 * at) as f64, mean(at))));
    }
    session.figure("goals", &lines.picture())
}

fn judge(session: &mut Session, how: &str, memory: &[f64], none: &[f64]) -> Result<()> {
    session.sample(&format!("{how}, LSTM: goals per episode"), memory)?;
    session.sample(&format!("{how}, without memory: goals per episode"), none)?;
    let always = memory.iter().all(|&share| share == 1.0);
    session.check(&format!("{how}: memory always reaches the goal"), always);
    let half = none.iter().all(|share| (share - 0.5).abs() < 0.1); // 5 deviations of 640 episodes
    session.check(&format!("{how}: without memory it is a guess"), half);
    Ok(())
}

fn lstm(seed: u64, outputs: usize, forget_bias: f64) -> (Lstm<f32>, Linear<f32>) {
    let rng = &mut bptt::rng(seed);
    (Lstm::new(rng, 3, HIDDEN).forget_bias(forget_bias), Linear::new(rng, HIDDEN, outputs))
}

fn memoryless(seed: u64, outputs: usize) -> (Window<f32>, Linear<f32>) {
    let rng = &mut bptt::rng(seed);
    (Window::new(rng, 3, HIDDEN, 1), Linear::new(rng, HIDDEN, outputs))
}

/// Teaches a model the turn of straight walks. Returns the share of right turns in new ones.
fn taught<M: Layer<f32> + Module<f32>>(mut model: M, updates: usize, seed: u64) -> Result<f64> {
    let (maze, rng) = (TMaze::new(SUPERVISED), &mut bptt::rng(100 + seed));
    train(0..updates, &mut model, Schedule::constant(0.01), |model, tape| {
        let (walks, turns) = maze.walks(MAZES, rng);
        let logits = model.forward(tape.constant(walks)).0.index_first(SUPERVISED);
        loss::cross_entropy(logits, &turns).mean()
    })?;
    let (walks, turns) = maze.walks(TESTED, rng);
    let tape = Tape::inference();
    let logits = model.forward(tape.constant(walks)).0.index_first(SUPERVISED);
    Ok(metrics::accuracy(&logits.value(), &turns, None))
}

/// Lets an agent learn from rewards.
fn rewarded(mut model: impl Stepwise<f32> + Module<f32>, updates: usize, seed: u64) -> Curve {
    let rng = &mut bptt::rng(100 + seed);
    let mut mazes = Environments::new(vec![TMaze::new(REWARDED); MAZES], rng);
    let (recipe, mut optimizer) = (PolicyGradient::new(0.98).entropy(0.02), Adam::new(0.01));
    let mut curve = Curve::new();
    for update in 0..=updates {
        if update % 50 == 0 {
            let mut tested = Environments::new(vec![TMaze::new(REWARDED); TESTED], rng);
            let walked = tested.rollout(&model, Policy::GREEDY, 3 * REWARDED, rng);
            curve.push(TMaze::goals(&walked));
        }
        let rollout = mazes.rollout(&model, Policy::Softmax, 2 * REWARDED, rng);
        let tape = Tape::new();
        let gradients = tape.backward(recipe.loss(rollout.run(&model, &tape), &rollout));
        drop(tape);
        optimizer.step(&mut model, &gradients);
    }
    curve
}
