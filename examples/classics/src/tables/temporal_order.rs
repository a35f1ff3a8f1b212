//! Experiments 6a and 6b of "Long short-term memory": temporal order.
//!
//! Two or three symbols, X or Y, stand at random places among some hundred distractors. At the end, the net says which they
//! were, in order. It has learned when its 2 000 most recent answers were right, with a mean error below 0.1. 2 560 new
//! sequences then judge it.

use crate::common::nets_of_1997::temporal_order;
use crate::common::published::{Published, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "temporal-order",
    shows: "nets of memory blocks tell the order of symbols that are far apart",
    sources: &[(Text::Lstm, "5.6 Experiment 6")],
    run,
};

/// The number of symbols, the trials of the paper, and what was published.
const ROWS: [(usize, usize, Published); 2] =
    [(2, 20, Published::examined(31_390, 1.0)), (3, 10, Published::examined(571_100, 2.0))];

fn run(session: &mut Session) -> Result<()> {
    let mut table = Table::new(["task", "published", "as described"]);
    for (places, trials, published) in ROWS {
        let seeds = session.budget(trials, 2);
        let variants = [("as described", temporal_order(places))];
        compare(session, &mut table, &variants, (0, published), seeds)?;
    }
    session.table(table);
    Ok(())
}
