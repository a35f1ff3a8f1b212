//! Shapes of gathered and scattered rows.

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
