//! The whole Jacobian, entry by entry.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use crate::differences::{Line, Verdict};
use crate::evidence::Evidence;
use crate::subject::{Recorded, Subject};
use crate::violation::{Mismatch, Violation, lag};

/// Compares the Jacobian's rows, computed by the tape, with its columns, computed by differences.
pub(crate) fn jacobian(subject: &dyn Subject, evidence: &mut Evidence) -> Result<(), Violation> {
    let tape = Tape::new();
    let recorded = subject.record(&tape, subject.at());
    let rows = rows(&tape, &recorded);
    let mut nearest: Option<Mismatch> = None;
    for source in 0..subject.at().len() {
        for element in 0..subject.at()[source].len() {
            let column: Vec<f64> = rows.iter().map(|row| row[source].as_slice()[element]).collect();
            let wrong = judge_column(subject, &recorded, [source, element], &column, evidence);
            for mismatch in wrong {
                if nearest.as_ref().is_none_or(|nearest| shows_more(&mismatch, nearest)) {
                    nearest = Some(mismatch);
                }
            }
        }
    }
    nearest.map_or(Ok(()), |mismatch| Err(mismatch.into()))
}

/// The rows `eᵢᵀ J` for each output, one tensor for each source.
fn rows(tape: &Tape<f64>, recorded: &Recorded<'_>) -> Vec<Vec<Tensor<f64>>> {
    let y = recorded.flat();
    let outputs = y.shape().elements();
    let row = |i: usize| {
        let unit = tape.constant(Tensor::from_fn([outputs], |j| f64::from(u8::from(i == j))));
        let row = tape.vjp(&[(y, unit)], &recorded.sources);
        row.into_iter().map(|entries| entries.value()).collect()
    };
    (0..outputs).map(row).collect()
}

/// The entries of a column that disagree with differences.
fn judge_column(
    subject: &dyn Subject,
    recorded: &Recorded<'_>,
    [source, element]: [usize; 2],
    column: &[f64],
    evidence: &mut Evidence,
) -> Vec<Mismatch> {
    let moved = |step: f64, errors: Option<u64>| {
        let mut at = subject.at().to_vec();
        at[source].as_mut_slice()[element] += step;
        let tape = errors.map_or_else(Tape::new, Tape::perturbed);
        subject.record(&tape, &at).values()
    };
    let line = Line::new(&moved);
    let place = &subject.sources()[source];
    let mut wrong = Vec::new();
    for (i, &claimed) in column.iter().enumerate() {
        let output = recorded.entry(i);
        match line.judge(i, claimed) {
            Verdict::Agrees { error } => {
                evidence.note_of(&place.name, lag(place.step, output.step), error);
            }
            Verdict::Excluded => evidence.excluded += 1,
            Verdict::Disagrees { slope } => wrong.push(Mismatch {
                of: Some(place.entry(subject.at()[source].shape(), element)),
                output: Some(output),
                found: ("the tape says", claimed),
                expected: ("differences say", slope),
            }),
        }
    }
    wrong
}

/// Whether one wrong entry is more informative than another. A fault is best seen at its shortest lag, and there in its
/// largest error.
fn shows_more(one: &Mismatch, other: &Mismatch) -> bool {
    let distance = |mismatch: &Mismatch| mismatch.lag().map_or(0, isize::unsigned_abs);
    let error = |mismatch: &Mismatch| (mismatch.found.1 - mismatch.expected.1).abs();
    match distance(one).cmp(&distance(other)) {
        std::cmp::Ordering::Equal => error(one) > error(other),
        order => order.is_lt(),
    }
}
