//! "This is a phrase": four words become one symbol, and one symbol becomes four words.
//!
//! There is a symbol for each of the 24 orders of the four words. So the words alone tell nothing of the symbol:
//! their order tells all. Many to one: a net reads the words, and its last state gives the symbol. One to many: the symbol
//! is the initial state of a net, which then runs without inputs:
//!
//! ```text
//! many to one    h_t = tanh(x_t W_ih + h_{t−1} W_hh + b)      symbol = softmax(h_τ W_ho)
//! one to many    h_0 = the vector of the symbol               word_t = softmax(h_t W_ho)
//! ```
//!
//! The figure shows what the second net writes for "this is a phrase".

use bptt::tasks::Symbols;

use crate::common::symbol_model::SymbolModel;
use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "phrase",
    shows: "the words of \"this is a phrase\" become one symbol, and the symbol becomes the words",
    sources: &[(Text::Crowley, "Finite Impulse Recurrent Networks")],
    run,
};

const WORDS: [&str; 4] = ["this", "is", "a", "phrase"];

/// Writes what a symbol stands for.
#[derive(Module)]
struct Writer<T> {
    start: Embedding<T>,
    cell: Elman<T>,
    output: Linear<T>,
}

impl Writer<f32> {
    /// Returns the logits of the words `[T, B, 4]`.
    fn logits<'t>(&self, tape: &'t Tape<f32>, symbols: &[usize]) -> Var<'t, f32> {
        let start = self.start.forward(tape, symbols, [1, symbols.len()]).index_first(0);
        let nothing = tape.constant(Tensor::zeros([WORDS.len(), symbols.len(), 1]));
        self.output.forward(scan(&self.cell, nothing, start).0)
    }
}

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let phrases = orders(WORDS.len()); // the first is "this is a phrase"
    let symbols: Vec<usize> = (0..phrases.len()).collect();
    let words = Symbols::new(&phrases);
    let mut reader = SymbolModel::<f32, _> {
        embedding: Embedding::new(rng, WORDS.len(), 8),
        layer: Elman::new(rng, 8, 32),
        output: Linear::new(rng, 32, phrases.len()),
    };
    let mut writer = Writer::<f32> {
        start: Embedding::new(rng, phrases.len(), 32),
        cell: Elman::new(rng, 1, 32),
        output: Linear::new(rng, 32, WORDS.len()),
    };
    let reading =
        train(session.steps(300), &mut reader, Schedule::constant(1e-2), |model, tape| {
            loss::cross_entropy(model.last_logits(tape, &words), &symbols).mean()
        })?;
    let writing =
        train(session.steps(300), &mut writer, Schedule::constant(1e-2), |model, tape| {
            loss::cross_entropy(model.logits(tape, &symbols), &words.symbols).mean()
        })?;

    let read = reader.last_logits(&Tape::inference(), &words).value().argmax(-1);
    session.check("many to one: all 24 phrases give their symbols", read == symbols);
    let tape = Tape::inference();
    let written = writer.logits(&tape, &symbols).value().argmax(-1);
    session.check("one to many: all 24 symbols give their phrases", written == words.symbols);
    let again = Symbols { symbols: written, lengths: words.lengths.clone() };
    let read = reader.last_logits(&tape, &again).value().argmax(-1);
    session.check(
        "the first net reads what the second has written as the same symbols",
        read == symbols,
    );
    session.number("share of phrases that a bag of words gets right", 1.0 / 24.0);

    let probabilities = writer.logits(&tape, &[0]).softmax(-1).reshape([WORDS.len(), WORDS.len()]);
    let probabilities = probabilities.value().transpose(0, 1);
    let map = HeatMap::matrix("the symbol of \"this is a phrase\"", "word", "step", &probabilities);
    let map = map.rows(WORDS).columns(1..=4).between(0.0, 1.0).quantity("probability").numbers();
    session.figure("one-to-many", &map.picture().sized(520, 320))?;
    let curve = |losses: Vec<f64>| losses.into_iter().enumerate().map(|(i, loss)| (i as f64, loss));
    let lines = Lines::new("words to symbol, symbol to words", "update", "loss (nats)").log();
    let lines = lines.line("many to one", curve(reading)).line("one to many", curve(writing));
    session.figure("loss", &lines.picture())
}

/// Returns all orders of `0..count`, in lexicographic order.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![vec![]];
    for _ in 0..count {
        let longer = |order: &Vec<usize>| {
            let next = (0..count).filter(|word| !order.contains(word));
            next.map(|word| [&order[..], &[word]].concat()).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    orders
}
