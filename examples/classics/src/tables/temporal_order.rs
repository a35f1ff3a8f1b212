//! Experiments 6a and 6b of "Long short-term memory": temporal order.
//!
//! Two or three symbols, X or Y, stand at random places among some hundred distractors. At the end, the net says which they
//! were, in order. It has learned when its 2 000 most recent answers were right, with a mean error below 0.1. 2 560 new
//! sequences then judge it.

use crate::common::nets_of_1997::temporal_order;
use crate::common::published::{AS_DESCRIBED, Published, Row, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "temporal-order",
    shows: "nets of memory blocks tell the order of symbols that are far apart",
    sources: &[(Text::Lstm, "5.6 Experiment 6")],
    run,
};

/// The experiment, the number of symbols, the trials of the paper, and what was published.
const ROWS: [(&str, usize, usize, Published); 2] = [
    ("6a", 2, 20, Published::tested(31_390, Some(1.0))),
    ("6b", 3, 10, Published::tested(571_100, Some(2.0))),
];

fn run(session: &mut Session) -> Result<()> {
    let mut table = Table::new(["task", "published", "as described"]);
    let (mut learned, mut trials) = (0, 0);
    for (name, places, count, published) in ROWS {
        let seeds = session.budget(count, 2);
        let label = format!("{name}, {places} symbols");
        let row = Row { label, experiment: temporal_order(places), rule: 0, published };
        let [found] = compare(session, &mut table, row, &[AS_DESCRIBED], seeds)?;
        (learned, trials) = (learned + found.len(), trials + seeds);
    }
    session.table(table);
    let claim = "LSTM is able to extract information conveyed by the temporal order of widely separated inputs";
    session
        .claim(Text::Lstm, claim)
        .confirmed(learned == trials, &format!("{learned} of {trials} trials have learned it"));
    Ok(())
}
