//! Experiments 3a to 3c of "Long short-term memory": the two-sequence problem.
//!
//! The first `N` of at least `T` numbers tell a class, and noise follows. In 3b, noise is added to these numbers as well. In
//! 3c, it is added to the targets, whose means are to be learned. A net has learned when its answers to a test set of 256
//! sequences are close enough, which is tried every 100 sequences. 2 560 new sequences then judge it.

use crate::common::nets_of_1997::two_sequence;
use crate::common::published::{Published, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "two-sequence",
    shows: "nets of memory blocks learn a class from the first numbers among noise, and a mean from noisy targets",
    sources: &[(Text::Lstm, "5.3 Experiment 3")],
    run,
};

/// The experiment, `T`, `N`, the number of its last rule, and what was published.
const ROWS: [(char, usize, usize, usize, Published); 6] = [
    ('a', 100, 3, 1, Published::examined(39_850, 0.5)),
    ('a', 100, 1, 1, Published::examined(64_330, 0.3)),
    ('b', 100, 3, 1, Published::examined(43_250, 21.2)),
    ('b', 100, 1, 1, Published::examined(78_430, 38.4)),
    ('c', 100, 3, 0, Published::examined(269_650, 14.3)),
    ('c', 100, 1, 0, Published::examined(565_640, 11.3)),
];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(10, 2);
    let mut table = Table::new(["task", "published", "as described"]);
    for (letter, steps, signal, rule, published) in ROWS {
        let variants = [("as described", two_sequence(letter, steps, signal))];
        compare(session, &mut table, &variants, (rule, published), seeds)?;
    }
    session.table(table);
    Ok(())
}
