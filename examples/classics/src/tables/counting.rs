//! Counting languages, of "LSTM recurrent networks learn simple context-free and context-sensitive languages".
//!
//! A net of 2 cells reads `aⁿbⁿ`, and one of 3 cells `aⁿbⁿcⁿ`, between a sign of the beginning and one of the end. They learn
//! the strings with `n` up to 10. A string is right if at every step each symbol that may follow has a larger output than each
//! that may not. The study asks up to which `n` all strings are right, at most 1 000, for an LSTM with peepholes and one
//! without. They are trained by Adam, or by an extended Kalman filter string by string, as in "Kalman filters improve LSTM
//! network performance" (Pérez-Ortiz, Gers, Eck and Schmidhuber 2003).
//!
//! The figure shows the share of the nets that are right up to `n`.

use bptt::trainers::{Decoupling, ExtendedKalman, FirstOrder, Objective, TrainError, Trainer};

use crate::common::counting_strings::Strings;
use crate::common::curves::median;
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "counting",
    shows: "nets that have learned the strings of a counting language up to ten count much further",
    sources: &[(Text::Counting, "III Experiments")],
    run,
};

type Net = (BoxedLayer<f64>, Linear<f64>);
type Make = fn(&mut bptt::Xoshiro256PlusPlus, usize, usize) -> BoxedLayer<f64>;

const CELLS: [(&str, Make); 2] = [
    ("peepholes", |rng, inputs, size| BoxedLayer::new(PeepholeLstm::new(rng, inputs, size))),
    ("no peepholes", |rng, inputs, size| BoxedLayer::new(Lstm::new(rng, inputs, size))),
];
/// The largest `n` of a test, and of the strings to learn.
const LARGEST: usize = 1000;
const LEARNED: usize = 10;

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(10, 1);
    let adam = session.budget(20_000, 5);
    let passes = session.budget(50, 1);
    let mut lines = Lines::new("nets that are right up to n", "n", "share of the nets").log_x();
    let mut found = Vec::new();
    for (letters, language) in [(2, "aⁿbⁿ"), (3, "aⁿbⁿcⁿ")] {
        for (cell, make) in CELLS {
            for (trainer, is_filter) in [("Adam", false), ("Kalman filter", true)] {
                let learn = |seed| {
                    let rng = &mut bptt::rng(seed);
                    let net =
                        (make(rng, letters + 2, letters), Linear::new(rng, letters, letters + 2));
                    let net = if is_filter {
                        filter(net, letters, passes)
                    } else {
                        descend(net, letters, adam)
                    };
                    right_up_to(&net, letters) as f64
                };
                let mut counts = session.seeds(seeds, learn);
                counts.sort_by(f64::total_cmp);
                let name = format!("{language}, {cell}, {trainer}");
                let largest = counts.last().copied().unwrap_or(0.0);
                session.number(&format!("{name}: right up to n, median"), median(&counts));
                session.number(&format!("{name}: right up to n, largest"), largest);
                let share = |index: usize| 1.0 - index as f64 / counts.len() as f64;
                let points = counts.iter().enumerate().map(|(index, n)| (n.max(1.0), share(index)));
                lines = lines.line(&name, points.collect::<Vec<_>>());
                found.push((median(&counts), largest));
            }
        }
    }
    session.figure("counts", &lines.picture())?;
    let claim =
        "LSTM variants are the first RNNs to learn a simple context-sensitive language, aⁿbⁿcⁿ";
    session.claim(Text::Counting, claim).confirmed(
        found[4].0 >= 10.0 && found[4].1 > 10.0,
        &format!("with peepholes and Adam, half of the nets are right up to {} or more, the best up to {}", found[4].0, found[4].1),
    );
    Ok(())
}

/// Trains a net by Adam on all strings at once.
fn descend(mut net: Net, letters: usize, updates: usize) -> Net {
    let schedule = Schedule::cosine(0.01, updates, 0.0);
    let mut trainer = FirstOrder::new(Adam::new(0.01)).max_norm(1.0);
    let numbers: Vec<usize> = (1..=LEARNED).collect();
    let strings = Strings::new(&numbers, letters);
    for update in 0..updates {
        trainer.optimizer_mut().set_learning_rate(schedule.at(update));
        if trainer.step(&mut net, &|net, tape| Objective::loss(strings.loss(net, tape))).is_err() {
            break; // it has diverged, as the count will show
        }
    }
    net
}

/// Trains a net by an extended Kalman filter, string by string.
fn filter(mut net: Net, letters: usize, passes: usize) -> Net {
    let mut trainer = ExtendedKalman::new().decoupling(Decoupling::Nodes);
    for number in (0..passes).flat_map(|_| 1..=LEARNED) {
        let string = Strings::new(&[number], letters);
        match trainer.step(&mut net, &|net, tape| Objective::squares(string.errors(net, tape))) {
            Ok(_) | Err(TrainError::NoProgress { .. }) => {}
            Err(_) => break,
        }
    }
    net
}

/// Returns the largest `n` up to which all strings are right.
fn right_up_to(net: &Net, letters: usize) -> usize {
    let numbers: Vec<usize> = (1..=LARGEST).collect();
    let mut right = 0;
    for numbers in numbers.chunks(25) {
        let prefix = Strings::new(numbers, letters).right(net);
        right += prefix;
        if prefix < numbers.len() {
            break;
        }
    }
    right
}
