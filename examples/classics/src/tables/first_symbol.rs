//! Experiments 2a and 2b of "Long short-term memory": a first symbol that comes back after a hundred steps.
//!
//! A sequence begins and ends with x or y. Between are 99 symbols, always the same or random, and every next symbol is to be
//! predicted. The cell is added to the net after 1 000 sequences. A net has learned when it makes no mistake in 10 000 new
//! sequences, which is tried every 20 sequences.

use crate::common::nets_of_1997::first_and_last;
use crate::common::published::{Published, Row, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "first-symbol",
    shows: "it is open whether a cell with an input gate learns to keep a symbol for a hundred steps",
    sources: &[(Text::Lstm, "5.2 Experiment 2")],
    run,
};

/// The experiment, whether symbols between are random, and the published number of sequences.
const ROWS: [(&str, bool, u64); 2] = [("2a", false, 5_040), ("2b", true, 5_680)];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(18, 2);
    let mut table = Table::new(["task", "published", "as described"]);
    for (name, is_random, sequences) in ROWS {
        let published = Published::of(100, sequences);
        let row = Row { label: format!("{name}, p = 100"), rule: 0, published };
        let variants = [("as described", first_and_last(100, is_random))];
        compare(session, &mut table, row, &variants, seeds)?;
    }
    session.table(table);
    Ok(())
}
