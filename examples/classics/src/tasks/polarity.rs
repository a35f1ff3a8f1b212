//! Polarity: whether a sentence praises or blames depends on the order of its words.
//!
//! ```text
//! i doubt that the plot is bad but the music is not very good      blame
//! i doubt that the plot is good but the music is not very bad      praise
//! ```
//!
//! Both have the same words. A classifier of the bag of words, which counts each word, can at best be right on a known
//! share of all sentences. A recurrent net reads the words one after the other and is asked at the end: many to one. The
//! figure shows what it would have answered after each word.

use bptt::tasks::{Batch, Polarity, Symbols};

use crate::common::symbol_model::SymbolModel;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "polarity",
    shows: "a recurrent net tells praise from blame, and no bag of words can",
    sources: &[
        (Text::Int301, "Motivation"),
        (Text::Int301, "RNN Architecture: many to one"),
        (Text::Asperti, "An old but wondrous blog"),
    ],
    run,
};

const WORDS: usize = Polarity::WORDS.len();

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(1500, 20);
    let rng = &mut bptt::rng(0);
    let mut recurrent = SymbolModel::<f32, _> {
        embedding: Embedding::new(rng, WORDS, 16),
        layer: Gru::new(rng, 16, 32),
        output: Linear::new(rng, 32, 2),
    };
    let mut of_bag = (Linear::<f32>::new(rng, WORDS, 64), Linear::new(rng, 64, 2));
    let schedule = Schedule::cosine(5e-3, updates, 0.0);
    train(session.steps(updates), &mut recurrent, schedule, |model, tape| {
        let Batch { inputs, targets } = Polarity.batch(rng, 32);
        loss::cross_entropy(model.last_logits(tape, &inputs), &targets).mean()
    })?;
    let longer = 4 * updates;
    let schedule = Schedule::cosine(2e-2, longer, 0.0);
    train(session.steps(longer), &mut of_bag, schedule, |model, tape| {
        let Batch { inputs, targets } = Polarity.batch(rng, 32);
        loss::cross_entropy(of_counts(model, tape, &inputs), &targets).mean()
    })?;

    let Batch { inputs, targets } = Polarity.batch(&mut bptt::rng(1), 5000);
    let tape = Tape::inference();
    let accuracy = |logits: Var<'_, f32>| metrics::accuracy(&logits.value(), &targets, None);
    let of_recurrent = accuracy(recurrent.last_logits(&tape, &inputs));
    let of_counts = accuracy(of_counts(&of_bag, &tape, &inputs));
    let optimum = Polarity.bag_of_words_accuracy();
    session.number("recurrent net: share of 5 000 sentences that it judges right", of_recurrent);
    session.number("bag of words: the same share", of_counts);
    session.number("bag of words: the best share that is possible", optimum);
    let error = (optimum * (1.0 - optimum) / 5000.0).sqrt();
    session
        .claim(
            Text::Int301,
            "to assume that all inputs are independent is, for many tasks, a very bad idea",
        )
        .confirmed(
            of_recurrent >= 0.99 && of_counts < optimum + 4.0 * error,
            "the recurrent net is right on 99 %, the bag of words is not",
        );
    session
        .check("the bag of words is not better than possible", of_counts < optimum + 4.0 * error);

    let sentences = [
        "i doubt that the plot is bad but the music is not very good",
        "i doubt that the plot is good but the music is not very bad",
        "i think that the ending is never boring",
    ];
    let picture = Picture::stacked(sentences.map(|sentence| by_word(&recurrent, sentence)));
    session.figure("answer-by-word", &picture.sized(900, 480))
}

/// Returns the logits `[B, 2]` of a classifier that counts each word.
fn of_counts<'t>(
    (hidden, output): &(Linear<f32>, Linear<f32>),
    tape: &'t Tape<f32>,
    inputs: &Symbols,
) -> Var<'t, f32> {
    let sentences = inputs.sequences();
    let count = |i: usize| sentences[i / WORDS].iter().filter(|&&word| word == i % WORDS).count();
    let counts = Tensor::from_fn([sentences.len(), WORDS], |i| count(i) as f32);
    output.forward(hidden.forward(tape.constant(counts)).tanh())
}

/// Draws the probability of praise after each word.
fn by_word(model: &SymbolModel<f32, Gru<f32>>, sentence: &str) -> Picture {
    let words: Vec<&str> = sentence.split(' ').collect();
    let symbol = |word: &&str| Polarity::WORDS.iter().position(|known| known == word);
    let symbols: Vec<usize> = words.iter().filter_map(symbol).collect();
    let logits = model.logits(&Tape::inference(), &Symbols::new(&[symbols])).value();
    let praise = |t: usize| 1.0 / (1.0 + (logits[[t, 0, 0]] - logits[[t, 0, 1]]).exp());
    let praise = Tensor::from_fn([1, words.len()], praise);
    HeatMap::matrix("", "answer", "word", &praise)
        .columns(words)
        .rows(["praise"])
        .between(0.0, 1.0)
        .numbers()
        .quantity("probability")
        .picture()
}
