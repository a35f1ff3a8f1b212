//! Initialisation: from very small weights, an LSTM begins on a plateau, from scaled weights hardly.
//!
//! The task is to add the two marked of 30 numbers. On the plateau the answer is the mean of all sums: small weights pass
//! a small signal on, and a small gradient back. Weights scaled by the number of units (Glorot and Bengio 2010) and
//! orthogonal ones (Saxe et al. 2014) keep the size of both. Prior knowledge of the task is that only marked numbers are
//! to be written, and kept. So the mark opens the input gate, which is closed otherwise. The forget gate begins open.
//!
//! The figure shows the loss over training, the mean of 8 seeds with its interval of 95 %.

use bptt::tasks::{Adding, Batch};

use crate::common::curves::{ends, with_curves};
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "initialisation",
    shows: "from weights of N(0, 0.01) a net learns nothing in the time in which scaled weights learn the task",
    sources: &[(Text::Tan, "2.1 Initialization"), (Text::Asperti, "Hidden state initialization")],
    run,
};

const STEPS: usize = 30;
const HIDDEN: usize = 32;
const MEAN: usize = 20; // losses are averaged over so many updates

const fn gaussian(std: f64) -> Init {
    Init::Gaussian { mean: 0.0, std }
}

/// How a net begins.
struct Start {
    name: &'static str,
    /// The initial values of `W_hh`, and of the other matrices.
    weights: [Init; 2],
    knows: bool,
    state: Option<Init>,
}

fn starts() -> [Start; 7] {
    let of = |name, weights| Start { name, weights, knows: false, state: None };
    let orthogonal = [Init::Orthogonal { gain: 1.0 }, Init::Xavier];
    [
        of("N(0, 0.001)", [gaussian(0.001); 2]),
        of("N(0, 0.01)", [gaussian(0.01); 2]),
        of("N(0, 0.1)", [gaussian(0.1); 2]),
        of("Xavier", [Init::Xavier; 2]),
        of("orthogonal W_hh", orthogonal),
        Start { knows: true, ..of("orthogonal W_hh, prior knowledge", orthogonal) },
        Start { state: Some(gaussian(0.1)), ..of("orthogonal W_hh, learned start", orthogonal) },
    ]
}

fn run(session: &mut Session) -> Result<()> {
    let (updates, seeds) = (session.budget(600, MEAN), session.budget(8, 2));
    let guess = Adding.memoryless_loss(STEPS);
    session.number("loss of a guess", guess);
    let mut lines =
        Lines::new("adding two of 30 numbers", &format!("{MEAN} updates"), "loss").log();
    let mut last = Vec::new();
    for start in starts() {
        let curves = session.seeds(seeds, |seed| learn(&start, seed, updates));
        let curves = curves.into_iter().collect::<Result<Vec<_>>>()?;
        let ends: Vec<f64> = curves.iter().map(|curve| curve[curve.len() - 1]).collect();
        last.push(session.sample(&format!("{}: loss at the end", start.name), &ends)?);
        lines = with_curves(lines, start.name, &curves)?;
    }
    let lines = lines.dashed("guess", [(0.0, guess), ((updates / MEAN) as f64, guess)]);
    session.figure("loss", &lines.picture())?;

    let [small, smaller] = [&last[1], &last[0]].map(|summary| ends(summary).0);
    let scaled = ends(&last[3]).1.max(ends(&last[4]).1);
    let claim = "a Gaussian draw with a standard deviation of 0.001 or 0.01 is a reasonable choice";
    session.claim(Text::Tan, claim).qualified(
        small.min(smaller) > 0.9 * guess && scaled < 0.2 * guess,
        &format!(
            "not on this task: after {updates} updates both are at the loss of a guess, {guess:.3}, and Xavier's weights at {:.4}",
            last[3].mean()
        ),
    );
    let (known, unknown) = (&last[5], &last[4]);
    session.claim(Text::Tan, "setting the initial weight using prior knowledge").confirmed(
        ends(known).1 < ends(unknown).0,
        &format!("with it the loss ends at {:.4}, without at {:.4}", known.mean(), unknown.mean()),
    );
    Ok(())
}

/// Returns the mean losses of so many updates each.
fn learn(start: &Start, seed: u64, updates: usize) -> Result<Vec<f64>> {
    let rng = &mut bptt::rng(seed);
    let [recurrent, others] = start.weights;
    let lstm = Lstm::<f32>::new(rng, 2, HIDDEN);
    let mut lstm = lstm.input_init(rng, others).recurrent_init(rng, recurrent);
    if start.knows {
        lstm = lstm.gate_bias(Gate::Input, -3.0).forget_bias(5.0);
        let of_the_mark = &mut lstm.w_ih.value_mut().as_mut_slice()[4 * HIDDEN..]; // [4H]
        of_the_mark[..HIDDEN].fill(6.0); // of the input gate
    }
    let output = Linear::new(rng, HIDDEN, 1).weight_init(rng, others);
    match start.state {
        None => fit((lstm, output), rng, updates),
        Some(init) => fit((LearnedStart::new(lstm).start_init(rng, init), output), rng, updates),
    }
}

fn fit<M: Layer<f32> + Module<f32>>(
    mut model: M,
    rng: &mut impl Rng,
    updates: usize,
) -> Result<Vec<f64>> {
    let losses = train(0..updates, &mut model, Schedule::constant(5e-3), |model, tape| {
        let Batch { inputs, targets } = Adding.batch(rng, [STEPS, 32]);
        let (y, _) = Recurrence::new(model).last(tape.constant(inputs), model.start(tape, 32));
        loss::mean_squared_error(y, &targets).mean()
    })?;
    Ok(losses.chunks(MEAN).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect())
}
