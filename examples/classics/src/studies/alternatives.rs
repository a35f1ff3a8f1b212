//! Alternatives to gradient descent: which trainers of Bengio, Simard and Frasconi (1994) learn their problems, by length.
//!
//! The latch asks for the sign of the first input, the two-sequence problem for that of the first three, and the parity whether
//! the number of ones among the signs is even. Nets have one, two and two units. The other inputs of the first two problems are
//! noise of variance 0.2. Sequences have `T/2` to `T` steps. Weights begin uniform in −1 to 1. Gradient descent, the pseudo-Newton
//! method and discrete error propagation are given one of 100 training sequences in a step, the others all of them. A problem is
//! solved when at most 10 of 500 new sequences are classified wrongly. Annealing is judged by its current point, not its best.
//!
//! A presentation is one sequence in one step, or in one loss of a search. Budgets are 20 000 presentations, for the slow
//! pseudo-Newton method 5000, and for search 200 000. The figure shows the number of solved runs by presentations, over all
//! problems and lengths.
//!
//! Schmidhuber, Hochreiter and Bengio, *Evaluating benchmark problems by random guessing* (2001), tell what was published in
//! 1994. Several methods solved a latch after 1600 presentations; its first input, one per class, was learned. On parities of 25 to
//! 50 signs with uniform noise, annealing had no errors after 810 000, and discrete error propagation 5 % after 54 000.

use bptt::rand::RngExt;
use bptt::trainers::{
    FirstOrder, MultiGridSearch, SimulatedAnnealing, TimeWeightedPseudoNewton, Trainer,
};

use crate::common::problems_of_1994::Unit::{self, Tanh, Threshold};
use crate::common::problems_of_1994::{Net, Problem};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "alternatives",
    shows: "discrete error propagation solves more runs of the problems of 1994 than gradient descent",
    sources: &[(Text::Tan, "2 Training")],
    run,
};

type Make = fn(u64) -> Box<dyn Trainer<f64, Net>>;

/// Trainers, their units, the number of sequences in a step, and the greatest number of presentations.
const METHODS: [(&str, Unit, [usize; 2], Make); 5] = [
    ("gradient descent", Tanh, [1, 20_000], |_| Box::new(FirstOrder::new(Sgd::new(0.3)))),
    ("pseudo-Newton", Tanh, [1, 5_000], |_| Box::new(TimeWeightedPseudoNewton::new(0.05))),
    ("discrete error propagation", Threshold, [1, 20_000], |_| {
        Box::new(FirstOrder::new(Sgd::new(0.5)))
    }),
    ("multi-grid", Tanh, [100, 200_000], |seed| Box::new(MultiGridSearch::new().seed(seed))),
    ("annealing", Tanh, [100, 200_000], |seed| {
        Box::new(SimulatedAnnealing::new().cycles(5).adjustments(4).temperature(100.0).seed(seed))
    }),
];

const LENGTHS: [usize; 3] = [10, 25, 50];

fn run(session: &mut Session) -> Result<()> {
    let (seeds, lengths) = (session.budget(5, 1), &LENGTHS[..session.budget(3, 1)]);
    let greatest = session.budget(usize::MAX, 200);
    let mut lines = Lines::new("problems of 1994", "presentations", "runs solved").log_x();
    let mut solved = Vec::new(); // by method
    for (name, unit, [in_step, budget], make) in METHODS {
        let mut runs = Vec::new();
        for problem in Problem::ALL {
            for &length in lengths {
                let run = |seed| {
                    let rng = &mut bptt::rng(seed);
                    let (net, trainer) = (problem.net(rng, unit), make(rng.random()));
                    train(net, trainer, problem, length, [in_step, budget.min(greatest)], rng)
                };
                let mut of: Vec<usize> = session.seeds(seeds, run).into_iter().flatten().collect();
                of.sort_unstable();
                let name = format!("{}, {length} steps, {name}", problem.name());
                session.number(&format!("{name}: runs solved of {seeds}"), of.len() as f64);
                if let Some(&median) = of.get(seeds / 2) {
                    session.number(&format!("{name}: median presentations"), median as f64);
                }
                runs.extend(of);
            }
        }
        runs.sort_unstable();
        solved.push(runs.len());
        lines = lines.line(name, runs.into_iter().map(|at| at as f64).zip((1..).map(f64::from)));
    }
    let [descent, newton, discrete, ..] = solved[..] else { return Ok(()) };
    session.check(
        "discrete error propagation solves more runs than gradients",
        discrete > descent.max(newton),
    );
    session.figure("presentations", &lines.picture())
}

/// Trains a net until it solves a problem. Returns the number of presentations; `None` if it has not within the budget.
fn train(
    mut net: Net,
    mut trainer: Box<dyn Trainer<f64, Net>>,
    problem: Problem,
    length: usize,
    [in_step, budget]: [usize; 2],
    rng: &mut impl Rng,
) -> Option<usize> {
    let training = problem.draw(rng, [length / 2, length], 100);
    let (mut presentations, mut next_test) = (0, 0);
    while presentations < budget {
        let one = (in_step == 1).then(|| training.one(rng.random_range(0..training.count())));
        let batch = one.as_ref().unwrap_or(&training);
        let noise = batch.noise(rng, &net);
        let step = trainer.step(&mut net, &|net, tape| batch.objective(net, tape, noise.as_ref()));
        let Ok(progress) = step else { return None }; // it diverged
        presentations += if in_step == 1 { 1 } else { progress.passes * in_step };
        if presentations >= next_test {
            let test = problem.draw(rng, [length / 2, length], 500);
            if test.wrong(&net, &Tape::inference(), 1.0).value() <= 10.0 {
                return Some(presentations);
            }
            next_test = presentations + presentations / 20;
        }
    }
    None
}
