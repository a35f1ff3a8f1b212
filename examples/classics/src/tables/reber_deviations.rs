//! Experiment 1 of "Long short-term memory", with other gradients and other deviations.
//!
//! The network as described often fails to learn the embedded Reber grammar. The first table tries what may differ from the
//! paper's program, on the row of 3 blocks of 2 with the rate 0.1. The second has the net of Elman (1990), of 15 units without
//! biases. The third asks on all five rows whether the truncated gradient is the reason: it has updates after each string, by the
//! truncated gradient and by the full one.

use super::embedded_reber::rows;
use crate::common::nets_of_1997::{Experiment, Shortcuts, Signal, Squash, Update, elman};
use crate::common::published::{AS_DESCRIBED, Published, Row, Variant, table};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "reber-deviations",
    shows: "by the full gradient, most nets as described learn the embedded Reber grammar; by the truncated one, few do",
    sources: &[(Text::Lstm, "5.1 Experiment 1")],
    run,
};

/// Variants with updates after each string.
const GRADIENTS: [Variant; 4] = [
    ("truncated gradient", |it| it.architecture.update = Update::Sequence),
    ("full gradient", full),
    ("full gradient, h within 2", full_and_wide),
    ("full gradient, h within 2, softmax", |it| {
        full_and_wide(it);
        it.architecture.signal = Signal::CrossEntropy;
    }),
];

/// What may differ from the paper's program, tried on its second row.
const ABLATIONS: [Variant; 7] = [
    AS_DESCRIBED,
    ("first activations ½", |it| it.architecture.start = 0.5),
    ("h within 2", |it| it.architecture.h = Squash::Within(2.0)),
    ("blocks added after 5 000 and 10 000 strings", |it| it.added_at = &[0, 5_000, 10_000]),
    ("biased outputs", |it| it.architecture.has_output_biases = true),
    ("shortcuts alone", |it| it.architecture.shortcuts = Shortcuts::Random),
    ("shortcuts from 0 and biased outputs", |it| {
        it.architecture.shortcuts = Shortcuts::Zero;
        it.architecture.has_output_biases = true;
    }),
];

fn full(it: &mut Experiment) {
    it.architecture.update = Update::FullGradient;
}

fn full_and_wide(it: &mut Experiment) {
    full(it);
    it.architecture.h = Squash::Within(2.0);
}

fn run(session: &mut Session) -> Result<()> {
    let (trials, few) = (session.budget(32, 2), session.budget(10, 2));
    let [_, row, ..] = rows(trials);
    let deviations = ABLATIONS.map(|(name, deviate)| {
        let mut row = Row { label: name.to_owned(), ..row.clone() };
        deviate(&mut row.experiment);
        row
    });
    table(session, "deviation", deviations, &[("3 blocks of 2, rate 0.1", |_| {})])?;
    let nets = [0.05, 0.1, 0.2].map(|rate| Row {
        label: format!("Elman net of 15 units, rate {rate}"),
        experiment: elman(15, rate),
        rule: 0,
        published: Published::never(),
        trials: few,
    });
    let learned = table(session, "net", nets, &[("no biases", |_| {})])?;
    session.check(
        "no Elman net learns the task within 200 000 strings",
        learned.iter().all(|[found]| found.is_empty()),
    );
    let learned = table(session, "net, updates after each string", rows(trials), &GRADIENTS)?;
    session.check(
        "in each row, more nets learn by the full gradient than by the truncated one",
        learned.iter().all(|[truncated, full, ..]| full.len() > truncated.len()),
    );
    Ok(())
}
