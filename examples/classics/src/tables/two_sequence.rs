//! Experiments 3a to 3c of "Long short-term memory": the two-sequence problem.
//!
//! The first `N` of at least `T` numbers tell a class, and noise follows. In 3b, noise is added to these numbers as well. In
//! 3c, it is added to the targets instead, whose means are to be learned. A net has learned when its answers to a test set of 256
//! sequences are close enough, which is tried every 100 sequences. 2 560 new sequences then judge it.

use crate::common::nets_of_1997::two_sequence;
use crate::common::published::{AS_DESCRIBED, Published, Row, compare};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "two-sequence",
    shows: "it is open after how many sequences nets of memory blocks learn a class from the first numbers among noise",
    sources: &[(Text::Lstm, "5.3 Experiment 3")],
    run,
};

/// Rules, and what was published of each.
type Rules = &'static [(&'static str, Published)];

/// The experiment, `N`, and what was published of its rules. ST1 is that few sequences of the test set are wrong, and ST2 that
/// their mean error is small as well.
const ROWS: [(char, usize, Rules); 6] = [
    (
        'a',
        3,
        &[("ST1", Published::tested(27_380, None)), ("ST2", Published::tested(39_850, Some(0.5)))],
    ),
    (
        'a',
        1,
        &[("ST1", Published::tested(58_370, None)), ("ST2", Published::tested(64_330, Some(0.3)))],
    ),
    (
        'b',
        3,
        &[("ST1", Published::tested(41_740, None)), ("ST2", Published::tested(43_250, Some(21.2)))],
    ),
    (
        'b',
        1,
        &[("ST1", Published::tested(74_950, None)), ("ST2", Published::tested(78_430, Some(38.4)))],
    ),
    ('c', 3, &[("stop", Published::tested(269_650, Some(14.3)))]),
    ('c', 1, &[("stop", Published::tested(565_640, Some(11.3)))]),
];

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(10, 2);
    let mut table = Table::new(["task", "published", "as described"]);
    let (mut learned, mut rows) = (0, 0);
    for (letter, signal, rules) in ROWS {
        for (rule, &(name, published)) in rules.iter().enumerate() {
            let label = format!("3{letter}, N = {signal}, {name}");
            let experiment = two_sequence(letter, 100, signal);
            let row = Row { label, experiment, rule, published };
            let [found] = compare(session, &mut table, row, &[AS_DESCRIBED], seeds)?;
            (learned, rows) = (learned + found.len(), rows + 1);
        }
    }
    session.table(table);
    session.claim(Text::Lstm, "LSTM is able to solve this problem").confirmed(
        10 * learned >= 9 * rows * seeds,
        &format!("{learned} of {} trials reach their stopping rules", rows * seeds),
    );
    Ok(())
}
