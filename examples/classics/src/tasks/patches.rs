//! An image as a sequence: a net reads a picture patch by patch, and then names it.
//!
//! ```text
//! h_t = LSTM(patch_t, h_{t−1})      y = softmax(h_T V + c)
//! ```
//!
//! A picture of 9 × 7 pixels is one patch, 3 strips of three rows, 9 rows, or 63 pixels. The smaller a patch, the fewer
//! weights read it, and the longer the net has to remember. The baseline is the character whose shifted
//! drawing differs in the fewest pixels.
//!
//! The figure shows the accuracy over training, for each size of patches.

use bptt::metrics::accuracy;
use bptt::tasks::{Batch, Glyphs};

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "patches",
    shows: "a net reads a picture as a sequence of patches and names it, pixel by pixel if need be",
    sources: &[(Text::Tan, "1 Introduction & Notation")],
    run,
};

const PIXELS: usize = 9 * 7;
const PATCHES: [(usize, &str); 4] = [
    (1, "1 patch, the picture"),
    (3, "3 patches of three rows"),
    (9, "9 patches, rows"),
    (63, "63 patches, pixels"),
];
const CLASSES: usize = Glyphs::CHARACTERS.len();

fn glyphs() -> Glyphs {
    Glyphs::new().shift(1).noise(0.02)
}

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(1500, 12);
    let Batch { inputs, targets } = glyphs().batch::<f32>(&mut bptt::rng(1), 1000);
    let best = inputs.as_slice().chunks_exact(PIXELS).zip(&targets);
    let best = best.filter(|&(picture, &class)| nearest(picture) == class).count() as f64 / 1000.0;
    let curves = session.seeds(PATCHES.len(), |seed| train(PATCHES[seed as usize].0, updates));
    let mut lines = Lines::new("1000 pictures of the test", "update", "share named right");
    session.number("named right by the nearest drawing", best);
    for ((_, name), curve) in PATCHES.into_iter().zip(curves) {
        let (_, last) = curve[curve.len() - 1];
        session.number(&format!("named right: {name}"), last);
        session.check(&format!("{name}: nine in ten are named right"), last > 0.9);
        lines = lines.line(name, curve);
    }
    let lines = lines.dashed("nearest drawing", [(0.0, best), (updates as f64, best)]);
    session.figure("accuracy", &lines.picture())
}

/// Returns the accuracy by update of a net that reads so many patches.
fn train(patches: usize, updates: usize) -> Vec<(f64, f64)> {
    let rng = &mut bptt::rng(0);
    let mut model = (Lstm::<f32>::new(rng, PIXELS / patches, 64), Linear::new(rng, 64, CLASSES));
    let test = glyphs().batch(&mut bptt::rng(1), 1000);
    let (mut optimizer, mut curve) = (Adam::new(0.01), vec![]);
    for update in 0..=updates {
        if update % (updates / 15).max(1) == 0 {
            let tape = Tape::inference();
            let logits = logits(&model, tape.constant(test.inputs.clone()), patches).value();
            curve.push((update as f64, accuracy(&logits, &test.targets, None)));
        }
        let Batch { inputs, targets } = glyphs().batch(rng, 64);
        let tape = Tape::new();
        let logits = logits(&model, tape.constant(inputs), patches);
        let gradients = tape.backward(loss::cross_entropy(logits, &targets).mean());
        optimizer.set_learning_rate(Schedule::cosine(0.01, updates, 0.0).at(update));
        optimizer.step(&mut model, &gradients);
    }
    curve
}

/// Returns the logits `[B, 36]` of pictures `[B, 9, 7, 1]`.
fn logits<'t>(
    model: &(Lstm<f32>, Linear<f32>),
    pictures: Var<'t, f32>,
    patches: usize,
) -> Var<'t, f32> {
    let batch = pictures.shape()[0];
    let xs = pictures.reshape([batch, patches, PIXELS / patches]).transpose(0, 1);
    Recurrence::new(model).last(xs, model.start(xs.tape(), batch)).0
}

/// Returns the class whose drawing, at one of the nine places, differs from a picture in the fewest pixels.
fn nearest(picture: &[f32]) -> usize {
    let differences = |class: usize| {
        let drawing = Glyphs::pixels(Glyphs::CHARACTERS[class]);
        let at = move |top: usize, left: usize| {
            let ink = |y: usize, x: usize| {
                let [y, x] = [y.wrapping_sub(top), x.wrapping_sub(left)];
                drawing.get(y).and_then(|row| row.get(x)).copied().unwrap_or(false)
            };
            (0..PIXELS).filter(|&i| ink(i / 7, i % 7) != (picture[i] > 0.5)).count()
        };
        (0..9).map(|place| at(place / 3, place % 3)).min()
    };
    (0..CLASSES).min_by_key(|&class| differences(class)).expect("a class")
}
