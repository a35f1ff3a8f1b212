//! Sorting by a pointer network: the symbols of the output are the positions of the input.
//!
//! An encoder reads ten numbers. A decoder points at the smallest, reads it, points at the next one, and so on (Vinyals,
//! Fortunato and Jaitly 2015):
//!
//! ```text
//! p(position s at step t) = softmax_s(v · tanh(W₁ m_s + W₂ h_t))
//! ```
//!
//! A number that was pointed to cannot be chosen again, in training as well (Bello et al. 2016). A random order
//! is right in one of 10! cases. The figure shows the pointers for one input that the net was not trained on.

use bptt::tasks::{Batch, Sorting};

use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "sorting",
    shows: "a pointer network sorts at least 95 % of 500 unseen inputs of ten numbers without a fault",
    sources: &[(Text::Tan, "Abstract")],
    run,
};

const NUMBERS: usize = 10;
const HIDDEN: usize = 64;
const UNSEEN: usize = 500;

fn run(session: &mut Session) -> Result<()> {
    let updates = session.budget(4000, 20);
    let rng = &mut bptt::rng(0);
    let mut network = PointerNetwork {
        encoder: Lstm::<f32>::new(rng, 1, HIDDEN),
        decoder: Lstm::new(rng, 1, HIDDEN),
        first: Param::new(Tensor::zeros([1])),
        attention: Attention::additive(rng, HIDDEN, HIDDEN, HIDDEN),
        permutes: true,
    };
    let schedule = Schedule::one_cycle(0.01, updates);
    train(session.steps(updates), &mut network, schedule, |network, tape| {
        let Batch { inputs, targets } = Sorting.batch(rng, [NUMBERS, 64]);
        let logits = network.teacher_forced(tape.constant(inputs), None, &targets);
        loss::cross_entropy(logits, &targets).mean()
    })?;
    let Batch { inputs, targets } = Sorting.batch(&mut bptt::rng(1), [NUMBERS, UNSEEN]);
    let tape = Tape::inference();
    let xs = tape.constant(inputs.clone());
    let pointers = network.greedy(xs, None, NUMBERS);
    let is_sorted =
        |b: &usize| (0..NUMBERS).all(|t| pointers[t * UNSEEN + b] == targets[t * UNSEEN + b]);
    let sorted = (0..UNSEEN).filter(is_sorted).count() as f64 / UNSEEN as f64;
    session.number("share of 500 unseen inputs that are sorted without a fault", sorted);
    session.number("share by chance", Sorting.chance(NUMBERS));
    session.check("at least 95 % are sorted without a fault", sorted >= 0.95);

    let probabilities = network.teacher_forced(xs, None, &targets).softmax(-1).value();
    let of_first = Tensor::from_fn([NUMBERS; 2], |i| probabilities[[i / NUMBERS, 0, i % NUMBERS]]);
    let picture = HeatMap::matrix("pointers while sorting", "step", "number", &of_first)
        .columns((0..NUMBERS).map(|s| format!("{:.2}", inputs[[s, 0, 0]])))
        .between(0.0, 1.0)
        .quantity("probability")
        .picture();
    session.figure("pointers", &picture)
}
