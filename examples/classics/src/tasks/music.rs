//! Music: a net predicts the next note of tunes, and composes tunes of its own.
//!
//! Tunes have the form A A B A. Within a phrase each note lies a step or two from the one before, which a memoryless
//! model can learn. Where a phrase comes back, only a model that remembers it knows the notes. The least loss that any model
//! can have is known exactly, as is that of the best memoryless one. The figure shows the loss of each note of a tune.

use bptt::decode::Sampling;
use bptt::tasks::{Batch, Melody, Symbols};

use crate::common::symbol_model::SymbolModel;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "music",
    shows: "a net predicts notes as well as is possible, and composes tunes of the same form",
    sources: &[
        (Text::Crowley, "Recurrent Neural Networks"),
        (Text::Asperti, "Modelling sequences"),
        (Text::Int301, "Motivation"),
    ],
    run,
};

const NOTES: usize = Melody::SCALE.len();
const PHRASE: usize = 8;

fn run(session: &mut Session) -> Result<()> {
    let melody = Melody::new(PHRASE);
    let updates = session.budget(4000, 5);
    let rng = &mut bptt::rng(0);
    let mut model = SymbolModel::<f32, _> {
        embedding: Embedding::new(rng, NOTES, 16),
        layer: Lstm::new(rng, 16, 128),
        output: Linear::new(rng, 128, NOTES),
    };
    let schedule = Schedule::cosine(5e-3, updates, 0.0);
    train(session.steps(updates), &mut model, schedule, |model, tape| {
        let Batch { inputs, targets } = melody.batch(rng, 32);
        loss::cross_entropy(model.logits(tape, &inputs), &targets).mean()
    })?;

    let Batch { inputs, targets } = melody.batch(&mut bptt::rng(1), 1000);
    let tape = Tape::inference();
    let losses = loss::cross_entropy(model.logits(&tape, &inputs), &targets).per_position();
    let loss = f64::from(losses.mean_all().item());
    session.number("loss (nats per note)", loss);
    session.number("the least that is possible", melody.floor());
    session.number("the least without a memory", melody.memoryless_loss());
    session
        .claim(Text::Int301, "to predict the next word you better know which words came before it")
        .confirmed(
            loss < 0.6 * melody.memoryless_loss(),
            "so it is with notes: a memory saves two fifths of the loss or more",
        );
    session.check("within 3 % of the least that is possible", loss < 1.03 * melody.floor());

    let tunes = compose(&model, 100, rng);
    let is_formed =
        |tune: &&Vec<usize>| [1, 3].map(|n| &tune[n * PHRASE..][..PHRASE]) == [&tune[..PHRASE]; 2];
    let formed = tunes.iter().filter(is_formed).count();
    session.number("tunes of the form A A B A, of 100 that the net has composed", formed as f64);
    session.check("at least 80 of 100 composed tunes have the form", formed >= 80);
    session.quote("a tune that the net has composed", &melody.text(&tunes[0]));

    let by_place = losses.value().mean(&[1]);
    let by_place =
        by_place.iter().enumerate().map(|(place, loss)| (place as f64 + 2.0, f64::from(*loss)));
    let memoryless = melody.memoryless_loss();
    let picture = Lines::new("loss by place: A A B A", "note of the tune", "loss (nats)")
        .line("recurrent net", by_place)
        .dashed(
            "best without a memory, on average",
            [(2.0, memoryless), (4.0 * PHRASE as f64, memoryless)],
        )
        .picture();
    session.figure("loss-by-place", &picture)
}

/// Draws tunes note by note. Each note is the next input.
fn compose(
    model: &SymbolModel<f32, Lstm<f32>>,
    tunes: usize,
    rng: &mut impl Rng,
) -> Vec<Vec<usize>> {
    let table = model.embedding.table.value();
    let mut online =
        stepper(&(model.layer.clone(), model.output.clone()), [tunes, table.shape()[1]]);
    let mut symbols: Vec<usize> = (0..tunes).map(|_| rng.random_range(0..NOTES)).collect();
    for t in 0..4 * PHRASE - 1 {
        online.step(&[table.gather_rows(&symbols[t * tunes..]).as_slice()]);
        let logits = online.output(0).chunks(NOTES);
        symbols.extend(logits.map(|logits| Sampling::new().draw(logits, rng)).collect::<Vec<_>>());
    }
    Symbols { symbols, lengths: vec![4 * PHRASE; tunes] }.sequences()
}
