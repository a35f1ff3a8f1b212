//! Polyphonic music, of "Empirical evaluation of gated recurrent neural networks on sequence modeling".
//!
//! Three nets of about 12 300 parameters predict which of 36 notes are struck next: an LSTM of 37 units, a GRU of 44 and an Elman
//! net of 80. The music is generated: a piece has eight bars of chords of one tonality, broken by one of three patterns. Bars 5 to 8
//! repeat the chords of bars 1 to 4. The loss is the negative log-likelihood of a step in nats.
//! Training is by Adam, on pieces that are drawn anew.
//!
//! The figure shows the loss by update.

use crate::common::curves::{ends, with_curves};
use crate::common::polyphony::{NOTES, pieces};
use crate::common::training::train;
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "polyphonic-music",
    shows: "an Elman net predicts generated polyphonic music better than gated nets with as many parameters",
    sources: &[(Text::Evaluation, "5 Results and analysis")],
    run,
};

type Make = fn(&mut bptt::Xoshiro256PlusPlus) -> (BoxedLayer<f32>, usize);

const NETS: [(&str, Make); 3] = [
    ("tanh", |rng| (BoxedLayer::new(Elman::new(rng, NOTES, 80)), 80)),
    ("GRU", |rng| (BoxedLayer::new(Gru::new(rng, NOTES, 44)), 44)),
    ("LSTM", |rng| (BoxedLayer::new(Lstm::new(rng, NOTES, 37)), 37)),
];
const BARS: usize = 8;

fn run(session: &mut Session) -> Result<()> {
    let (seeds, updates) = (session.budget(10, 1), session.budget(1000, 3));
    let mut table = Table::new(["net", "parameters", "nats per step"]);
    let mut lines = Lines::new("loss in training", "update / 20", "nats per step").log();
    let mut losses = Vec::new();
    for (name, make) in NETS {
        let learned = session.seeds(seeds, |seed| learn(make, updates, seed));
        let learned = learned.into_iter().collect::<Result<Vec<_>>>()?;
        let finals: Vec<f64> = learned.iter().map(|(_, loss)| *loss).collect();
        let loss = session.sample(&format!("{name}: loss of a test"), &finals)?;
        let curves: Vec<Vec<f64>> = learned.into_iter().map(|(curve, _)| curve).collect();
        lines = with_curves(lines, name, &curves)?;
        let (layer, size) = make(&mut bptt::rng(0));
        let net = (layer, Linear::<f32>::new(&mut bptt::rng(0), size, NOTES));
        let count: usize = net.parameters().iter().map(|(_, it)| it.value().len()).sum();
        let (low, high) = ends(&loss);
        let text = format!("{:.3} ({low:.3} to {high:.3})", loss.mean());
        table.rows.push(vec![name.to_owned(), count.to_string(), text]);
        losses.push(loss);
    }
    session.table(table);
    session.figure("loss", &lines.picture())?;
    let claim = "gated units are clearly better than the traditional tanh unit";
    session.claim(Text::Evaluation, claim).refuted(
        losses[1..].iter().all(|gated| ends(gated).0 > ends(&losses[0]).1),
        &format!(
            "on this music and after 1 000 updates, {:.2} and {:.2} nats per step for GRU and LSTM, {:.2} for tanh",
            losses[1].mean(),
            losses[2].mean(),
            losses[0].mean()
        ),
    );
    Ok(())
}

/// Returns the loss in training, averaged over 20 updates, and that of 200 new pieces.
fn learn(make: Make, updates: usize, seed: u64) -> Result<(Vec<f64>, f64)> {
    let rng = &mut bptt::rng(seed);
    let (layer, size) = make(rng);
    let mut net = (layer, Linear::new(rng, size, NOTES));
    let schedule = Schedule::cosine(5e-3, updates, 0.0);
    let losses =
        train(0..updates, &mut net, schedule, |net, tape| loss(net, tape, &pieces(rng, BARS, 16)))?;
    let curve = losses.chunks(20).map(|losses| losses.iter().sum::<f64>() / losses.len() as f64);
    let test =
        loss(&net, &Tape::inference(), &pieces(&mut bptt::rng(1000 + seed), BARS, 200)).item();
    Ok((curve.collect(), f64::from(test)))
}

/// Returns the negative log-likelihood of a step.
fn loss<'t>(
    net: &(BoxedLayer<f32>, Linear<f32>),
    tape: &'t Tape<f32>,
    notes: &Tensor<f32>,
) -> Var<'t, f32> {
    let steps = notes.shape()[0];
    let logits = net.forward(tape.constant(notes.slice(0, ..steps - 1))).0;
    loss::binary_cross_entropy(logits, &notes.slice(0, 1..)).mean() * NOTES as f64
}
