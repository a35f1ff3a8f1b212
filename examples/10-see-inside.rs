//! An LSTM that does not learn a long lag: what happens inside it, why, and what mends it.
//!
//! The reports of both trainings go to `target/see-inside`, and pictures to the folder of the first argument, or else
//! there too. The guide "See inside your cell" explains them.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use bptt::analysis::dynamics::Dynamics;
use bptt::analysis::gradients::{ErrorFlow, GradientsOverTime};
use bptt::analysis::plot::{HeatMap, Lines, Picture};
use bptt::analysis::record::Recorder;
use bptt::prelude::*;

const STEPS: usize = 120;
const BATCH: usize = 32;
const HIDDEN: usize = 32;
const UPDATES: usize = 300;

/// The folder of the reports.
const REPORTS: &str = "target/see-inside";

type Model = (Lstm<f32>, Linear<f32>);

fn model(forget_bias: f64) -> Model {
    let rng = &mut bptt::rng(0);
    (Lstm::new(rng, 1, HIDDEN).forget_bias(forget_bias), Linear::new(rng, HIDDEN, 2))
}

/// Sequences `[T, B, 1]` of noise that begin with 1 or −1, and the class that this is: 1 or 0.
fn sequences(rng: &mut impl Rng) -> (Tensor<f32>, Vec<usize>) {
    let classes: Vec<usize> = (0..BATCH).map(|_| rng.random_range(0..2)).collect();
    let mut xs = Tensor::normal([STEPS, BATCH, 1], 0.0, 0.3, rng);
    for (x, &class) in xs.as_mut_slice().iter_mut().zip(&classes) {
        *x = 2.0 * class as f32 - 1.0;
    }
    (xs, classes)
}

/// The loss of telling the class after the last step, in nats. It is ln 2 for a guess.
fn loss_of<'t>(logits: Var<'t, f32>, classes: &[usize]) -> Var<'t, f32> {
    loss::cross_entropy(logits.index_first(STEPS - 1), classes).mean()
}

/// Trains a model and writes a report. Returns the loss of each update.
fn train(model: &mut Model, report: &Path) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut rng = bptt::rng(1);
    let mut optimizer = Adam::new(0.005);
    let mut recorder = Recorder::create(report)?.every(50);
    let mut losses = Vec::with_capacity(UPDATES);
    for step in 1..=UPDATES {
        let (xs, classes) = sequences(&mut rng);
        let tape = Tape::new();
        let probes = recorder.is_due(step).then(|| tape.probes());
        let costates = Costates::new();
        let mut run = Recurrence::new(model);
        if probes.is_some() {
            run = run.costates(&costates);
        }
        let logits = run.run(tape.constant(xs), model.start(&tape, BATCH)).0;
        let loss = loss_of(logits, &classes);
        losses.push(loss.item().into());
        let mut gradients = tape.backward(loss);
        let norm = clip_norm(model, &mut gradients, 1.0)?;
        let mut record = recorder.step(step, losses[step - 1]).gradient_norm(norm);
        record = record.learning_rate(optimizer.learning_rate());
        for (name, costate) in ["h", "c"].into_iter().zip(costates.of(&gradients)) {
            record = record.costates(name, &costate);
        }
        record = record.probes(probes).gradients(model, &gradients);
        drop(tape); // so that parameters are updated in place
        optimizer.step(model, &gradients);
        record.finish(model)?;
    }
    for warning in recorder.report()? {
        println!("warning: {warning}");
    }
    Ok(losses)
}

/// What is seen in a model.
struct Inside {
    /// How much of the last step's loss reaches the state of each step.
    flow: ErrorFlow,
    /// The largest Lyapunov exponent, in nats per step.
    exponent: f64,
    /// The eigenvalues of the Jacobians of the steps.
    spectrum: Picture,
    /// The forget gate over time, for one sequence.
    forget_gate: Picture,
    /// The mean of the forget gate.
    openness: f32,
}

fn look_inside(model: &Model) -> Result<Inside, Box<dyn Error>> {
    let (xs, classes) = sequences(&mut bptt::rng(2));
    let over_time = GradientsOverTime::new(model, &xs, |logits| loss_of(logits, &classes));
    let dynamics = Dynamics::new(&model.0);
    let tape = Tape::inference();
    let probes = tape.probes();
    let _logits = model.forward(tape.constant(xs.clone()));
    Ok(Inside {
        flow: over_time.error_flow(),
        exponent: dynamics.lyapunov().exponents(1).run(&xs)?.exponents()[0],
        spectrum: dynamics.jacobians(&xs, 0)?.picture()?,
        forget_gate: HeatMap::of_probe(&probes, "0.f", 0).picture(),
        openness: probes.get("0.f").mean_all().item(),
    })
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, exponent, openness, .. } = self;
        let far = flow.overall()[[STEPS - 1, 0]];
        write!(f, "f = {openness:.2} in the mean; largest exponent {exponent:+.3}; ")?;
        write!(f, "gradient {far:.1e} at lag {}", STEPS - 1)
    }
}

/// The gradient of the loss with respect to the state so many steps before.
fn by_lag(flow: &ErrorFlow) -> impl Iterator<Item = (f64, f64)> {
    let norms = flow.overall();
    (0..STEPS).map(move |lag| (lag as f64, norms[[STEPS - 1, STEPS - 1 - lag]]))
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or(REPORTS.into(), PathBuf::from);
    let _ = std::fs::remove_dir_all(REPORTS); // of an earlier run
    std::fs::create_dir_all(&folder)?;

    let mut flows = Lines::new("gradient before training", "lag (steps)", "norm").log();
    let mut losses = Lines::new("training", "update", "loss (nats)").log();
    let mut seen = Vec::new();
    for forget_bias in [0.0, 3.0] {
        let name = format!("forget bias {forget_bias}");
        let mut model = model(forget_bias);
        let before = look_inside(&model)?;
        println!("{name}: {before}");
        let trained = train(&mut model, &Path::new(REPORTS).join(name.replace(' ', "-")))?;
        let last = trained[UPDATES - 1];
        println!("loss of the last update: {last:.4} nats\n");

        flows = flows.line(&name, by_lag(&before.flow));
        let points = trained.into_iter().enumerate().map(|(update, loss)| (update as f64, loss));
        losses = losses.noisy(&name, points);
        seen.push((before, look_inside(&model)?, last));
    }
    flows.picture().save(folder.join("gradient-by-lag.svg"))?;
    losses.picture().save(folder.join("losses.svg"))?;
    let [(forgetful, _, stuck), (mended, trained, learned)] = &seen[..] else { unreachable!() };
    mended.spectrum.save(folder.join("spectrum.png"))?;
    trained.forget_gate.save(folder.join("forget-gate.png"))?;

    assert!(forgetful.exponent < -0.2 && mended.exponent > 0.0);
    assert!(*stuck > 0.6 && *learned < 0.05, "{stuck} {learned}");
    Ok(())
}
