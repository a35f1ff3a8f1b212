//! Experiment 1 of "Long short-term memory": the embedded Reber grammar.
//!
//! Nets of memory blocks predict the next symbol of strings. Each seed has its own 256 strings to learn from, and 256 others.
//! A net has learned when, on all 512, each symbol that may follow has a larger output than each that may not. The weights
//! change after every step, by the truncated gradient of the paper. A net that has read 200 000 strings has failed.
//!
//! The first variant is the network as described, with as many weights as the paper counts. The others each deviate from it:
//! weights from inputs to outputs and biases of outputs, and with these, a slope that does not vanish, targets of 0.1 and 0.9,
//! or softmax outputs with cross-entropy.

use crate::common::curves::median;
use crate::common::nets_of_1997::{Experiment, Shortcuts, Signal, Task, embedded_reber};
use crate::common::published::{AS_DESCRIBED, Published, Row, Variant, table};
use crate::prelude::*;

pub(crate) const PROGRAM: Program = Program {
    name: "embedded-reber",
    shows: "with shortcuts and output biases, most nets learn the embedded Reber grammar, at about the published speed; as described, fewer do",
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

const VARIANTS: [Variant; 5] = [
    AS_DESCRIBED,
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

fn shortcuts(it: &mut Experiment) {
    it.architecture.shortcuts = Shortcuts::Random;
    it.architecture.has_output_biases = true;
}

fn run(session: &mut Session) -> Result<()> {
    let trials = session.budget(100, 2);
    let found = table(session, "net", rows(trials), &VARIANTS)?;
    let counts = |variant: usize| found.iter().map(|row| row[variant].len()).collect::<Vec<_>>();
    let (described, shortcuts, raised) = (counts(0), counts(1), counts(2));
    session.claim(Text::Lstm, "LSTM always learns to solve the task").qualified(
        described.iter().max() < shortcuts.iter().min() && shortcuts.iter().max() < raised.iter().min(),
        &format!(
            "of {trials} nets for each row, {described:?} have learned it as described, {shortcuts:?} with \
             shortcuts and output biases, {raised:?} with an addition to the slope of outputs as well"
        ),
    );
    let published = ROWS.map(|(.., it)| it.sequences.expect("nets learn") as f64);
    let mut ratios =
        found.iter().zip(published).map(|(row, published)| median(&row[1]) / published);
    session.check(
        "with shortcuts and biases, half of the successful nets take 0.6 to 1 times the published mean number of strings",
        ratios.all(|ratio| (0.6..1.0).contains(&ratio)),
    );
    Ok(())
}

/// The rows of the paper's table, with a number of trials.
pub(super) fn rows(trials: usize) -> [Row; 5] {
    ROWS.map(|(blocks, size, rate, published)| Row {
        label: format!("{blocks} blocks of {size}, rate {rate}"),
        experiment: embedded_reber(blocks, size, rate),
        rule: 0,
        published,
        trials,
    })
}
