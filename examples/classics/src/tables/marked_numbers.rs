//! Experiments 4 and 5 of "Long short-term memory": the sum and the product of two marked numbers.
//!
//! Two numbers among at least `T` are marked, and their sum or product is to be said at the end. A net has learned the sum when
//! the 2 000 most recent answers were closer than 0.04, and their mean error below 0.01. For the product, fewer than 140, then
//! fewer than 13 of these answers may be wrong. 2 560 new sequences then judge it.

use crate::common::nets_of_1997::{Experiment, Task, adding, multiplication};
use crate::common::published::{AS_DESCRIBED, Published, Row, table};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "marked-numbers",
    shows: "within 500 000 sequences, nets of memory blocks seldom add 2 000 times in a row without a mistake",
    sources: &[(Text::Lstm, "5.4 Experiment 4"), (Text::Lstm, "5.5 Experiment 5")],
    run,
};

/// What was published of products, for the number of wrong answers among the last 2 000.
const PRODUCTS: [(usize, Published); 2] =
    [(140, Published::after(482_000).wrong(139.0)), (13, Published::after(1_273_000).wrong(14.0))];

fn run(session: &mut Session) -> Result<()> {
    let trials = session.budget(10, 2);
    let sum = |steps, published, remark: &str, deviate: fn(&mut Experiment)| {
        let mut experiment = adding(steps);
        deviate(&mut experiment);
        let label = format!("adding, T = {steps}{remark}");
        Row { label, experiment, rule: 0, published, trials }
    };
    let published = Published::after(74_000).wrong(1.0);
    let mut rows = vec![
        sum(100, published, "", |_| {}),
        sum(100, published, ", half the rate", |it| it.rate /= 2.0),
        sum(100, published, ", a marked first pair has the mark −1", |it| {
            it.task = Task::Marked { steps: 100, is_product: false, marks_first_pair: false };
        }),
    ];
    for (rule, (bound, published)) in PRODUCTS.into_iter().enumerate() {
        let label = format!("multiplication, fewer than {bound} wrong");
        rows.push(Row { label, experiment: multiplication(), rule, published, trials });
    }
    rows.push(sum(500, Published::after(209_000).wrong(0.0), "", |_| {}));
    table(session, "task", rows, &[AS_DESCRIBED])?;
    Ok(())
}
