//! Dates: "the 3rd of may '98" is translated to "1998-05-03", with attention.
//!
//! An encoder reads the characters of a date, and a decoder writes the same date in ISO 8601. Attention tells the decoder
//! where to look. The figure shows the alignment that the net has found by itself: which characters of the source each
//! character of the target was read from.

use std::collections::HashSet;

use bptt::tasks::{Batch, Dates};

use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "dates",
    shows: "an encoder and decoder with attention translate dates as people write them to ISO 8601",
    sources: &[
        (Text::Asperti, "A simple application"),
        (Text::Int301, "RNN Architecture: many to many"),
        (Text::Tan, "Abstract"),
    ],
    run,
};

const HIDDEN: usize = 64;

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(1500, 10);
    let rng = &mut bptt::rng(0);
    let mut model = EncoderDecoder::<f32, _, _> {
        source: Embedding::new(rng, Dates::ALPHABET, 16),
        encoder: Gru::new(rng, 16, HIDDEN),
        target: Embedding::new(rng, Dates::ISO_ALPHABET, 16),
        decoder: Gru::new(rng, 16, HIDDEN),
        attention: Some(Attention::additive(rng, HIDDEN, HIDDEN, HIDDEN)),
        output: Linear::new(rng, 2 * HIDDEN, Dates::ISO_ALPHABET - 1),
        start: Dates::START,
        end: Dates::END,
    };
    let schedule = Schedule::constant(5e-3);
    let mut seen = HashSet::new();
    train(session.steps(updates), &mut model, schedule, |model, tape| {
        let Batch { inputs, targets } = Dates.batch(rng, 32);
        seen.extend(inputs.sequences());
        let encoded = model.encode(tape, &inputs.symbols, inputs.shape(), Some(&inputs.lengths));
        loss::cross_entropy(model.teacher_forced(&encoded, &targets), &targets).mean()
    })?;
    let Batch { inputs, targets } = Dates.batch(&mut bptt::rng(1), 1000);
    let sources = inputs.sequences();
    let unseen = (0..1000).filter(|&b| !seen.contains(&sources[b])).take(500);
    let is_right = |&b: &usize| {
        let target: Vec<usize> = targets.iter().skip(b).step_by(1000).copied().collect();
        model.greedy(&sources[b], Dates::ISO_STEPS).symbols == target
    };
    let right = unseen.clone().filter(is_right).count() as f64 / unseen.count() as f64;
    session.number("share of 500 unseen dates that are right", right);
    session.check("at least 99 % of unseen dates are right", right >= 0.99);

    let pictures = ["the 3rd of may '98", "december 25, 2007"].map(|date| {
        let source = Dates::symbols(date).expect("characters of dates");
        let target = model.greedy(&source, Dates::ISO_STEPS).symbols;
        let tape = Tape::inference();
        let encoded = model.encode(&tape, &source, [source.len(), 1], None);
        let weights = model.alignment(&encoded, &target).value();
        let weights = weights.reshape([target.len(), source.len()]);
        let iso = Dates::iso_text(&target);
        HeatMap::attention(&format!("{date} is {iso}"), &weights)
            .columns(date.chars())
            .rows(iso.chars().chain(['⏎']))
            .picture()
    });
    session.figure("alignment", &Picture::stacked(pictures))
}
