//! Five topologies: one or many inputs, one or many outputs.
//!
//! ```text
//! one to one             the picture of a character      which it is
//! one to many            the digits of a number, 47      its name, "forty seven"
//! many to one            the words of a sentence         whether it praises or blames
//! many to many           the name of a number            in German, "sieben und vierzig"
//! many to many, synced   the frames of a film            for each, how a dot has moved
//! ```
//!
//! The input of one to many gives the initial state. The last state of many to one gives the output. Many to many is one
//! after the other. Nets of numbers are asked for numbers that they have not seen. The figure shows the losses.

use bptt::tasks::Numerals::{self, English, German};
use bptt::tasks::{Batch, Glyphs, Move, MovingDot, Polarity};

use crate::common::symbol_model::SymbolModel;
use crate::common::training::{Learned, learn};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "five-topologies",
    shows: "a net of each topology learns its task: one or many inputs, one or many outputs",
    sources: &[(Text::Int301, "RNN Architecture"), (Text::Asperti, "An old but wondrous blog")],
    run,
};

/// A net without inputs, which writes from where it starts.
type Writer = (Gru<f32>, Linear<f32>);

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(800, 5);
    let learned = [
        ("one to one", one_to_one(session, updates)?),
        ("one to many", one_to_many(session, updates)?),
        ("many to one", many_to_one(session, updates)?),
        ("many to many", many_to_many(session, updates)?),
        ("many to many, synced", synced(session, updates)?),
    ];
    let mut curves = Lines::new("five topologies", "update", "loss (nats)").log();
    for (name, (losses, right)) in learned {
        session.number(&format!("{name}: share of outputs that are right"), right);
        session.check(&format!("{name}: at least 98 % are right"), right >= 0.98);
        let losses = losses.into_iter().enumerate().step_by(8);
        curves = curves.line(name, losses.map(|(update, loss)| (update as f64, loss)));
    }
    session.figure("loss", &curves.picture())
}

fn one_to_one(session: &Session, updates: usize) -> Learned {
    const PIXELS: usize = Glyphs::HEIGHT * Glyphs::WIDTH;
    let (init, rng) = (&mut bptt::rng(0), &mut bptt::rng(1));
    let net = Linear::new(init, PIXELS, Glyphs::CHARACTERS.len());
    let draw = |batch, _| Glyphs::new().noise(0.01).batch(rng, batch);
    learn(session, updates, net, draw, |net, tape, pictures: &Tensor<f32>| {
        net.forward(tape.constant(pictures.reshape([pictures.shape()[0], PIXELS])))
    })
}

fn one_to_many(session: &Session, updates: usize) -> Learned {
    let init = &mut bptt::rng(0);
    let net: (Linear<f32>, Writer) = (Linear::new(init, 20, 64), writer(init));
    let draw = |_, is_test| numbers(English, is_test);
    learn(session, updates, net, draw, |(read, writer), tape, numbers| {
        let is_on = |number, i| i == number / 10 || i == 10 + number % 10;
        let digits = |i: usize| f32::from(u8::from(is_on(numbers[i / 20], i % 20)));
        let digits = tape.constant(Tensor::from_fn([numbers.len(), 20], digits));
        write(writer, read.forward(digits).tanh())
    })
}

fn many_to_one(session: &Session, updates: usize) -> Learned {
    let (init, rng) = (&mut bptt::rng(0), &mut bptt::rng(1));
    let net = SymbolModel {
        embedding: Embedding::new(init, Polarity::WORDS.len(), 16),
        layer: Gru::new(init, 16, 32),
        output: Linear::new(init, 32, 2),
    };
    let draw = |batch, _| Polarity.batch(rng, batch);
    learn(session, updates, net, draw, |net, tape, words| net.last_logits(tape, words))
}

fn many_to_many(session: &Session, updates: usize) -> Learned {
    let init = &mut bptt::rng(0);
    let reader = (Embedding::new(init, Numerals::END + 1, 16), Gru::new(init, 16, 64));
    let net: ((Embedding<f32>, Gru<f32>), Writer) = (reader, writer(init));
    let draw = |_, is_test| numbers(German, is_test);
    learn(session, updates, net, draw, |((embedding, reader), writer), tape, numbers| {
        let words = English.names(numbers);
        let (_, read) = reader.forward(embedding.forward(tape, &words, [4, numbers.len()]));
        write(writer, read)
    })
}

fn synced(session: &Session, updates: usize) -> Learned {
    let (init, rng) = (&mut bptt::rng(0), &mut bptt::rng(1));
    let net = (Gru::new(init, 16, 64), Linear::new(init, 64, Move::ALL.len()));
    let draw = |batch, _| MovingDot::new(4, 4).batch(rng, [20, batch]);
    learn(session, updates, net, draw, |net, tape, film: &Tensor<f32>| {
        net.forward(tape.constant(film.reshape([20, film.shape()[1], 16]))).0
    })
}

fn writer(init: &mut impl Rng) -> Writer {
    (Gru::new(init, 1, 64), Linear::new(init, 64, Numerals::END + 1))
}

/// Returns the logits of names, `[4, B, words]`.
fn write<'t>((cell, output): &Writer, start: Var<'t, f32>) -> Var<'t, f32> {
    let nothing = start.tape().constant(Tensor::zeros([4, start.shape()[0], 1]));
    output.forward(scan(cell, nothing, start).0)
}

/// Returns the numbers of the training or of the test, and their names `[4, B]`.
fn numbers(language: Numerals, is_test: bool) -> Batch<Vec<usize>, Vec<usize>> {
    let is_unseen = |number: &usize| [24, 35, 46, 57, 68, 79, 83, 92].contains(number);
    let inputs: Vec<usize> = (0..100).filter(|number| is_unseen(number) == is_test).collect();
    Batch { targets: language.names(&inputs), inputs }
}
