//! The whole Jacobian, entry by entry.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use crate::differences::{Line, Verdict};
use crate::evidence::Evidence;
use crate::subject::Subject;
use crate::violation::{Violation, lag};

/// Row by row from the tape, column by column from differences.
pub(crate) fn jacobian(subject: &dyn Subject, evidence: &mut Evidence) -> Result<(), Violation> {
    let tape = Tape::new();
    let recorded = subject.record(&tape, subject.at());
    let y = recorded.flat();
    let outputs = y.shape().elements();
    let rows: Vec<Vec<Tensor<f64>>> = (0..outputs)
        .map(|i| {
            let unit = tape.constant(Tensor::from_fn([outputs], |j| f64::from(u8::from(i == j))));
            let row = tape.vjp(&[(y, unit)], &recorded.sources);
            row.into_iter().map(|entries| entries.value()).collect()
        })
        .collect();

    let mut nearest: Option<(usize, f64, Violation)> = None;
    for (s, place) in subject.sources().iter().enumerate() {
        let shape = subject.at()[s].shape();
        for j in 0..shape.elements() {
            let moved = |step: f64| {
                let mut at = subject.at().to_vec();
                at[s].as_mut_slice()[j] += step;
                subject.record(&Tape::new(), &at).values()
            };
            let line = Line::new(&moved);
            for (i, row) in rows.iter().enumerate() {
                let claimed = row[s].as_slice()[j];
                let output = recorded.entry(i);
                let lag = lag(place.step, output.step);
                match line.judge(i, claimed) {
                    Verdict::Agrees { error } => evidence.note_of(&place.name, lag, error),
                    Verdict::Kink => evidence.kinks += 1,
                    Verdict::Disagrees { slope } => {
                        let (near, error) =
                            (lag.map_or(0, isize::unsigned_abs), (claimed - slope).abs());
                        // a fault shows at the shortest lag that it has
                        if nearest.as_ref().is_none_or(|(least, most, _)| {
                            near < *least || (near == *least && error > *most)
                        }) {
                            let violation = Violation::Mismatch {
                                of: Some(place.entry(shape, j)),
                                output: Some(output),
                                found: ("the tape says", claimed),
                                expected: ("differences say", slope),
                            };
                            nearest = Some((near, error, violation));
                        }
                    }
                }
            }
        }
    }
    nearest.map_or(Ok(()), |(_, _, violation)| Err(violation))
}
