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

use crate::common::training::train;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "binary-addition",
    shows: "a net that has learned sums of 20 digits adds numbers of 1 000 digits",
    sources: &[(Text::Asperti, "Simple problems requiring memory")],
    run,
};

const DIGITS: usize = 20;

type Net = (Elman<f32>, Linear<f32>);

fn run(session: &mut Session) -> Result<()> {
    let rng = &mut bptt::rng(0);
    let mut net: Net = (Elman::new(rng, 2, 8), Linear::new(rng, 8, 2));
    let mut wrong = Vec::new();
    train(session.steps(1000), &mut net, Schedule::constant(0.01), |net, tape| {
        let Batch { inputs, targets } = BinaryAddition.batch(rng, [DIGITS + 1, 32]);
        let (logits, _) = net.forward(tape.constant(inputs));
        wrong.push(1.0 - metrics::accuracy(&logits.value(), &targets, None));
        loss::cross_entropy(logits, &targets).mean()
    })?;
    for digits in [DIGITS, 100, 1000] {
        let wrong = wrong_sums(&net, &mut bptt::rng(1), digits);
        session.number(&format!("wrong sums of {digits} digits, of 1 000"), wrong as f64);
        session.check(&format!("1 000 sums of {digits} digits are exact"), wrong == 0);
    }
    let memoryless = 1.0 - BinaryAddition.memoryless_accuracy(DIGITS + 1);
    session.number("share of wrong digits without a memory", memoryless);
    let means = wrong.chunks(10).map(|wrong| wrong.iter().sum::<f64>() / wrong.len() as f64);
    let picture = Lines::new("binary addition of 20 digits", "update", "share of wrong digits")
        .line("recurrent net of 8 units", (0..50).map(|i| 10.0 * f64::from(i)).zip(means))
        .dashed("without a memory", [(0.0, memoryless), (490.0, memoryless)])
        .picture();
    session.figure("wrong-digits", &picture)
}

/// Returns how many of 1 000 sums have a wrong digit.
fn wrong_sums(net: &Net, rng: &mut impl Rng, digits: usize) -> usize {
    let Batch { inputs, targets } = BinaryAddition.batch(rng, [digits + 1, 1000]);
    let tape = Tape::inference();
    let answers = net.forward(tape.constant(inputs)).0.value().argmax(-1);
    let is_wrong = |&b: &usize| (b..targets.len()).step_by(1000).any(|i| answers[i] != targets[i]);
    (0..1000).filter(is_wrong).count()
}
