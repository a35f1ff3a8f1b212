//! Experiment 2c of "Long short-term memory": a symbol is recalled at a trigger, after many distractors.
//!
//! A sequence has a start symbol, then x or y, then `q` distractors of `p` kinds. Each further symbol is the trigger with
//! probability 1/10, and otherwise another distractor. A net has learned when it makes no mistake in 10 000 new sequences, which is
//! tried every 50 sequences.

use crate::common::nets_of_1997::trigger;
use crate::common::published::{AS_DESCRIBED, Published, Row, Variant, table};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "distractors",
    shows: "it is open after how many sequences nets of memory blocks recall a symbol after fifty distractors",
    sources: &[(Text::Lstm, "5.2 Experiment 2")],
    run,
};

/// The lag `q`, the distractors `p`, and the published number of sequences.
const ROWS: [(usize, usize, u64); 2] = [(50, 50, 30_000), (100, 100, 31_000)];

/// With `E` as the whole squared error, not half of it, every step of learning is twice as large.
const VARIANTS: [Variant; 2] = [AS_DESCRIBED, ("twice the rate", |it| it.rate *= 2.0)];

fn run(session: &mut Session) -> Result<()> {
    let trials = session.budget(20, 2);
    let rows = ROWS.map(|(q, p, sequences)| {
        let (label, published) = (format!("q = {q}, p = {p}"), Published::after(sequences));
        Row { label, experiment: trigger(p, q), rule: 0, published, trials }
    });
    let found = table(session, "task", rows, &VARIANTS)?;
    session.check("all nets as described learn", found.iter().all(|row| row[0].len() == trials));
    Ok(())
}
