//! Genome: a net labels open reading frames.
//!
//! A frame opens behind `ATG` and closes with `TAA`, `TAG` or `TGA`, but only where the codon lies in step with the
//! opening one. So a model has to count modulo three, over 64 bases on average. A recurrent net keeps that count for as long
//! as it takes, and labels sequences that are longer than those of its training. A net that sees a window of the last
//! bases loses the count once the opening has left the window. The best that any such net can do is known exactly.
//!
//! The figure shows the labels of both nets along a sequence.

use bptt::tasks::{Batch, Genome, Symbols};

use crate::common::symbol_model::SymbolModel;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "genome",
    shows: "a recurrent net labels the reading frames of a genome, which no window of bases can",
    sources: &[
        (Text::Tan, "1 Introduction & Notation"),
        (Text::Crowley, "Finite vs Infinite impulse networks"),
    ],
    run,
};

const STEPS: usize = 100;
const WINDOW: usize = 8;

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(3000, 10);
    let rng = &mut bptt::rng(0);
    let mut recurrent = model(rng, Gru::new);
    let mut window = model(rng, |rng, inputs, outputs| Window::new(rng, inputs, outputs, WINDOW));
    let unseen = Genome.batch(&mut bptt::rng(1), [10 * STEPS, 100]);
    let of_recurrent = label(session, updates, &mut recurrent, &unseen)?;
    let of_window = label(session, updates, &mut window, &unseen)?;
    let optimum = Genome.window_accuracy(WINDOW, 10 * STEPS);
    session.number("recurrent net: share of bases that it labels right", of_recurrent.0);
    session.number("window of 8 bases: the same share", of_window.0);
    session.number("window of 8 bases: the best share that is possible", optimum);
    session.number(
        "a base alone: the best share that is possible",
        Genome.memoryless_accuracy(10 * STEPS),
    );
    session.check(
        "sequences ten times longer than in training: the recurrent net labels 99.9 % right",
        of_recurrent.0 > 0.999,
    );
    let error = (0.25 * 64.0 / (1000.0 * 100.0_f64)).sqrt(); // the 64 bases of a frame are alike
    session.check("the window is not better than possible", of_window.0 < optimum + 4.0 * error);
    session
        .claim(
            Text::Crowley,
            "finite impulse networks are similar to filters that are limited in response",
        )
        .confirmed(
            of_window.0 < 0.7 && of_recurrent.0 > 0.999,
            "a window does not hold the count, a state does",
        );

    let shown = 200..400;
    let truth = shown.clone().map(|t| (t as f64, unseen.targets[t * 100] as f64));
    let part = |curve: &[f64]| {
        shown.clone().zip(&curve[shown.clone()]).map(|(t, &p)| (t as f64, p)).collect::<Vec<_>>()
    };
    let picture = Lines::new("reading frames", "base", "probability that a frame is open")
        .line("recurrent net", part(&of_recurrent.1))
        .line("window of 8 bases", part(&of_window.1))
        .dashed("label", truth)
        .picture();
    session.figure("labels", &picture)
}

/// Trains a model. Returns the share of unseen labels that are right, and its probabilities for the first sequence.
fn label<L: Layer<f32> + Module<f32>>(
    session: &Session,
    updates: usize,
    model: &mut SymbolModel<f32, L>,
    unseen: &Batch<Symbols, Vec<usize>>,
) -> Result<(f64, Vec<f64>)> {
    let rng = &mut bptt::rng(2);
    train(session.steps(updates), model, Schedule::cosine(1e-2, updates, 0.0), |model, tape| {
        let Batch { inputs, targets } = Genome.batch(rng, [STEPS, 32]);
        loss::cross_entropy(model.logits(tape, &inputs), &targets).mean()
    })?;
    let tape = Tape::inference();
    let logits = model.logits(&tape, &unseen.inputs);
    let accuracy = metrics::accuracy(&logits.value(), &unseen.targets, None);
    let probabilities = logits.softmax(-1).value();
    Ok((accuracy, (0..10 * STEPS).map(|t| probabilities[[t, 0, 1]].into()).collect()))
}

fn model<L: Layer<f32>>(
    rng: &mut Xoshiro256PlusPlus,
    layer: impl FnOnce(&mut Xoshiro256PlusPlus, usize, usize) -> L,
) -> SymbolModel<f32, L> {
    SymbolModel {
        embedding: Embedding::new(rng, Genome::BASES.len(), 4),
        layer: layer(rng, 4, 32),
        output: Linear::new(rng, 32, 2),
    }
}
