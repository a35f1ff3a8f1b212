//! Sensors: a net finds which of three sensors is stuck.
//!
//! Each sensor measures something that wanders about. From some step on, one of them may repeat its value, with noise:
//!
//! ```text
//! x_t = ρ x_{t−1} + √(1 − ρ²) ε_t, or x_{t−1} where it sticks      y_t = x_t + σ η_t
//! ```
//!
//! No reading is unusual in itself, so that no threshold on the readings of a step can find the fault. To raise no alarm
//! at all is right in three quarters of the steps, and no threshold is better. A recurrent net sees that a value no longer
//! moves. The least loss of any model is that of Bayes' rule over all faults, by Kalman filters.
//!
//! The figure shows readings, and the probability of a fault by Bayes' rule and by the net.

use bptt::tasks::{Batch, Sensors};

use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "sensors",
    shows: "a recurrent net finds the sensor that is stuck, almost as well as is possible, and no threshold can",
    sources: &[(Text::Tan, "1 Introduction & Notation")],
    run,
};

const COUNT: usize = 3;
const STEPS: usize = 40;

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(4000, 10);
    let sensors = Sensors::new(COUNT);
    let rng = &mut bptt::rng(0);
    let mut model = (Gru::<f32>::new(rng, COUNT, 64), Linear::new(rng, 64, COUNT + 1));
    let schedule = Schedule::cosine(5e-3, updates, 0.0);
    train(session.steps(updates), &mut model, schedule, |model, tape| {
        let Batch { inputs, targets } = sensors.batch(rng, [STEPS, 32]);
        loss::cross_entropy(model.forward(tape.constant(inputs)).0, &targets).mean()
    })?;

    let Batch { inputs, targets } = sensors.batch::<f32>(&mut bptt::rng(1), [STEPS, 1000]);
    let tape = Tape::inference();
    let logits = model.forward(tape.constant(inputs.clone())).0;
    let posterior = sensors.posterior(&inputs).cast::<f32>();
    let optimum = tape.constant(posterior.clone()).ln();
    let loss = |logits| f64::from(loss::cross_entropy(logits, &targets).mean().item());
    let (of_net, least) = (loss(logits), loss(optimum));
    let accuracy = |logits: Var<'_, f32>| metrics::accuracy(&logits.value(), &targets, None);
    let threshold = best_threshold(&inputs, &targets);
    session.number("loss of the net (nats)", of_net);
    session.number("the least that is possible", least);
    session.number("the least without a memory", sensors.memoryless_loss());
    session.number("share of steps that the net classifies right", accuracy(logits));
    session.number("the same share by Bayes' rule", accuracy(optimum));
    session.number(
        "share of steps in which the best threshold is right on whether there is a fault",
        threshold,
    );
    let [gain, possible] = [of_net, least].map(|loss| sensors.memoryless_loss() - loss);
    session.check("the net gains nine tenths of what a memory can gain", gain > 0.9 * possible);
    session.check(
        "no threshold is more than 1 % better than no alarm at all",
        threshold < sensors.memoryless_accuracy() + 0.01,
    );

    let net = logits.softmax(-1).value();
    session.figure("alarm", &alarm(&inputs, &targets, &net, &posterior))
}

/// Draws readings of which one gets stuck, and the probabilities of a fault.
fn alarm(
    readings: &Tensor<f32>,
    targets: &[usize],
    net: &Tensor<f32>,
    posterior: &Tensor<f32>,
) -> Picture {
    let batch = readings.shape()[1];
    let is_fault = |t: usize, b: usize| targets[t * batch + b] > 0;
    let shown =
        (0..batch).find(|&b| is_fault(STEPS / 2, b) && !is_fault(STEPS / 4, b)).unwrap_or(0);
    let line = |value: &dyn Fn(usize) -> f32| -> Vec<(f64, f64)> {
        (0..STEPS).map(|t| (t as f64, f64::from(value(t)))).collect()
    };
    let of_sensors = (0..COUNT).fold(Lines::new("readings", "step", "reading"), |lines, sensor| {
        lines.line(&format!("sensor {}", sensor + 1), line(&|t| readings[[t, shown, sensor]]))
    });
    let alarm = Lines::new("alarm", "step", "probability of a fault")
        .line("recurrent net", line(&|t| 1.0 - net[[t, shown, 0]]))
        .line("Bayes' rule", line(&|t| 1.0 - posterior[[t, shown, 0]]))
        .dashed("fault", line(&|t| f32::from(u8::from(is_fault(t, shown)))));
    Picture::stacked([of_sensors.picture(), alarm.picture()]).sized(800, 640)
}

/// Returns the share of steps in which the best threshold is right. It raises an alarm where some reading is larger, or
/// where none is.
fn best_threshold(readings: &Tensor<f32>, targets: &[usize]) -> f64 {
    let largest = |readings: &[f32]| readings.iter().fold(0.0_f32, |max, y| max.max(y.abs()));
    let largest: Vec<f32> = readings.as_slice().chunks(COUNT).map(largest).collect();
    let share = |threshold: f32| {
        let alarms = largest.iter().map(|&reading| reading > threshold);
        let right = alarms.zip(targets).filter(|&(alarm, &class)| alarm == (class > 0)).count();
        let share = right as f64 / targets.len() as f64;
        share.max(1.0 - share)
    };
    (0..60).map(|n| share(0.1 * n as f32)).fold(0.0, f64::max)
}
