//! The record of a training, for `--report`.

use std::path::Path;

use bptt::analysis::record::{RecordError, Recorder, StepRecord};
use bptt::prelude::*;
use programs::terminal::Progress;

use crate::args::CellKind;

/// Begins a record in a folder, or continues that of the first `step` steps if the training is resumed. A training may
/// have begun without a record.
pub(crate) fn open(folder: &Path, step: usize, resume: bool) -> Result<Recorder, RecordError> {
    match resume.then(|| Recorder::resume(folder, step)) {
        None | Some(Err(RecordError::Missing { .. })) => Recorder::create(folder),
        Some(resumed) => resumed,
    }
}

/// Writes the page, and tells the warnings on it.
pub(crate) fn write(recorder: &Recorder, progress: &Progress) -> Result<(), RecordError> {
    for warning in recorder.report()? {
        progress.note(&format!("warning: {warning}"));
    }
    Ok(())
}

/// Adds how far the gradient reaches back from the last step of a window, by the state of each layer. The `logits` are
/// `[T, B, V]`, and the targets `[T, B]`.
pub(crate) fn with_lags<'r>(
    mut record: StepRecord<'r, f32>,
    logits: Var<'_, f32>,
    targets: &[usize],
    costates: &Costates<f32>,
    cell: CellKind,
) -> StepRecord<'r, f32> {
    let [steps, batch, _] = logits.shape()[..] else { unreachable!("logits are [T, B, V]") };
    let last = (logits.index_first(steps - 1), &targets[(steps - 1) * batch..]);
    let loss = loss::cross_entropy(last.0, last.1).mean();
    let variables: &[_] = if cell == CellKind::Lstm { &["h", "c"] } else { &["h"] };
    for (place, costate) in costates.of(&loss.tape().backward(loss)).iter().enumerate() {
        let (layer, variable) = (place / variables.len(), variables[place % variables.len()]);
        record = record.costates(format!("{layer}.{variable}"), costate);
    }
    record
}
