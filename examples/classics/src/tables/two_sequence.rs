//! Experiments 3a to 3c of "Long short-term memory": the two-sequence problem.
//!
//! The first `N` of at least `T` numbers tell a class, and noise follows. In 3b, noise is added to these numbers as well. In
//! 3c, it is added to the targets instead, whose means are to be learned. A net has learned when its answers to a test set of 256
//! sequences are close enough, which is tried every 100 sequences. 2 560 new sequences then judge it.

use crate::common::nets_of_1997::two_sequence;
use crate::common::published::{AS_DESCRIBED, Published, Row, table};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "two-sequence",
    shows: "nets of memory blocks learn a class from the first numbers among noise, in fewer sequences than published",
    sources: &[(Text::Lstm, "5.3 Experiment 3")],
    run,
};

/// The experiment, `N`, a rule, its number, and what was published of it. ST1 is that few sequences of the test set are wrong,
/// and ST2 that their mean error is small as well.
const ROWS: [(char, usize, &str, usize, Published); 10] = [
    ('a', 3, "ST1", 0, Published::after(27_380)),
    ('a', 3, "ST2", 1, Published::after(39_850).wrong(0.5)),
    ('a', 1, "ST1", 0, Published::after(58_370)),
    ('a', 1, "ST2", 1, Published::after(64_330).wrong(0.3)),
    ('b', 3, "ST1", 0, Published::after(41_740)),
    ('b', 3, "ST2", 1, Published::after(43_250).wrong(21.2)),
    ('b', 1, "ST1", 0, Published::after(74_950)),
    ('b', 1, "ST2", 1, Published::after(78_430).wrong(38.4)),
    ('c', 3, "stop", 0, Published::after(269_650).wrong(14.3)),
    ('c', 1, "stop", 0, Published::after(565_640).wrong(11.3)),
];

fn run(session: &mut Session) -> Result<()> {
    let trials = session.budget(10, 2);
    let rows = ROWS.map(|(letter, signal, name, rule, published)| {
        let label = format!("3{letter}, N = {signal}, {name}");
        Row { label, experiment: two_sequence(letter, 100, signal), rule, published, trials }
    });
    let found = table(session, "task", rows, &[AS_DESCRIBED])?;
    let last = found.iter().zip(ROWS).filter(|(_, (_, _, name, ..))| *name != "ST1");
    let learned: Vec<usize> = last.map(|([found], _)| found.len()).collect();
    session.claim(Text::Lstm, "LSTM is able to solve this problem").confirmed(
        learned.iter().all(|&count| 10 * count >= 8 * trials),
        &format!("of {trials} nets each, {learned:?} reach the last stopping rule of their row"),
    );
    Ok(())
}
