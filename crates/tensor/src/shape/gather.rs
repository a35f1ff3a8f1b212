//! Shapes of gathered and scattered elements.

use super::broadcast::same;
use super::error::ShapeError;
use super::extents::Shape;

/// The shape of rows gathered by index from axis 0. Every index must be within the axis.
pub fn gather_rows(shape: &[usize], indices: &[usize]) -> Result<Shape, ShapeError> {
    rows_exist("gather_rows", shape, indices)?;
    Ok(Shape::from(shape).with(0, indices.len()))
}

/// The shape `[rows, ..]` of the result when rows `[indices.len(), ..]` are scattered by index.
pub fn scatter_rows(shape: &[usize], indices: &[usize], rows: usize) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("scatter_rows", &[shape], problem));
    match shape.first() {
        None => fail("a scalar has no rows".into()),
        Some(&given) if given != indices.len() => {
            fail(format!("{given} rows need as many indices, not {}", indices.len()))
        }
        Some(_) => {
            let whole = Shape::from(shape).with(0, rows);
            rows_exist("scatter_rows", &whole, indices)?;
            Ok(whole)
        }
    }
}

/// The shape of elements gathered by index along an axis: that of the indices.
pub fn gather_along(shape: &[usize], axis: usize, indices: &[usize]) -> Result<Shape, ShapeError> {
    let fail = |problem: String| ShapeError::new("gather_along", &[shape, indices], problem);
    if shape.len() != indices.len() {
        return Err(fail("the ranks of elements and indices differ".into()));
    }
    match (0..shape.len()).find(|&i| i != axis && shape[i] != indices[i]) {
        Some(i) => {
            let problem = format!("{} and {} differ; only axis {axis} may", shape[i], indices[i]);
            Err(fail(problem).at_axis(i))
        }
        None => Ok(indices.into()),
    }
}

/// The shape, with this extent along an axis, of the result when elements are scattered by index along the axis.
pub fn scatter_along(
    shape: &[usize],
    axis: usize,
    indices: &[usize],
    extent: usize,
) -> Result<Shape, ShapeError> {
    same("scatter_along", shape, indices)?;
    Ok(Shape::from(shape).with(axis, extent))
}

/// The shape of the `k` largest elements along an axis.
pub fn top(
    operation: &'static str,
    shape: &[usize],
    axis: usize,
    k: usize,
) -> Result<Shape, ShapeError> {
    if k <= shape[axis] {
        return Ok(Shape::from(shape).with(axis, k));
    }
    let problem = format!(
        "there are no {k} largest of {} elements; k is at most the axis's extent",
        shape[axis]
    );
    Err(ShapeError::new(operation, &[shape], problem).at_axis(axis))
}

/// Checks that every index is within axis 0.
pub fn rows_exist(
    operation: &'static str,
    shape: &[usize],
    indices: &[usize],
) -> Result<(), ShapeError> {
    let Some(&rows) = shape.first() else {
        return Err(ShapeError::new(operation, &[shape], "a scalar has no rows"));
    };
    match indices.iter().find(|&&i| i >= rows) {
        Some(i) => Err(ShapeError::new(
            operation,
            &[shape],
            format!("index {i} is not within 0..{rows}; is an id larger than the vocabulary?"),
        )
        .at_axis(0)),
        None => Ok(()),
    }
}
