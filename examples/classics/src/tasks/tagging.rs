//! Tagging: the part of speech of a word depends on words to both sides of it.
//!
//! ```text
//! the  old  cook the  show                    the  old  cook offer the  poor a  show
//! det  noun verb det  noun                    det  adj  noun verb  det  noun det noun
//! ```
//!
//! A net that reads forward has not seen what follows a word. One that reads backward has not seen what precedes it, and
//! a memoryless one neither. How many words each can tag at best is known exactly. A conditional random field
//! (CRF) above the memoryless net scores pairs of tags, and so sees a little to both sides. The figure shows the
//! probabilities that each net gives to the tags of a sentence.

use bptt::tasks::{Batch, Symbols, Tagging};

use crate::common::symbol_model::SymbolModel;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "tagging",
    shows: "a bidirectional net tags words that no single direction can",
    sources: &[
        (Text::Tan, "1 Introduction & Notation"),
        (Text::Int301, "RNN Architecture: many to many"),
    ],
    run,
};

const TAGS: usize = Tagging::TAGS.len();

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(1000, 10);
    let rng = &mut bptt::rng(0);
    let memoryless = (Linear::new(rng, 16, 64), Tagging.memoryless_accuracy());
    let forward = (Gru::new(rng, 16, 64), Tagging.forward_accuracy());
    let backward = (Reversed::new(Gru::new(rng, 16, 64)), Tagging.backward_accuracy());
    let both = (Bidirectional::new(Gru::new(rng, 16, 32), Gru::new(rng, 16, 32)), 1.0);
    let field = with_field(session, updates, model(memoryless.0.clone()))?;
    session.number("memoryless with a CRF: share of tags that are right", field);
    session.check("a CRF adds to the memoryless net", field > memoryless.1 + 0.02);
    let pictures = [
        tag(session, updates, "memoryless", memoryless)?,
        tag(session, updates, "forward", forward)?,
        tag(session, updates, "backward", backward)?,
        tag(session, updates, "both directions", both)?,
    ];
    session.figure("tags", &Picture::stacked(pictures).sized(900, 880))
}

/// Creates a tagger above a layer with 64 outputs.
fn model<L: Layer<f32>>(layer: L) -> SymbolModel<f32, L> {
    let rng = &mut bptt::rng(1);
    SymbolModel {
        embedding: Embedding::new(rng, Tagging::WORDS.len(), 16),
        layer,
        output: Linear::new(rng, 64, TAGS),
    }
}

/// Trains a tagger, compares it with the best that is possible, and draws how it tags a sentence.
fn tag<L: Layer<f32> + Module<f32>>(
    session: &mut Session,
    updates: usize,
    name: &str,
    (layer, optimum): (L, f64),
) -> Result<Picture> {
    let mut model = model(layer);
    let rng = &mut bptt::rng(2);
    let criterion = loss::CrossEntropy::new().ignored_index(Tagging::NO_TAG);
    let schedule = Schedule::cosine(5e-3, updates, 0.0);
    train(session.steps(updates), &mut model, schedule, |model, tape| {
        let Batch { inputs, targets } = Tagging.batch(rng, 32);
        criterion.of(model.logits(tape, &inputs), &targets).mean()
    })?;
    let Batch { inputs, targets } = Tagging.batch(&mut bptt::rng(3), 2000);
    let logits = model.logits(&Tape::inference(), &inputs).value();
    let mask = batching::length_mask(&inputs.lengths);
    let accuracy = metrics::accuracy(&logits, &targets, Some(&mask));
    session.number(&format!("{name}: share of tags that are right"), accuracy);
    session.number(&format!("{name}: the best share that is possible"), optimum);
    session.check(&format!("{name}: within 1 % of the best"), (accuracy - optimum).abs() < 0.01);

    let words = ["the", "old", "cook", "show", "the", "young", "hand", "the", "book"];
    let symbol = |word| Tagging::WORDS.iter().position(|known| *known == word);
    let sentence = Symbols::new(&[words.into_iter().filter_map(symbol).collect()]);
    let tape = Tape::inference();
    let probabilities = model.logits(&tape, &sentence).softmax(-1).reshape([words.len(), TAGS]);
    let probabilities = probabilities.value().transpose(0, 1);
    let map = HeatMap::matrix(name, "tag", "word", &probabilities).columns(words);
    Ok(map.rows(Tagging::TAGS).between(0.0, 1.0).quantity("probability").picture())
}

/// Trains a tagger with a conditional random field. Returns the share of tags that are right.
fn with_field<L: Layer<f32> + Module<f32>>(
    session: &Session,
    updates: usize,
    model: SymbolModel<f32, L>,
) -> Result<f64> {
    let mut tagger = (model, Crf::new(TAGS));
    let rng = &mut bptt::rng(2);
    let schedule = Schedule::cosine(5e-3, updates, 0.0);
    train(session.steps(updates), &mut tagger, schedule, |(model, field), tape| {
        let Batch { inputs, targets } = Tagging.batch(rng, 32);
        let emissions = model.logits(tape, &inputs);
        field.negative_log_likelihood(emissions, &inputs.lengths, &targets).mean()
    })?;
    let Batch { inputs, targets } = Tagging.batch(&mut bptt::rng(3), 2000);
    let emissions = tagger.0.logits(&Tape::inference(), &inputs).value();
    let paths = tagger.1.viterbi(&emissions, &inputs.lengths).into_iter();
    let tags = paths.flat_map(|path| path.classes).collect::<Vec<_>>();
    let known = batching::unpad_symbols(&targets, &inputs.lengths).concat();
    Ok(1.0 - metrics::hamming_distance(&tags, &known) as f64 / known.len() as f64)
}
