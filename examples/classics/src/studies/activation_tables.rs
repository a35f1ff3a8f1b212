//! Activations from tables: what an approximation of `σ` and `tanh` costs a task.
//!
//! ```text
//! nearest entry     error ≤ h/2 max |f′|     ∝ 1/n      n entries, h apart
//! ranges (RALUT)    error = V/(2n)           ∝ 1/n      V: total variation of f
//! lines             error ≤ h²/8 max |f″|    ∝ 1/n²
//! ```
//!
//! LSTMs learn with exact functions to predict noisy waves. Then tables take the place of all functions, as in hardware.
//! Hard functions are tried as well, after the training or from its beginning.
//!
//! The figures show the error of `tanh`, and the loss of the task, by the number of entries.

use bptt::tasks::Waves;

use crate::common::curves::{at, ends, with_means};
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "activation-tables",
    shows: "an LSTM whose functions are read from small tables predicts as well as an exact one",
    sources: &[(Text::Tan, "1.2 Activation Function")],
    run,
};

/// A name, the power of `1/n` in the error, and the table of a function within a range.
type Kind = (&'static str, i32, fn(fn(f64) -> f64, std::ops::RangeInclusive<f64>, usize) -> Table);
#[rustfmt::skip]
const KINDS: [Kind; 3] =
    [("nearest", 1, Table::nearest), ("ranges", 1, Table::range_addressable), ("lines", 2, Table::linear)];
const ENTRIES: [usize; 6] = [8, 16, 32, 64, 128, 256];
type Model = (Lstm<f32>, Linear<f32>);
/// The functions of the gates, and of candidate and state.
type Functions = [Activation<f32>; 2];

fn run(session: &mut Session) -> Result<()> {
    let mut lines = Lines::new("tanh from −4 to 4", "entries", "largest error").log_x().log();
    for (name, power, table) in KINDS {
        let errors = ENTRIES.map(|n| table(f64::tanh, -4.0..=4.0, n).max_error());
        let fall = errors[2] / errors[5];
        session.number(&format!("{name}: ratio of the errors with 32 and 256 entries"), fall);
        let statement = format!("{name}: the error is proportional to 1/n^{power}");
        session.check(&statement, (fall / 8_f64.powi(power) - 1.0).abs() < 0.1);
        lines = lines.line(name, ENTRIES.map(|n| n as f64).into_iter().zip(errors));
    }
    session.figure("error", &lines.picture())?;

    let (updates, seeds) = (session.budget(800, 20), session.budget(6, 2));
    let losses = session.seeds(seeds, |seed| measure(seed, updates));
    let losses = losses.into_iter().collect::<Result<Vec<_>>>()?;
    let mut sample = |name: &str, k| session.sample(&format!("{name}: excess"), &at(&losses, k));
    let hard = sample("hard functions", 0)?;
    let trained = sample("hard functions in training too", 1)?;
    let mut lines =
        Lines::new("excess over exact functions", "entries", "share of the loss").log_x().log();
    let mut tables = Vec::new();
    for (kind, (name, ..)) in KINDS.into_iter().enumerate() {
        let first = 2 + kind * ENTRIES.len();
        let of = |(k, n): (usize, &usize)| sample(&format!("{n} entries, {name}"), first + k);
        let of_kind = ENTRIES.iter().enumerate().map(of).collect::<Result<Vec<_>>>()?;
        lines = with_means(lines, name, ENTRIES.map(|n| n as f64).into_iter().zip(of_kind.clone()));
        tables.push(of_kind);
    }
    session.figure("loss", &lines.picture())?;

    let is_less = |k: usize| ends(&tables[1][k]).1 < ends(&tables[0][k + 1]).0;
    session.check("n ranges lose less than 2n nearest entries", (0..5).all(is_less));
    session.check(
        "hard functions lose less if the net is trained with them",
        ends(&trained).1 < ends(&hard).0,
    );
    let [lines, nearest] = [2, 0].map(|kind| tables[kind][3]);
    session.check("64 entries lose less than 1 % if read as lines", ends(&lines).1 < 0.01);
    session.check("64 entries lose more than 10 % if the nearest is read", ends(&nearest).0 > 0.1);
    Ok(())
}

/// Returns the excess over the loss of exact functions, as a share of it: of hard functions after training and in it, then
/// of tables.
fn measure(seed: u64, updates: usize) -> Result<Vec<f64>> {
    let model = learn(seed, [Activation::Sigmoid, Activation::Tanh], updates)?;
    let hard = [Activation::HardSigmoid { slope: 0.25 }, Activation::HardTanh];
    let mut losses = vec![loss(&with(&model, hard.clone())), loss(&learn(seed, hard, updates)?)];
    for (_, _, table) in KINDS {
        let sigmoid = |n| table(|x| 1.0 / (1.0 + (-x).exp()), -8.0..=8.0, n);
        let tables = |n| [sigmoid(n), table(f64::tanh, -4.0..=4.0, n)].map(Activation::Table);
        losses.extend(ENTRIES.map(|n| loss(&with(&model, tables(n)))));
    }
    let exact = loss(&model);
    Ok(losses.into_iter().map(|loss| loss / exact - 1.0).collect())
}

fn with((lstm, output): &Model, [gate, squash]: Functions) -> Model {
    let lstm = lstm.clone().gate_activation(gate).candidate_activation(squash.clone());
    (lstm.state_activation(squash), output.clone())
}

fn learn(seed: u64, functions: Functions, updates: usize) -> Result<Model> {
    let rng = &mut bptt::rng(seed);
    let mut model = with(&(Lstm::new(rng, 1, 24), Linear::new(rng, 24, 1)), functions);
    let schedule = Schedule::cosine(0.01, updates, 0.0);
    train(0..updates, &mut model, schedule, |model, tape| loss_of(model, tape, rng))?;
    Ok(model)
}

fn loss(model: &Model) -> f64 {
    loss_of(model, &Tape::inference(), &mut bptt::rng(1000)).item().into()
}

fn loss_of<'t>(model: &Model, tape: &'t Tape<f32>, rng: &mut impl Rng) -> Var<'t, f32> {
    let chord = Waves::sine(20.5).plus(Waves::sine(7.3).amplitude(0.5)).noise(0.05);
    let waves = chord.batch(rng, [60, 64]);
    let (ys, _) = model.forward(tape.constant(waves.inputs));
    loss::mean_squared_error(ys, &waves.targets).mean()
}
