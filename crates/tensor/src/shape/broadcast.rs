//! NumPy's rules of broadcasting.

use smallvec::SmallVec;

use super::error::ShapeError;
use super::extents::{Shape, equal};

/// Returns the shape to which two shapes broadcast as in NumPy. They are aligned at the last axis,
/// and an extent of one stretches.
pub fn broadcast(operation: &'static str, a: &[usize], b: &[usize]) -> Result<Shape, ShapeError> {
    if equal(a, b) {
        return Ok(a.into());
    }
    let rank = a.len().max(b.len());
    let extent = |shape: &[usize], i: usize| match (i + shape.len()).checked_sub(rank) {
        Some(own) => shape[own],
        None => 1,
    };
    let mut shape = SmallVec::with_capacity(rank);
    for i in 0..rank {
        shape.push(match (extent(a, i), extent(b, i)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            (x, y) => {
                return Err(ShapeError::new(
                    operation,
                    &[a, b],
                    format!(
                        "{x} and {y} do not broadcast, counted from the last axis; make them \
                         equal, or one of them 1 (reshape inserts axes of extent 1)"
                    ),
                )
                .at_axis(i));
            }
        });
    }
    Ok(Shape(shape))
}

/// Checks that `shape` broadcasts to exactly `target`.
pub fn broadcast_to(
    operation: &'static str,
    shape: &[usize],
    target: &[usize],
) -> Result<Shape, ShapeError> {
    match broadcast(operation, shape, target) {
        Ok(result) if result[..] == *target => Ok(result),
        _ => Err(ShapeError::new(
            operation,
            &[shape, target],
            "the first does not stretch to the second: counted from the last axis, each extent \
             must be equal to the target's or 1",
        )),
    }
}

/// Checks that two shapes are the same.
pub fn same(operation: &'static str, a: &[usize], b: &[usize]) -> Result<(), ShapeError> {
    if a == b {
        return Ok(());
    }
    Err(ShapeError::new(operation, &[a, b], "the shapes must be the same"))
}
