//! Unsegmented labels: a net reads connected handwriting without being told where a letter begins.
//!
//! Movements of a pen are read, and letters are asked for, by connectionist temporal classification (Graves et al.
//! 2006): the loss is the negative logarithm of the probability of the letters, summed over all ways to place them in
//! time. Greedy decoding takes the most probable class of each step, merges repetitions and removes blanks.
//!
//! A single stroke belongs to several letters. So the same net fails if its state is reset before each step. The figure
//! shows the probabilities of the letters over the time of one unseen sequence.

use bptt::tasks::{Batch, Handwriting};

use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "unsegmented-labels",
    shows: "a net reads connected handwriting without being told where a letter begins",
    sources: &[(Text::Crowley, "History")],
    run,
};

const BLANK: usize = 0;
const STEPS: usize = 60;
const UNSEEN: usize = 500;

#[derive(Module)]
struct Model<T> {
    layer: Bidirectional<Lstm<T>>,
    output: Linear<T>,
    #[module(skip)]
    has_memory: bool,
}

fn run(session: &mut Session) -> Result<()> {
    let task = Handwriting::new().noise(0.2);
    let updates = session.budget(1000, 20);
    let [reader, memoryless] =
        [true, false].map(|has_memory| trained(session, task, updates, has_memory));
    let reader = reader?;
    let unseen = task.batch(&mut bptt::rng(1), [STEPS, UNSEEN]);
    let [right, memoryless] = [&reader, &memoryless?].map(|model| right(model, &unseen));
    session.number("share of 500 unseen sequences that are read without a fault", right);
    session.number("the same, with the state reset before each step", memoryless);
    session.check("at least 95 % of the sequences are read without a fault", right >= 0.95);
    session.check("without a memory, hardly any are", memoryless < 0.05);

    let tape = Tape::inference();
    let logits = reader.logits(&tape, &unseen.inputs);
    let probabilities = logits.softmax(-1).value();
    let classes = Handwriting::LETTERS.len() + 1;
    let of_first = Tensor::from_fn([classes, STEPS], |i| probabilities[[i % STEPS, 0, i / STEPS]]);
    let letters: String =
        unseen.targets[0].iter().map(|&class| Handwriting::LETTERS[class - 1]).collect();
    let names = Handwriting::LETTERS.iter().map(char::to_string);
    let picture = HeatMap::matrix(&format!("the letters {letters}"), "class", "step", &of_first)
        .rows(std::iter::once("blank".to_owned()).chain(names))
        .between(0.0, 1.0)
        .quantity("probability")
        .picture();
    session.figure("letters", &picture)
}

impl<T: Scalar> Model<T> {
    /// Returns the logits `[T, B, C]`.
    fn logits<'t>(&self, tape: &'t Tape<T>, inputs: &Tensor<T>) -> Var<'t, T> {
        let &[steps, batch, _] = &inputs.shape()[..] else { unreachable!("a sequence") };
        let resets = Tensor::full([steps, batch], T::of(f64::from(!self.has_memory)));
        let run = Recurrence::new(&self.layer).resets(&resets);
        let (hs, _) = run.run(tape.constant(inputs.clone()), self.layer.start(tape, batch));
        self.output.forward(hs)
    }
}

fn trained(
    session: &Session,
    task: Handwriting,
    updates: usize,
    has_memory: bool,
) -> Result<Model<f32>> {
    let rng = &mut bptt::rng(0);
    let [forward, backward] = [(); 2].map(|()| Lstm::new(rng, 2, 32));
    let layer = Bidirectional::new(forward, backward);
    let output = Linear::new(rng, 64, Handwriting::LETTERS.len() + 1);
    let mut model = Model { layer, output, has_memory };
    let schedule = Schedule::constant(5e-3);
    train(session.steps(updates), &mut model, schedule, |model, tape| {
        let Batch { inputs, targets } = task.batch(rng, [STEPS, 32]);
        loss::ctc(model.logits(tape, &inputs), &[STEPS; 32], &targets, BLANK).mean()
    })?;
    Ok(model)
}

/// Returns the share of sequences whose letters greedy decoding finds.
fn right(model: &Model<f32>, batch: &Batch<Tensor<f32>, Vec<Vec<usize>>>) -> f64 {
    let tape = Tape::inference();
    let best = model.logits(&tape, &batch.inputs).value().argmax(-1);
    let sequences = batch.targets.len();
    let is_right = |&(b, letters): &(usize, &Vec<usize>)| {
        let mut path: Vec<usize> = best.iter().skip(b).step_by(sequences).copied().collect();
        path.dedup();
        path.retain(|&class| class != BLANK);
        path == *letters
    };
    batch.targets.iter().enumerate().filter(is_right).count() as f64 / sequences as f64
}
