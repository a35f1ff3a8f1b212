//! Binary addition: a net that has learned sums of 20 digits adds numbers of 1 000 digits.
//!
//! Both digits of a place arrive at one step, the lowest place first, and the digit of the sum is asked for. What has to
//! be remembered is one bit, the carry:
//!
//! ```text
//! s_t = a_t + b_t + c_{t−1} mod 2        c_t = 1 if a_t + b_t + c_{t−1} ≥ 2
//! ```
//!
//! A memoryless model is right on little more than half of the digits. A net whose hidden units saturate holds the bit
//! exactly, and so is right for any length. The figure shows the share of wrong digits during training.

use bptt::tasks::{Batch, BinaryAddition};

use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "binary-addition",
    shows: "a net that has learned sums of up to 20 digits adds numbers of 1 000 digits",
    sources: &[(Text::Asperti, "Simple problems requiring memory")],
    run,
};

const LONGEST: usize = 20;

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let mut model = (Elman::<f32>::new(rng, 2, 8), Linear::new(rng, 8, 2));
    let mut optimizer = Adam::new(1e-2);
    let mut curve = Vec::new();
    for update in session.steps(1000) {
        let steps = rng.random_range(1..=LONGEST) + 1;
        let Batch { inputs, targets } = BinaryAddition.batch(rng, [steps, 32]);
        let tape = Tape::new();
        let (logits, _) = model.forward(tape.constant(inputs));
        let gradients = tape.backward(loss::cross_entropy(logits, &targets).mean());
        optimizer.step(&mut model, &gradients);
        if update % 20 == 0 {
            curve.push((update as f64, wrong(&model, rng, [LONGEST + 1, 500]).digits));
        }
    }
    for digits in [LONGEST, 100, 1000] {
        let wrong = wrong(&model, rng, [digits + 1, 1000]);
        session.number(&format!("wrong sums of {digits} digits, of 1 000"), wrong.sums as f64);
        session.check(&format!("1 000 sums of {digits} digits are exact"), wrong.sums == 0);
    }
    let memoryless = 1.0 - BinaryAddition.memoryless_accuracy(LONGEST + 1);
    session.number("wrong digits without a memory", memoryless);
    let last = curve.last().map_or(0.0, |&(update, _)| update);
    let picture = Lines::new("binary addition of 20 digits", "update", "share of wrong digits")
        .line("recurrent net of 8 units", curve)
        .dashed("without a memory", [(0.0, memoryless), (last, memoryless)])
        .picture();
    session.figure("wrong-digits", &picture)
}

/// How often a model is wrong.
struct Wrong {
    /// The share of digits.
    digits: f64,
    /// The number of sums with a wrong digit.
    sums: usize,
}

fn wrong(model: &(Elman<f32>, Linear<f32>), rng: &mut impl Rng, shape: [usize; 2]) -> Wrong {
    let Batch { inputs, targets } = BinaryAddition.batch(rng, shape);
    let tape = Tape::inference();
    let answers = model.forward(tape.constant(inputs)).0.value().argmax(-1);
    let is_wrong = |&i: &usize| answers[i] != targets[i];
    let digits = (0..targets.len()).filter(is_wrong).count() as f64 / targets.len() as f64;
    let sums =
        (0..shape[1]).filter(|b| (*b..targets.len()).step_by(shape[1]).any(|i| is_wrong(&i)));
    Wrong { digits, sums: sums.count() }
}
