//! Experiments 2a and 2b of "Long short-term memory": a first symbol that comes back after `p` steps.
//!
//! A sequence begins and ends with x or y. Between are `p − 1` symbols, always the same (2a) or random (2b), and every next
//! symbol is to be predicted. The cell is added to the net after 1 000 sequences. A net has learned when it makes no mistake in
//! 10 000 new sequences, which is tried every 20 sequences. A net that has read 20 000 sequences has failed.
//!
//! The second table has the same task for a net without a cell, which learns by back-propagation through time.

use crate::common::nets_of_1997::{Squash, first_and_last, first_and_last_by_bptt};
use crate::common::published::{AS_DESCRIBED, Published, Row, Variant, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "first-symbol",
    shows: "it is open whether a cell with an input gate learns to keep a symbol for a hundred steps",
    sources: &[(Text::Lstm, "5.2 Experiment 2")],
    run,
};

const VARIANTS: [Variant; 2] =
    [AS_DESCRIBED, ("g within 2", |it| it.architecture.g = Squash::Within(2.0))];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(10, 2);
    let rows = [
        ("2a, p = 20", first_and_last(20, false), Published::NONE),
        ("2a, p = 100", first_and_last(100, false), Published::of(100, 5_040)),
        ("2b, p = 100", first_and_last(100, true), Published::of(100, 5_680)),
    ];
    let mut found = Vec::new();
    let [first, second] = VARIANTS.map(|(name, _)| name);
    let mut table = Table::new(["task", "published", first, second]);
    for (label, experiment, published) in rows {
        let row = Row { label: label.to_owned(), experiment, rule: 0, published };
        found.push(compare(session, &mut table, row, &VARIANTS, seeds)?[0].len());
    }
    session.table(table);
    let mut table = Table::new(["task", "published", first]);
    let (label, published) = ("2a, p = 100, by BPTT".to_owned(), Published::never());
    let row = Row { label, experiment: first_and_last_by_bptt(100), rule: 0, published };
    compare(session, &mut table, row, &[AS_DESCRIBED], seeds)?;
    session.table(table);
    session.check("all nets learn at p = 20", found[0] == seeds);
    session.claim(Text::Lstm, "LSTM, however, always learned to solve the task").refuted(
        found[1..].iter().all(|&count| 2 * count < seeds),
        &format!("of {seeds} nets as described, {:?} learn 2a and 2b at p = 100", &found[1..]),
    );
    Ok(())
}
