//! Axes: negative axes, and the axes that remain after a reduction.

use smallvec::SmallVec;

use super::error::ShapeError;
use super::extents::Shape;

/// Resolves an axis. A negative axis counts from the end: `-1` is the last.
pub fn axis(operation: &'static str, shape: &[usize], axis: isize) -> Result<usize, ShapeError> {
    let rank = shape.len();
    let resolved = if axis < 0 { axis + rank as isize } else { axis };
    if resolved >= 0 && (resolved as usize) < rank {
        return Ok(resolved as usize);
    }
    let problem = match rank {
        0 => format!("axis {axis} does not exist: a scalar has no axes"),
        _ => format!("axis {axis} does not exist; use 0 to {}, or -1 for the last", rank - 1),
    };
    Err(ShapeError::new(operation, &[shape], problem))
}

/// Resolves several axes into ascending order; naming one twice is an error.
pub fn axes(
    operation: &'static str,
    shape: &[usize],
    axes: &[isize],
) -> Result<SmallVec<[usize; 4]>, ShapeError> {
    let mut resolved =
        axes.iter().map(|&a| axis(operation, shape, a)).collect::<Result<SmallVec<_>, _>>()?;
    resolved.sort_unstable();
    match resolved.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(ShapeError::new(operation, &[shape], "names this axis twice; drop one")
            .at_axis(pair[0])),
        None => Ok(resolved),
    }
}

/// Returns the shape after a reduction over `axes` (resolved, ascending). They are removed, or kept
/// with extent one if `keep`.
#[must_use]
pub fn reduce(shape: &[usize], axes: &[usize], keep: bool) -> Shape {
    shape
        .iter()
        .enumerate()
        .filter_map(|(i, &extent)| match (axes.contains(&i), keep) {
            (false, _) => Some(extent),
            (true, true) => Some(1),
            (true, false) => None,
        })
        .collect()
}

/// Checks that no axis of a maximum, minimum or argmax has extent zero.
pub fn choosable(
    operation: &'static str,
    shape: &[usize],
    axes: &[usize],
) -> Result<(), ShapeError> {
    match axes.iter().find(|&&axis| shape[axis] == 0) {
        Some(&axis) => Err(ShapeError::new(
            operation,
            &[shape],
            "there is no element to choose from an axis of extent 0",
        )
        .at_axis(axis)),
        None => Ok(()),
    }
}
