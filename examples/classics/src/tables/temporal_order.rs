//! Experiments 6a and 6b of "Long short-term memory": temporal order.
//!
//! Two or three symbols, X or Y, stand at random places among some hundred distractors. At the end, the net says which they
//! were, in order. It has learned when its 2 000 most recent answers were right, with a mean error below 0.1. 2 560 new
//! sequences then judge it.

use crate::common::nets_of_1997::temporal_order;
use crate::common::published::{AS_DESCRIBED, Published, Row, table};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "temporal-order",
    shows: "nets of memory blocks tell the order of symbols that are far apart",
    sources: &[(Text::Lstm, "5.6 Experiment 6")],
    run,
};

/// The experiment, the number of symbols, the trials of the paper, and what was published.
const ROWS: [(&str, usize, usize, Published); 2] = [
    ("6a", 2, 20, Published::after(31_390).wrong(1.0)),
    ("6b", 3, 10, Published::after(571_100).wrong(2.0)),
];

fn run(session: &mut Session) -> Result<()> {
    let rows = ROWS.map(|(name, places, trials, published)| {
        let (label, trials) = (format!("{name}, {places} symbols"), session.budget(trials, 2));
        Row { label, experiment: temporal_order(places), rule: 0, published, trials }
    });
    let trials: usize = rows.iter().map(|row| row.trials).sum();
    let found = table(session, "task", rows, &[AS_DESCRIBED])?;
    let learned: usize = found.iter().map(|[found]| found.len()).sum();
    let claim = "LSTM is able to extract information conveyed by the temporal order of widely separated inputs";
    session.claim(Text::Lstm, claim).confirmed(
        10 * learned >= 9 * trials,
        &format!("{learned} of {trials} trials have learned it"),
    );
    Ok(())
}
