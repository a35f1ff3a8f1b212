//! Experiments 4 and 5 of "Long short-term memory": the sum and the product of two marked numbers.
//!
//! Two numbers among at least `T` are marked, and their sum or product is to be said at the end. A net has learned the sum when
//! the 2 000 most recent answers were closer than 0.04, and their mean error below 0.01. For the product, fewer than 140, then
//! fewer than 13 of these answers may be wrong. 2 560 new sequences then judge it.

use crate::common::nets_of_1997::{adding, multiplication};
use crate::common::published::{Published, Row, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "marked-numbers",
    shows: "it is open after how many sequences nets of memory blocks add and multiply numbers",
    sources: &[(Text::Lstm, "5.4 Experiment 4"), (Text::Lstm, "5.5 Experiment 5")],
    run,
};

/// `T`, and the published number of sequences, and of wrong answers among 2 560.
const SUMS: [(usize, u64, f64); 2] = [(100, 74_000, 1.0), (500, 209_000, 0.0)];
/// The wrong answers among the last 2 000, and what was published.
const PRODUCTS: [(usize, u64, f64); 2] = [(140, 482_000, 139.0), (13, 1_273_000, 14.0)];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(10, 2);
    let mut table = Table::new(["task", "published", "as described"]);
    for (steps, sequences, wrong) in SUMS {
        let published = Published::tested(sequences, Some(wrong));
        let row = Row { label: format!("adding, T = {steps}"), rule: 0, published };
        compare(session, &mut table, row, &[("as described", adding(steps))], seeds)?;
    }
    for (rule, (bound, sequences, wrong)) in PRODUCTS.into_iter().enumerate() {
        let published = Published::tested(sequences, Some(wrong));
        let row =
            Row { label: format!("multiplication, fewer than {bound} wrong"), rule, published };
        compare(session, &mut table, row, &[("as described", multiplication())], seeds)?;
    }
    session.table(table);
    Ok(())
}
