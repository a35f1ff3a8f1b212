//! Trainers: the wall time until a small task is solved, for Adam and for trainers beyond gradient descent.
//!
//! Five tasks for simple recurrent nets of 3 to 6 units: to latch a sign for 20 steps, the parity of 6 bits, the order of
//! two signals among 15 symbols, the sum of two marked numbers of 10, and the outputs of a nonlinear plant. A task is solved
//! when sequences that no training has seen (of the parity: all) are right, or have a small error. "By sequences", a step is
//! given one, else all 64 (of the plant 4). Hyperparameters are the same for all tasks; a run has 2 seconds on a core.

use std::time::Instant;

use bptt::trainers::{
    Decoupling::Nodes, EvolutionStrategy, ExtendedKalman, FirstOrder, HessianFree,
    LevenbergMarquardt, MultiGridSearch, RandomGuessing, SimulatedAnnealing,
    TimeWeightedPseudoNewton, TrainError, Trainer,
};

use crate::common::small_tasks::{NAMES, Net, SmallTask};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "trainers",
    shows: "curvature solves small tasks in fewer steps than Adam, and search fails at most of them",
    sources: &[(Text::Tan, "2.2 Gradient-based Learning Methods")],
    run,
};

type Make = fn() -> Box<dyn Trainer<f64, Net>>;

const TRAINERS: [(&str, Make); 10] = [
    ("Adam", || Box::new(FirstOrder::new(Adam::new(0.01)).max_norm(1.0))),
    ("Hessian-free", || Box::new(HessianFree::new().damping(0.1))),
    ("Levenberg–Marquardt", || Box::new(LevenbergMarquardt::new())),
    ("Adam by sequences", || Box::new(FirstOrder::new(Adam::new(0.01)).max_norm(1.0))),
    ("Kalman filter by sequences", || Box::new(ExtendedKalman::new().decoupling(Nodes))),
    ("pseudo-Newton", || Box::new(TimeWeightedPseudoNewton::new(0.1))),
    ("evolution", || Box::new(EvolutionStrategy::new(Adam::new(0.03)))),
    ("annealing", || Box::new(SimulatedAnnealing::new())),
    ("multi-grid", || Box::new(MultiGridSearch::new())),
    ("guessing", || Box::new(RandomGuessing::new())),
];

/// The seconds and steps of a run until it has solved its task; `None` if it has not.
type Solved = Option<(f64, usize)>;

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(5, 1);
    let limit = session.budget(2000, 20) as f64 / 1000.0;
    let mut lines = Lines::new("tasks solved", "seconds", "share of the runs").log_x();
    let (mut shares, mut latch, mut most) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (name, make)) in TRAINERS.into_iter().enumerate() {
        let is_online = name.ends_with("by sequences");
        let (mut times, mut medians) = (Vec::new(), Vec::new());
        for (task, task_name) in NAMES.into_iter().enumerate() {
            let run = |seed| train(make(), &SmallTask::new(task, seed), seed, is_online, limit);
            let mut runs: Vec<Solved> = session.seeds(seeds, run);
            runs.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
            times.extend(runs.iter().map(seconds));
            let solved = runs.iter().flatten().count() as f64;
            session.number(&format!("{task_name}, {name}: runs solved of {seeds}"), solved);
            if let Some(&Some((seconds, steps))) = runs.get(seeds / 2) {
                session.number(&format!("{task_name}, {name}: median seconds"), seconds);
                session.number(&format!("{task_name}, {name}: median steps"), steps as f64);
                medians.push(steps);
            }
        }
        times.sort_by(f64::total_cmp);
        let share = |count: usize| count as f64 / times.len() as f64;
        let solved: Vec<f64> = times.iter().copied().filter(|time| time.is_finite()).collect();
        shares.push(share(solved.len()));
        if index < 7 {
            lines = lines.line(name, solved.into_iter().zip((1..).map(share)));
        }
        latch.push(medians.first().copied().unwrap_or(usize::MAX));
        most.push(medians.into_iter().max().unwrap_or(usize::MAX));
    }
    session.check("Levenberg–Marquardt solves as many runs as Adam", shares[2] >= shares[0]);
    session.check("the Kalman filter latches after fewer sequences", latch[4] < latch[3]);
    let worst = shares[5..].iter().copied().fold(0.0, f64::max);
    session.check("pseudo-Newton and search solve fewer", worst < shares[0]);
    let [adam, lm] = [most[0], most[2]];
    let claim = "such algorithms take a large number of iterations to train the model";
    session.claim(Text::Tan, claim).qualified(
        lm < 100 && adam > lm,
        &format!("Adam takes up to {adam} steps for a task, Levenberg–Marquardt {lm} longer ones"),
    );
    session.figure("solved", &lines.picture())
}

fn seconds(run: &Solved) -> f64 {
    run.map_or(f64::INFINITY, |(seconds, _)| seconds)
}

/// Trains a net until it solves a task, which is tested after each twentieth of the time. The tests are not counted.
fn train(
    mut trainer: Box<dyn Trainer<f64, Net>>,
    task: &SmallTask,
    seed: u64,
    is_online: bool,
    limit: f64,
) -> Solved {
    let mut net = task.net(seed);
    let (mut seconds, mut steps, mut next_test) = (0.0, 0, 0.0);
    while seconds < limit {
        let one = is_online.then(|| task.training.one(steps % task.training.sequences()));
        let examples = one.as_ref().unwrap_or(&task.training);
        let start = Instant::now();
        match trainer.step(&mut net, &|net, tape| examples.objective(net, tape)) {
            Ok(_) | Err(TrainError::NoProgress { .. }) => {}
            Err(_) => break, // it diverged
        }
        seconds += start.elapsed().as_secs_f64();
        steps += 1;
        if seconds >= next_test {
            if task.is_solved(&net) {
                return Some((seconds, steps));
            }
            next_test = 1.05 * seconds;
        }
    }
    None
}
