//! Pathological tasks: sequences of 100 steps, which an Elman net learns by Hessian-free optimization.
//!
//! Four tasks are from Martens and Sutskever (2011), after Hochreiter and Schmidhuber (1997): the mean and the product of two
//! marked numbers, the order of two signals, and five bits that are asked for after a wait of 100 steps. What the answer
//! depends on lies 40 to 105 steps back. The net has 64 `tanh` units and sparse initial weights. Numbers and targets of the first
//! two tasks are centred. An update has the gradient of 800 new sequences and the curvature of 200, or of four times as many
//! while over half of the test is right. Training ends when 99 % of 1000 test sequences are right, or after 200 updates. Means
//! and products may err by less than 0.04. Then 10 000 other sequences are tested. Two tasks run at a time.
//!
//! Adam has the same time and initial weights, a learning rate of 0.001, and gradients clipped to 1.

use std::time::Instant;

use bptt::trainers::{FirstOrder, HessianFree, TrainError, Trainer};

use crate::common::pathological_tasks::{Net, Task};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "pathological",
    shows: "Hessian-free optimization learns four tasks over sequences of 100 steps",
    sources: &[(Text::Tan, "2 Training")],
    run,
};

struct Sizes {
    steps: usize,
    gradient: usize,
    curvature: usize,
    adam: usize,
    test: usize,
    most_updates: usize,
}

const FULL: Sizes =
    Sizes { steps: 100, gradient: 800, curvature: 200, adam: 100, test: 1000, most_updates: 200 };
const QUICK: Sizes =
    Sizes { steps: 20, gradient: 20, curvature: 10, adam: 10, test: 20, most_updates: 2 };

/// The share of test sequences that are right, by seconds of training.
type Curve = Vec<(f64, f64)>;

fn run(session: &mut Session) -> Result<()> {
    let sizes = if session.budget(1, 0) == 1 { FULL } else { QUICK };
    let mut lines = Lines::new("tasks over 100 steps", "seconds", "share of sequences right");
    let runs = session.seeds(Task::ALL.len(), |index| {
        let task = Task::ALL[index as usize];
        let (net, by_curvature) = train_by_curvature(task, &sizes);
        let by_adam = train_by_adam(task, &sizes, last(&by_curvature).0);
        let test = task.draw(&mut bptt::rng(1), [sizes.steps, 10 * sizes.test]);
        (test.share_right(&net), by_curvature, by_adam)
    });
    let shares: Vec<f64> = runs.iter().map(|(share, ..)| *share).collect();
    for (task, (share, by_curvature, by_adam)) in Task::ALL.into_iter().zip(runs) {
        let name = task.name();
        session.number(&format!("{name}: share right"), share);
        session.number(&format!("{name}: updates"), (by_curvature.len() - 1) as f64);
        session.number(&format!("{name}: seconds"), last(&by_curvature).0);
        session.number(&format!("{name}: share right by Adam"), last(&by_adam).1);
        let [hessian_free, adam] = ["Hessian-free", "Adam"].map(|by| format!("{name}, {by}"));
        lines = lines.line(&hessian_free, by_curvature).dashed(&adam, by_adam);
    }
    let are_right = shares.iter().all(|&share| share > 0.98);
    session.check("of 10 000 other sequences, over 98 % are right in each task", are_right);
    session.figure("solved", &lines.picture())
}

/// Trains by Hessian-free optimization until a task is solved.
fn train_by_curvature(task: Task, sizes: &Sizes) -> (Net, Curve) {
    let rng = &mut bptt::rng(0);
    let mut net = task.net(rng);
    let mut trainer = HessianFree::new().damping(0.1).structural_damping(0.1).iterations(80);
    let test = task.draw(rng, [sizes.steps, sizes.test]);
    let (mut seconds, mut curve) = (0.0, vec![(0.0, test.share_right(&net))]);
    for _ in 0..sizes.most_updates {
        let start = Instant::now();
        let scale = if last(&curve).1 > 0.5 { 4 } else { 1 };
        let batch = task.draw(rng, [sizes.steps, scale * sizes.gradient]);
        let part = batch.first(scale * sizes.curvature);
        let step = trainer.step_with_curvature_of(
            &mut net,
            &|net: &Net, tape| batch.objective(net, tape),
            &|net, tape| part.objective(net, tape),
        );
        if !matches!(step, Ok(_) | Err(TrainError::NoProgress { .. })) {
            break; // it diverged
        }
        seconds += start.elapsed().as_secs_f64();
        curve.push((seconds, test.share_right(&net)));
        if last(&curve).1 >= 0.99 {
            break;
        }
    }
    (net, curve)
}

/// Trains by Adam for so many seconds.
fn train_by_adam(task: Task, sizes: &Sizes, limit: f64) -> Curve {
    let rng = &mut bptt::rng(0);
    let mut net = task.net(rng);
    let mut trainer = FirstOrder::new(Adam::new(0.001)).max_norm(1.0);
    let test = task.draw(rng, [sizes.steps, sizes.test]);
    let (mut seconds, mut curve) = (0.0, vec![(0.0, test.share_right(&net))]);
    for point in 1..=50 {
        let start = Instant::now();
        while seconds + start.elapsed().as_secs_f64() < f64::from(point) / 50.0 * limit {
            let batch = task.draw(rng, [sizes.steps, sizes.adam]);
            if trainer.step(&mut net, &|net, tape| batch.objective(net, tape)).is_err() {
                return curve; // it diverged
            }
        }
        seconds += start.elapsed().as_secs_f64();
        curve.push((seconds, test.share_right(&net)));
    }
    curve
}

fn last(curve: &Curve) -> (f64, f64) {
    curve[curve.len() - 1]
}
