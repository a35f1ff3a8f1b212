//! Experiments 4 and 5 of "Long short-term memory": the sum and the product of two marked numbers.
//!
//! Two numbers among at least `T` are marked, and their sum or product is to be said at the end. A net has learned the sum when
//! the 2 000 most recent answers were closer than 0.04, and their mean error below 0.01. For the product, fewer than 140, then
//! fewer than 13 of these answers may be wrong. 2 560 new sequences then judge it.

use crate::common::nets_of_1997::{Task, adding, multiplication};
use crate::common::published::{AS_DESCRIBED, Published, Row, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "marked-numbers",
    shows: "it is open after how many sequences nets of memory blocks add and multiply numbers",
    sources: &[(Text::Lstm, "5.4 Experiment 4"), (Text::Lstm, "5.5 Experiment 5")],
    run,
};

/// The published number of sequences, and of wrong answers among 2 560: of sums for `T`, and of products for the number of
/// wrong answers among the last 2 000.
const SUMS: [(usize, Published); 2] =
    [(100, Published::tested(74_000, Some(1.0))), (500, Published::tested(209_000, Some(0.0)))];
const PRODUCTS: [(usize, Published); 2] = [
    (140, Published::tested(482_000, Some(139.0))),
    (13, Published::tested(1_273_000, Some(14.0))),
];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(10, 2);
    let mut rows: Vec<Row> = SUMS
        .map(|(steps, published)| {
            let label = format!("adding, T = {steps}");
            Row { label, experiment: adding(steps), rule: 0, published }
        })
        .into();
    let mut other = rows[0].clone();
    other.label += ", a marked first pair has the mark −1";
    other.experiment.task = Task::Marked { steps: 100, is_product: false, is_first_open: false };
    rows.push(other);
    rows.extend(PRODUCTS.into_iter().enumerate().map(|(rule, (bound, published))| {
        let label = format!("multiplication, fewer than {bound} wrong");
        Row { label, experiment: multiplication(), rule, published }
    }));
    let mut table = Table::new(["task", "published", AS_DESCRIBED.0]);
    for row in rows {
        compare(session, &mut table, row, &[AS_DESCRIBED], seeds)?;
    }
    session.table(table);
    Ok(())
}
