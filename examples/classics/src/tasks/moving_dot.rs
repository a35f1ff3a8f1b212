//! A label for each frame of a film: a recurrence of convolutions sees how a dot moved.
//!
//! ```text
//! h_t = tanh(x_t ∗ W_xh + h_{t−1} ∗ W_hh + b)      state [B, H, W, C]: an image of features
//! y_t = softmax(max_{pixels} h_t V + c)
//! ```
//!
//! The dot rests or moves by a pixel: up, down, left or right. One frame alone does not tell which. Since a convolution
//! does the same at every pixel, a move is learned once for all places (Shi et al. 2015, here without gates). The same
//! net without `W_hh` is the baseline: it reaches what the best memoryless answer does.
//!
//! The figures show the accuracy over training, and one film with the probability of its labels.

use bptt::metrics::accuracy;
use bptt::tasks::{Batch, Move, MovingDot};

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "moving-dot",
    shows: "a recurrence of convolutions labels each frame of a film by how a dot moved",
    sources: &[
        (Text::Int301, "RNN Architecture"),
        (Text::Asperti, "An old but wondrous blog"),
        (Text::Crowley, "Recurrent Neural Networks"),
    ],
    run,
};

const SIDE: usize = 8;
const CHANNELS: usize = 12;
const EXTENTS: [usize; 2] = [12, 32]; // [T, B]

fn run(session: &mut Session) -> Result<()> {
    let film = MovingDot::new(SIDE, SIDE).noise(0.1);
    let updates = session.budget(300, 12);
    let runs = session.seeds(2, |seed| train(&film, seed == 0, updates));
    let [recurrent, memoryless] = &runs[..] else { return Ok(()) }; // stopped
    let floor = film.memoryless_accuracy(EXTENTS[0]);
    let [last, without] = [recurrent, memoryless].map(|run| run.curve[run.curve.len() - 1].1);
    session.number("frames labelled right", last);
    session.number("frames labelled right, without a memory", without);
    session.number("frames labelled right by the best memoryless answer", floor);
    session.check("nine in ten frames are labelled right", last > 0.9);
    session.check("without a memory, no more than by the best answer", without < floor + 0.03);
    let lines =
        Lines::new("films that were not trained on", "update", "share of frames labelled right")
            .line("recurrence of convolutions", recurrent.curve.clone())
            .line("convolution alone", memoryless.curve.clone())
            .dashed("best memoryless answer", [(0.0, floor), (updates as f64, floor)]);
    session.figure("accuracy", &lines.picture())?;
    let labels = recurrent.labels.transpose(0, 1);
    let labels = HeatMap::matrix("a film: labels by frame", "label", "what happened", &labels)
        .rows(["rests", "goes up ↑", "goes down ↓", "goes left ←", "goes right →"])
        .columns(recurrent.truth.iter().map(|&class| ["·", "↑", "↓", "←", "→"][class]))
        .between(0.0, 1.0)
        .quantity("probability");
    session.figure("film", &labels.picture().sized(700, 260))
}

/// How a net learned, and how it labels one film.
struct Run {
    /// The share of right labels by update.
    curve: Vec<(f64, f64)>,
    /// Probabilities `[T, 5]`.
    labels: Tensor<f32>,
    truth: Vec<usize>,
}

fn train(film: &MovingDot, is_recurrent: bool, updates: usize) -> Run {
    let rng = &mut bptt::rng(0);
    let mut net = Net {
        read: Conv2d::new(rng, 1, CHANNELS, [3, 3]).same(),
        carry: Conv2d::new(rng, CHANNELS, CHANNELS, [3, 3]).same().bias(false),
        output: Linear::new(rng, CHANNELS, Move::ALL.len()),
    };
    let test = film.batch(rng, [EXTENTS[0], 200]);
    let (mut optimizer, mut curve) = (Adam::new(0.01), vec![]);
    for update in 0..=updates {
        if update % (updates / 12).max(1) == 0 {
            let tape = Tape::inference();
            let logits = net.logits(tape.constant(test.inputs.clone()), is_recurrent).value();
            curve.push((update as f64, accuracy(&logits, &test.targets, None)));
        }
        let Batch { inputs, targets } = film.batch(rng, EXTENTS);
        let tape = Tape::new();
        let logits = net.logits(tape.constant(inputs), is_recurrent);
        let gradients = tape.backward(loss::cross_entropy(logits, &targets).mean());
        optimizer.step(&mut net, &gradients);
    }
    let tape = Tape::inference();
    let one = net.logits(tape.constant(test.inputs.slice(1, 0..1)), is_recurrent);
    let labels = one.softmax(-1).reshape([EXTENTS[0], Move::ALL.len()]).value();
    let truth = test.targets.iter().copied().step_by(200).collect();
    Run { curve, labels, truth }
}

#[derive(Module)]
#[module(scalar = f32)]
struct Net {
    read: Conv2d<f32>,
    carry: Conv2d<f32>,
    output: Linear<f32>,
}

impl Net {
    /// Returns the logits `[T, B, 5]` of frames `[T, B, H, W, 1]`.
    fn logits<'t>(&self, frames: Var<'t, f32>, is_recurrent: bool) -> Var<'t, f32> {
        let tape = frames.tape();
        let read = self.read.forward(frames); // of all frames at once
        let start = tape.constant(Tensor::zeros([frames.shape()[1], SIDE, SIDE, CHANNELS]));
        let images = tape.scan(read, start).run(|read, h| {
            let h = if is_recurrent { read + self.carry.forward(h) } else { read }.tanh();
            (h.max(&[1, 2]), h)
        });
        self.output.forward(images.outputs)
    }
}
