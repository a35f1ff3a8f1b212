//! Storage replaced by another network: a controller with a differentiable stack reverses sequences of any length.
//!
//! The task is to read `n` symbols, and then to say them in reverse. The nets learn it from sequences of at most ten. An LSTM
//! has to hold all symbols in a state of fixed size, so longer sequences do not fit into what it learned. The
//! [net with a stack](StackNet) learns to push while it reads, and to pop while it speaks. Then the length does not matter: for
//! the test, its stack is made deeper.
//!
//! The figures show the actions on a sequence, and the share of right symbols by length.

use crate::common::curves::with_means;
use crate::common::stack_net::StackNet;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "storage",
    shows: "a net with a differentiable stack reverses sequences longer than those it learned",
    sources: &[(Text::Crowley, "Finite vs Infinite impulse networks")],
    run,
};

const SYMBOLS: usize = 4;
const LONGEST: usize = 10; // in training
const TESTED: [usize; 6] = [5, 10, 20, 30, 50, 100];
const BATCH: usize = 32;

/// The share of right symbols for each length that is tested.
type Shares = [f64; TESTED.len()];

fn run(session: &mut Session) -> Result<()> {
    let (updates, seeds) = (session.budget(3000, 3), session.budget(4, 1));
    let stacks = session.seeds(seeds, |seed| {
        let rng = &mut bptt::rng(seed);
        let net = StackNet::new(rng, SYMBOLS + 1, 24, [LONGEST, 6]);
        let mut model = (net, Linear::new(rng, 24, SYMBOLS));
        learn(&mut model, updates, rng)?;
        model.0.set_depth(100);
        Ok((TESTED.map(|length| right(&model, length, rng)), actions(&model, rng)))
    });
    let (stacks, actions): (Vec<Shares>, Vec<_>) = stacks.into_iter().collect::<Result<_>>()?;
    let lstms = session.seeds(seeds, |seed| {
        let rng = &mut bptt::rng(seed);
        let mut model = (Lstm::new(rng, SYMBOLS + 1, 64), Linear::new(rng, 64, SYMBOLS));
        learn(&mut model, updates, rng)?;
        Ok(TESTED.map(|length| right(&model, length, rng)))
    });
    let lstms = lstms.into_iter().collect::<Result<Vec<Shares>>>()?;

    let mut lines = Lines::new("sequences in reverse", "length", "right symbols");
    for (name, runs) in [("stack", &stacks), ("LSTM", &lstms)] {
        let mut points = Vec::new();
        for (at, &length) in TESTED.iter().enumerate() {
            let shares: Vec<f64> = runs.iter().map(|shares| shares[at]).collect();
            let of = format!("{name}, right symbols of {length}");
            points.push((length as f64, session.sample(&of, &shares)?));
        }
        lines = with_means(lines, name, points);
    }
    let guess = 1.0 / SYMBOLS as f64;
    session.figure("right", &lines.dashed("guess", [(5.0, guess), (100.0, guess)]).picture())?;
    let picture = HeatMap::matrix("actions on a sequence of ten", "action", "step", &actions[0])
        .rows(["push", "pop", "keep"])
        .between(0.0, 1.0);
    session.figure("actions", &picture.picture().sized(600, 180))?;

    let exact = stacks.iter().all(|shares| shares[..4] == [1.0; 4]);
    session.check("the stack reverses 30 symbols, three times the lengths in training", exact);
    let says = stacks.iter().all(|shares| shares[5] > 0.9);
    session.check("the stack says more than 90 % of 100 symbols right", says);
    let fails = lstms.iter().all(|shares| shares[3] < 0.5);
    session.check("the LSTM says less than half of 30 symbols right", fails);
    session
        .claim(Text::Crowley, "the storage can also be replaced by another network")
        .confirmed(exact && fails, "with a stack, lengths beyond those in training are reversed");
    Ok(())
}

/// Draws symbols `[n, B]`, and returns the inputs `[2 n, B, 5]`, one-hot and then a sign to speak, and the symbols in reverse.
fn sequences(length: usize, rng: &mut impl Rng) -> (Tensor<f32>, Vec<usize>) {
    let symbols: Vec<usize> = (0..length * BATCH).map(|_| rng.random_range(0..SYMBOLS)).collect();
    let mut inputs = vec![0.0; 2 * length * BATCH * (SYMBOLS + 1)];
    for (at, x) in inputs.chunks_mut(SYMBOLS + 1).enumerate() {
        x[symbols.get(at).copied().unwrap_or(SYMBOLS)] = 1.0;
    }
    let reverse = symbols.chunks(BATCH).rev().flatten().copied().collect();
    (Tensor::from_vec([2 * length, BATCH, SYMBOLS + 1], inputs), reverse)
}

fn learn<M>(model: &mut M, updates: usize, rng: &mut impl Rng) -> Result<()>
where
    M: Layer<f32> + Module<f32>,
{
    train(0..updates, model, Schedule::cosine(5e-3, updates, 0.0), |model, tape| {
        let length = rng.random_range(1..=LONGEST);
        let (inputs, targets) = sequences(length, rng);
        let (logits, _) = model.forward(tape.constant(inputs));
        loss::cross_entropy(logits.slice(0, length..2 * length), &targets).mean()
    })?;
    Ok(())
}

/// Returns the share of right symbols.
fn right(model: &impl Layer<f32>, length: usize, rng: &mut impl Rng) -> f64 {
    let (inputs, targets) = sequences(length, rng);
    let tape = Tape::inference();
    let (logits, _) = model.forward(tape.constant(inputs));
    metrics::accuracy(&logits.slice(0, length..2 * length).value(), &targets, None)
}

/// Returns the actions on a sequence of ten, `[3, 20]`.
fn actions(model: &impl Layer<f32>, rng: &mut impl Rng) -> Tensor<f32> {
    let tape = Tape::inference();
    let probes = tape.probes();
    let _ = model.forward(tape.constant(sequences(LONGEST, rng).0));
    probes.get("0.actions").value().slice(1, 0..1).reshape([2 * LONGEST, 3]).transpose(0, 1)
}
