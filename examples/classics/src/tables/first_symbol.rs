//! Experiments 2a and 2b of "Long short-term memory": a first symbol that comes back after `p` steps.
//!
//! A sequence begins and ends with x or y. Between are `p − 1` symbols, always the same (2a) or random (2b), and every next
//! symbol is to be predicted. The cell is added to the net after 1 000 sequences. A net has learned when it makes no mistake in
//! 10 000 new sequences, which is tried every 20 sequences. A net that has read 10 000 sequences has failed.
//!
//! The second table has the same task for a net without a cell, which learns by back-propagation through time.

use crate::common::nets_of_1997::{Squash, first_and_last, first_and_last_by_bptt};
use crate::common::published::{AS_DESCRIBED, Published, Row, Variant, table};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "first-symbol",
    shows: "a cell with an input gate learns to keep a symbol for twenty steps, but none does for a hundred within 10 000 sequences",
    sources: &[(Text::Lstm, "5.2 Experiment 2")],
    run,
};

const VARIANTS: [Variant; 2] =
    [AS_DESCRIBED, ("g within 2", |it| it.architecture.g = Squash::Within(2.0))];

fn run(session: &mut Session) -> Result<()> {
    let trials = session.budget(10, 2);
    let row = |label: &str, experiment, published| Row {
        label: label.to_owned(),
        experiment,
        rule: 0,
        published,
        trials,
    };
    let rows = [
        row("2a, p = 20", first_and_last(20, false), Published::NONE),
        row("2a, p = 100", first_and_last(100, false), Published::of(100, 5_040)),
        row("2b, p = 100", first_and_last(100, true), Published::of(100, 5_680)),
    ];
    let found = table(session, "task", rows, &VARIANTS)?;
    let bptt = row("2a, p = 100", first_and_last_by_bptt(100), Published::never());
    let without = table(session, "task, without a cell, by BPTT", [bptt], &[("rate 1", |_| {})])?;
    session.check("by BPTT, no net learns within 10 000 sequences", without[0][0].is_empty());
    let counts = found.iter().map(|row| row[0].len()).collect::<Vec<_>>();
    session.claim(Text::Lstm, "LSTM, however, always learned to solve the task").qualified(
        counts == [trials, 0, 0],
        &format!(
            "of {trials} nets as described, {counts:?} learn the three rows within 10 000 sequences"
        ),
    );
    Ok(())
}
