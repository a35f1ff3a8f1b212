//! Shapes as rows: their number and their width.

use bptt_tensor::Shape;

use crate::scan::ir::program::{Input, Kind, Program};
use crate::scan::lower::lowered::LoweringError;

/// The number of rows: the leading extent that all inputs of a step share.
pub(crate) fn rows_of<T>(program: &Program<T>) -> Result<usize, LoweringError> {
    let mut rows = None;
    for node in &program.nodes {
        if !matches!(node.kind, Kind::Input(input) if !matches!(input, Input::Invariant(_))) {
            continue;
        }
        let leading = node.shape.first().copied();
        match (rows, leading) {
            (_, None) => return Err(LoweringError("an input has no axes".into())),
            (None, _) => rows = leading,
            (Some(_), _) if rows == leading => {}
            _ => return Err(LoweringError("inputs have different numbers of rows".into())),
        }
    }
    rows.filter(|&rows| rows > 0).ok_or_else(|| LoweringError("there are no rows".into()))
}

/// The number of elements of a row.
pub(crate) fn width(shape: &Shape) -> usize {
    shape[1..].iter().product()
}

/// The width of an invariant that is an operand beside values of this number of axes. `None` if it
/// neither is the same for every row nor has one row for each.
pub(crate) fn invariant_width(shape: &Shape, axes: usize, rows: usize) -> Option<usize> {
    if is_per_row(shape, axes, rows) {
        return Some(width(shape));
    }
    let leading = shape.len() == axes && shape.first().is_some_and(|&first| first != 1);
    (!leading).then(|| shape.elements())
}

/// Whether an invariant has different elements for each row.
pub(crate) fn is_per_row(shape: &Shape, axes: usize, rows: usize) -> bool {
    rows > 1 && shape.len() == axes && shape.first() == Some(&rows)
}
