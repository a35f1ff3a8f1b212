//! Experiment 1 of "Long short-term memory": the embedded Reber grammar.
//!
//! Nets of memory blocks predict the next symbol of strings. Each seed has its own 256 strings to learn from, and 256 others.
//! A net has learned when, on all 512, each symbol that may follow has a larger output than each that may not. The weights
//! change after every step, by the truncated gradient of the paper. A net that has read 200 000 strings has failed.
//!
//! The first variant is the network as described, with as many weights as the paper counts. The others each deviate from it:
//! weights from inputs to outputs and biases of outputs, and with these, a slope that does not vanish, targets of 0.1 and 0.9,
//! or softmax outputs with cross-entropy.

use crate::common::nets_of_1997::{Bias, Experiment, Signal, Squash, Task, embedded_reber};
use crate::common::published::{Published, Row, compare, mean};
use crate::prelude::*;
use crate::session::Table;

pub(crate) const PROGRAM: Program = Program {
    name: "embedded-reber",
    shows: "nets with weights from inputs to outputs learn the embedded Reber grammar as fast as published, and few nets as described do",
    sources: &[(Text::Lstm, "5.1 Experiment 1")],
    run,
};

/// Blocks, cells of a block, learning rate, and the published success in percent and number of strings.
const ROWS: [(usize, usize, f64, Published); 5] = [
    (4, 1, 0.1, Published::of(100, 39_740)),
    (3, 2, 0.1, Published::of(100, 21_730)),
    (3, 2, 0.2, Published::of(97, 14_060)),
    (4, 1, 0.5, Published::of(97, 9_500)),
    (3, 2, 0.5, Published::of(100, 8_440)),
];

/// A variant: a name, and what deviates from the paper.
type Variant = (&'static str, fn(&mut Experiment));

const VARIANTS: [Variant; 5] = [
    ("as described", |_| {}),
    ("shortcuts and biases", shortcuts),
    ("also slope + 0.1", |it| {
        shortcuts(it);
        it.architecture.signal = Signal::Raised;
    }),
    ("also targets 0.1 and 0.9", |it| {
        shortcuts(it);
        it.task = Task::EmbeddedReber { targets: [0.1, 0.9] };
    }),
    ("also softmax", |it| {
        shortcuts(it);
        it.architecture.signal = Signal::CrossEntropy;
    }),
];

/// What else may differ from the paper's program, tried on its second row.
const ABLATIONS: [Variant; 5] = [
    ("as described", |_| {}),
    ("first activations ½", |it| it.architecture.start = 0.5),
    ("biased outputs", |it| it.architecture.output = Bias::Random),
    ("shortcuts alone", |it| it.architecture.has_shortcuts = true),
    ("h within 2", |it| it.architecture.h = Squash::Within(2.0)),
];

fn shortcuts(it: &mut Experiment) {
    it.architecture.has_shortcuts = true;
    it.architecture.output = Bias::Random;
}

fn run(session: &mut Session) -> Result<()> {
    let seeds = session.budget(100, 2);
    let mut found = Vec::new();
    let mut table = table(&VARIANTS);
    for row in ROWS {
        found.push(tried(session, &mut table, (row, ""), VARIANTS, seeds)?);
    }
    session.table(table);
    let mut ablations = self::table(&ABLATIONS);
    let few = session.budget(32, 2);
    tried(session, &mut ablations, (ROWS[1], ", first 32 seeds"), ABLATIONS, few)?;
    session.table(ablations);

    let described: Vec<usize> = found.iter().map(|row| row[0].len()).collect();
    session.claim(Text::Lstm, "LSTM always learns to solve the task").refuted(
        described.iter().all(|&count| 2 * count < seeds),
        &format!("of {seeds} nets as described, {described:?} have learned it, by rows"),
    );
    let ratios = found.iter().zip(ROWS).map(|(row, (.., it))| mean(&row[1]) / it.sequences as f64);
    session.check(
        "with shortcuts and biases, successful nets take the published number of strings, within a factor of 1.6",
        ratios.into_iter().all(|ratio| (0.625..1.6).contains(&ratio)),
    );
    Ok(())
}

fn table(variants: &[Variant]) -> Table {
    Table::new(["net", "published"].into_iter().chain(variants.iter().map(|(name, _)| *name)))
}

fn tried<const N: usize>(
    session: &mut Session,
    table: &mut Table,
    ((blocks, size, rate, published), remark): ((usize, usize, f64, Published), &str),
    variants: [Variant; N],
    seeds: usize,
) -> Result<[Vec<f64>; N]> {
    let variants = variants.map(|(name, deviate)| {
        let mut experiment = embedded_reber(blocks, size, rate);
        deviate(&mut experiment);
        (name, experiment)
    });
    let label = format!("{blocks} blocks of {size}, rate {rate}{remark}");
    compare(session, table, Row { label, rule: 0, published }, &variants, seeds)
}
