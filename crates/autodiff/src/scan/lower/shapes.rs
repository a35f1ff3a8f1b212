//! Shapes as rows: their number and their width.

use std::collections::BTreeMap;

use bptt_tensor::Shape;

use crate::scan::ir::program::{Input, Kind, Program};

/// The number of rows: the leading extent of most inputs of a step. Of several, it is that of the input with the most
/// axes, or the greatest. `None` if there are no rows.
pub(crate) fn rows_of<T>(program: &Program<T>) -> Option<usize> {
    let mut extents: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for node in &program.nodes {
        if let (Kind::Input(input), Some(&rows)) = (&node.kind, node.shape.first())
            && !matches!(input, Input::Invariant(_))
        {
            let (inputs, axes) = extents.entry(rows).or_default();
            (*inputs, *axes) = (*inputs + 1, node.shape.len().max(*axes));
        }
    }
    let (&rows, _) = extents.iter().max_by_key(|&(_, &inputs_and_axes)| inputs_and_axes)?;
    (rows > 0).then_some(rows)
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
