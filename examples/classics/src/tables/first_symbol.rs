//! Experiments 2a to 2c of "Long short-term memory": a symbol that comes back after a long lag.
//!
//! In 2a and 2b, a sequence begins and ends with x or y. Between are 99 symbols, always the same or random, and every next
//! symbol is to be predicted. In 2c, the second symbol comes back after a trigger, at least `q + 1` steps later, among `p`
//! distractors. A net has learned when it makes no mistake in 10 000 new sequences, which are tried every 20 or 50 sequences.

use crate::common::nets_of_1997::{first_and_last, trigger};
use crate::common::published::{Published, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "first-symbol",
    shows: "nets of memory blocks learn what a symbol says a hundred steps later",
    sources: &[(Text::Lstm, "5.2 Experiment 2")],
    run,
};

/// The lag `q` and the distractors `p` of experiment 2c.
const TRIGGERS: [(usize, usize, u64); 3] =
    [(50, 50, 30_000), (100, 100, 31_000), (200, 200, 33_000)];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(20, 2);
    let mut table = Table::new(["task", "published", "as described"]);
    for (is_random, sequences) in [(false, 5_040), (true, 5_680)] {
        let variants = [("as described", first_and_last(100, is_random))];
        compare(session, &mut table, &variants, (0, Published::of(100, sequences)), seeds)?;
    }
    for (q, p, sequences) in TRIGGERS {
        let variants = [("as described", trigger(p, q))];
        compare(session, &mut table, &variants, (0, Published::of(100, sequences)), seeds)?;
    }
    session.table(table);
    Ok(())
}
