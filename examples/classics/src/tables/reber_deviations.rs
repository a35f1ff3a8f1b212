//! Experiment 1 of "Long short-term memory", with deviations one at a time.
//!
//! The network as described rarely learns the embedded Reber grammar. The first table asks on all five rows whether the
//! truncated gradient is the reason. The second tries what else may differ from the paper's program, on the row of 3 blocks of 2
//! with the rate 0.1. It also has the net of Elman (1990), of 15 units.

use super::embedded_reber::{ROWS, rows};
use crate::common::nets_of_1997::{
    Experiment, Shortcuts, Signal, Squash, Update, elman, embedded_reber,
};
use crate::common::published::{AS_DESCRIBED, Published, Row, Variant, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "reber-deviations",
    shows: "what helps the nets of 1997 to learn the embedded Reber grammar, and what does not",
    sources: &[(Text::Lstm, "5.1 Experiment 1")],
    run,
};

/// Variants with updates after each string, by the gradient through all its steps.
const FULL: [Variant; 3] = [
    ("full gradient", full),
    ("also h within 2", |it| {
        full(it);
        it.architecture.h = Squash::Within(2.0);
    }),
    ("also softmax", |it| {
        full(it);
        it.architecture.h = Squash::Within(2.0);
        it.architecture.signal = Signal::CrossEntropy;
    }),
];

/// What else may differ from the paper's program, tried on its second row.
const ABLATIONS: [Variant; 8] = [
    AS_DESCRIBED,
    ("updates after each string", |it| it.architecture.update = Update::Sequence),
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

/// The column of the second table.
const COLUMN: Variant = ("3 blocks of 2, rate 0.1", |_| {});

fn full(it: &mut Experiment) {
    it.architecture.update = Update::FullGradient;
}

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(32, 2);
    rows(session, &FULL, seeds)?;
    let mut table = Table::new(["deviation", "published", COLUMN.0]);
    let (blocks, size, rate, published) = ROWS[1];
    for (name, deviate) in ABLATIONS {
        let mut experiment = embedded_reber(blocks, size, rate);
        deviate(&mut experiment);
        let row = Row { label: name.to_owned(), experiment, rule: 0, published };
        compare(session, &mut table, row, &[COLUMN], seeds)?;
    }
    session.table(table);
    let mut table = Table::new(["net", "published", AS_DESCRIBED.0]);
    let (label, published) = ("Elman net of 15 units, rate 0.1".to_owned(), Published::never());
    let row = Row { label, experiment: elman(15, 0.1), rule: 0, published };
    let [learned] = compare(session, &mut table, row, &[AS_DESCRIBED], seeds)?;
    session.table(table);
    session.claim(Text::Lstm, "Elman nets do not learn the task").confirmed(
        learned.is_empty(),
        &format!("{} of {seeds} Elman nets have learned it", learned.len()),
    );
    Ok(())
}
