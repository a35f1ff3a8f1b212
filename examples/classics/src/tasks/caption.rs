//! Captions: a picture is read once, and its name is spelled symbol by symbol.
//!
//! ```text
//! x_0 = relu(conv(picture)) W + b        x_t = e(y_{t−1}) for t > 0
//! h_t = GRU(x_t, h_{t−1})                y_t = argmax(h_t V + c)
//! ```
//!
//! The picture of a letter or digit is the input of the first step. Then the net reads its own last symbol: the topology
//! one to many. In training it reads the true name. Names that begin alike, as "seven" and "sierra", need a memory.
//!
//! The figure shows a picture, and the probability of each symbol as the net spells.

use bptt::tasks::{Batch, Glyphs};

use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "caption",
    shows: "a net reads a picture once and spells its name",
    sources: &[(Text::ExploRnn, "Input"), (Text::Int301, "RNN Architecture")],
    run,
};

/// The symbols: the letters, and the end of a name.
const SYMBOLS: usize = 27;
const END: usize = 26;
const LONGEST: usize = 9;

#[rustfmt::skip]
const NAMES: [&str; 36] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima", "mike",
    "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee",
    "zulu",
];

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let glyphs = Glyphs::new().shift(1).noise(0.02);
    let mut model = Captioner {
        conv: Conv2d::new(rng, 1, 16, [3, 3]).stride([2, 2]),
        picture: Linear::new(rng, 4 * 3 * 16, 32),
        symbols: Embedding::new(rng, SYMBOLS, 32),
        speller: (Gru::new(rng, 32, 64), Linear::new(rng, 64, SYMBOLS)),
    };
    let updates = session.budget(1500, 30);
    let schedule = Schedule::constant(3e-3);
    train(session.steps(updates), &mut model, schedule, |model, tape| {
        let Batch { inputs, targets } = glyphs.batch(rng, 64);
        let names = named(&targets);
        let logits = model.teacher_forced(tape.constant(inputs), &names);
        loss::cross_entropy(logits, &names).mean()
    })?;
    let Batch { inputs, targets } = glyphs.batch(rng, 1000);
    let names = named(&targets);
    let share = |pictures: Tensor<f32>| {
        let symbols = model.spelled(Tape::inference().constant(pictures)).argmax(-1);
        let of = |b: usize| (b..symbols.len()).step_by(1000);
        let is_right = |&b: &usize| of(b).all(|i| symbols[i] == names[i]);
        (0..1000).filter(is_right).count() as f64 / 1000.0
    };
    let [seen, unseen] = [inputs.clone(), Tensor::zeros(inputs.shape())].map(share);
    session.number("names spelled without a mistake", seen);
    session.number("names spelled without the picture", unseen);
    session.check("nine in ten pictures are named without a mistake", seen > 0.9);
    session.check("without the picture, no more than one name in 36 is right", unseen < 0.06); // 1/36 is 0.028, and a standard error 0.005

    let (tape, picture) = (Tape::inference(), inputs.slice(0, 0..1));
    let logits = model.spelled(tape.constant(picture.clone())).reshape([LONGEST, SYMBOLS]);
    let spelled = logits.softmax(-1).transpose(0, 1).value();
    let letters = ('a'..='z').map(String::from).chain(["end".into()]);
    let read = HeatMap::matrix("read once", "row", "column", &picture.reshape(glyphs.size()));
    let title = format!("spelled: {}", NAMES[targets[0]]);
    let written = HeatMap::matrix(&title, "symbol", "step", &spelled).rows(letters);
    let [read, written] = [read.quantity("ink"), written.quantity("probability")];
    let pictures = [read.picture().sized(600, 340), written.picture().sized(600, 560)];
    session.figure("caption", &Picture::stacked(pictures))
}

#[derive(Module)]
#[module(scalar = f32)]
struct Captioner {
    conv: Conv2d<f32>,
    picture: Linear<f32>,
    symbols: Embedding<f32>,
    speller: (Gru<f32>, Linear<f32>),
}

impl Captioner {
    /// Returns what the first step reads, `[1, B, E]`.
    fn read<'t>(&self, pictures: Var<'t, f32>) -> Var<'t, f32> {
        let maps = self.conv.forward(pictures).relu();
        self.picture.forward(maps.reshape([1, pictures.shape()[0], 4 * 3 * 16]))
    }

    /// Returns the logits `[T, B, V]`, where the net reads the picture and then the names `[T, B]`.
    fn teacher_forced<'t>(&self, pictures: Var<'t, f32>, names: &[usize]) -> Var<'t, f32> {
        let batch = pictures.shape()[0];
        let before = &names[..(LONGEST - 1) * batch];
        let symbols = self.symbols.forward(pictures.tape(), before, [LONGEST - 1, batch]);
        self.speller.forward(Var::concat(&[self.read(pictures), symbols], 0)).0
    }

    /// Returns the logits `[T, B, V]`, where the net reads the picture and then its own symbols.
    fn spelled<'t>(&self, pictures: Var<'t, f32>) -> Var<'t, f32> {
        let start = self.speller.start(pictures.tape(), pictures.shape()[0]);
        let read =
            |logits: Var<'t, f32>| logits.ge(logits.max_keep(&[-1])).matmul(&self.symbols.table);
        free_running(&self.speller, self.read(pictures), start, LONGEST, read).0
    }
}

/// Returns the names of these classes as symbols `[T, B]`, padded with ends.
fn named(classes: &[usize]) -> Vec<usize> {
    let symbol = |t: usize, &class: &usize| {
        NAMES[class].as_bytes().get(t).map_or(END, |letter| (letter - b'a').into())
    };
    (0..LONGEST).flat_map(|t| classes.iter().map(move |class| symbol(t, class))).collect()
}
