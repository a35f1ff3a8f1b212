//! Q-learning with and without memory: how far back a window reaches, and how far an LSTM.
//!
//! ```text
//! Q(a) ← r + γ max_a′ Q⁻(a′)     (Watkins 1989; with a target network Q⁻, Mnih et al. 2015)
//! ```
//!
//! The agent of Atari games sees the last four pictures. Here it sees the last four observations of a [T-maze](TMaze), whose
//! sign it needs at the junction. After a corridor of three steps the sign is still in the window. After a longer one it is
//! not. The window is then no better than a guess, and may never arrive. An LSTM has no such limit.
//!
//! The figure shows how often the goal is reached, by the length of the corridor.

use bptt::tasks::agents::{Policy, QLearning};
use bptt::tasks::environments::{Environments, TMaze};

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "q-learning",
    shows: "a window of four observations learns a short T-maze, an LSTM also a longer one",
    sources: &[(Text::Asperti, "Memoryless approach")],
    run,
};

const CORRIDORS: [usize; 4] = [2, 3, 4, 6];
const WINDOW: usize = 4;
const HIDDEN: usize = 24;
const MAZES: usize = 64;

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(1500, 3);
    let window = session.seeds(CORRIDORS.len(), |at| {
        let rng = &mut bptt::rng(at);
        let model = (Window::new(rng, 3, HIDDEN, WINDOW), Linear::new(rng, HIDDEN, 4));
        learned(model, CORRIDORS[at as usize], updates, rng)
    });
    let lstm = session.seeds(CORRIDORS.len(), |at| {
        let rng = &mut bptt::rng(at);
        let lstm = Lstm::new(rng, 3, HIDDEN).forget_bias(3.0); // remembers from the start
        learned((lstm, Linear::new(rng, HIDDEN, 4)), CORRIDORS[at as usize], updates, rng)
    });
    let window = window.into_iter().collect::<Result<Vec<_>>>()?;
    let lstm = lstm.into_iter().collect::<Result<Vec<_>>>()?;

    let mut lines =
        Lines::new("T-maze by Q-learning", "steps of the corridor", "goals per episode");
    for (name, shares) in [("window of 4", &window), ("LSTM", &lstm)] {
        for (corridor, share) in CORRIDORS.iter().zip(shares) {
            session.number(&format!("{name}, corridor of {corridor}: goals per episode"), *share);
        }
        let points = CORRIDORS.iter().zip(shares);
        lines = lines.line(name, points.map(|(&corridor, &share)| (corridor as f64, share)));
    }
    session.figure("goals", &lines.picture())?;

    let sees = |corridor: usize| corridor < WINDOW; // the sign, at the junction
    let by_length = || CORRIDORS.iter().zip(&window);
    let near = by_length().all(|(&corridor, &share)| !sees(corridor) || share == 1.0);
    session.check("the window always reaches the goal while it still holds the sign", near);
    // half of the goals at most, up to 5 standard deviations of 640 episodes
    let far = by_length().all(|(&corridor, &share)| sees(corridor) || share < 0.6);
    session.check("in longer corridors the window is no better than a guess", far);
    let always = lstm.iter().all(|&share| share == 1.0);
    session.check("the LSTM always reaches the goal", always);
    session
        .claim(Text::Asperti, "memoryless: difficult to deal with very long-term dependencies")
        .confirmed(
            near && far && always,
            "a window of 4 fails beyond its length, where an LSTM does not",
        );
    Ok(())
}

/// Lets an agent learn from rewards, and returns the share of episodes that end at the goal.
fn learned<M>(mut model: M, corridor: usize, updates: usize, rng: &mut impl Rng) -> Result<f64>
where
    M: Stepwise<f32> + Module<f32> + Clone,
{
    let mut mazes = Environments::new(vec![TMaze::new(corridor); MAZES], rng);
    let (recipe, mut optimizer) = (QLearning::new(0.95), Adam::new(0.003));
    let mut target = model.clone();
    for update in 0..updates {
        if update % 20 == 0 {
            target = model.clone();
        }
        let epsilon = (1.0 - 1.5 * update as f64 / updates as f64).max(0.1); // tries everything at first
        let rollout = mazes.rollout(&model, Policy::EpsilonGreedy(epsilon), 20, rng);
        let target_values = rollout.run(&target, &Tape::inference()).value();
        let tape = Tape::new();
        let loss = recipe.loss(rollout.run(&model, &tape), &target_values, &rollout);
        let mut gradients = tape.backward(loss);
        drop(tape);
        clip_norm(&model, &mut gradients, 1.0)?;
        optimizer.step(&mut model, &gradients);
    }
    let mut mazes = Environments::new(vec![TMaze::new(corridor); 10 * MAZES], rng);
    Ok(TMaze::goals(&mazes.rollout(&model, Policy::GREEDY, 10 * (corridor + 1), rng)))
}
