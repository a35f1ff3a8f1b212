//! Shapes of parts of tensors, and of tensors made of parts.

use std::ops::{Bound, Range, RangeBounds};

use smallvec::SmallVec;

use super::axes::axis;
use super::broadcast::same;
use super::error::ShapeError;
use super::extents::{Shape, elements};

/// Checks that a reshape keeps the number of elements.
#[track_caller]
pub fn reshape(shape: &[usize], target: &[usize]) -> Result<Shape, ShapeError> {
    let (have, want) = (elements(shape), elements(target));
    if have == want {
        return Ok(target.into());
    }
    Err(ShapeError::new(
        "reshape",
        &[shape, target],
        format!("{have} elements do not fill {want}; the products of the extents must be equal"),
    ))
}

/// The range with these bounds of an axis. A range without a start begins at 0, and one without an end
/// reaches to the end of the axis.
#[must_use]
pub fn range(bounds: &impl RangeBounds<usize>, extent: usize) -> Range<usize> {
    let start = match bounds.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match bounds.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => extent,
    };
    start..end
}

/// The position of the entry that a cyclic shift moves to the start of an axis.
#[must_use]
pub fn first_after_roll(shift: isize, extent: usize) -> usize {
    match extent {
        0 => 0,
        _ => shift.wrapping_neg().rem_euclid(extent as isize) as usize,
    }
}

/// The shape of the slice `range` of one axis.
pub fn slice(shape: &[usize], axis: usize, range: &Range<usize>) -> Result<Shape, ShapeError> {
    if range.start <= range.end && range.end <= shape[axis] {
        return Ok(Shape::from(shape).with(axis, range.end - range.start));
    }
    Err(ShapeError::new(
        "slice",
        &[shape],
        format!("{}..{} is not within 0..{}", range.start, range.end, shape[axis]),
    )
    .at_axis(axis))
}

/// The shape of tensors joined along `axis`; all other axes must agree.
pub fn concat(shapes: &[&[usize]], axis: usize) -> Result<Shape, ShapeError> {
    let Some((&first, rest)) = shapes.split_first() else {
        return Err(ShapeError::new("concat", &[], "needs at least one operand"));
    };
    let mut shape = Shape::from(first);
    for &other in rest {
        let differs = |&i: &usize| i != axis && first[i] != other[i];
        if other.len() != first.len() {
            return Err(ShapeError::new("concat", &[first, other], "the ranks differ"));
        }
        if let Some(i) = (0..first.len()).find(differs) {
            return Err(ShapeError::new(
                "concat",
                &[first, other],
                format!("{} and {} differ; only axis {axis} may", first[i], other[i]),
            )
            .at_axis(i));
        }
        shape.0[axis] += other[axis];
    }
    Ok(shape)
}

/// Checks that `axis` divides into `parts` equal pieces and returns the extent of one.
pub fn split(shape: &[usize], axis: usize, parts: usize) -> Result<usize, ShapeError> {
    if parts > 0 && shape[axis].is_multiple_of(parts) {
        return Ok(shape[axis] / parts);
    }
    Err(ShapeError::new(
        "split",
        &[shape],
        format!("{} does not divide into {parts} equal parts; use slice for others", shape[axis]),
    )
    .at_axis(axis))
}

/// Checks that `order` names every axis once and returns the permuted shape.
pub fn permute(shape: &[usize], order: &[usize]) -> Result<Shape, ShapeError> {
    let mut sorted: SmallVec<[usize; 4]> = SmallVec::from_slice(order);
    sorted.sort_unstable();
    if sorted.iter().copied().eq(0..shape.len()) {
        return Ok(order.iter().map(|&i| shape[i]).collect());
    }
    Err(ShapeError::new(
        "permute",
        &[shape],
        format!("the order {order:?} must name each of its axes once"),
    ))
}

/// Returns the shape of tensors stacked along a new axis, and the resolved axis. A negative axis
/// counts from the end of the result.
pub fn stack(shapes: &[&[usize]], new_axis: isize) -> Result<(Shape, usize), ShapeError> {
    let Some((&first, rest)) = shapes.split_first() else {
        return Err(ShapeError::new("stack", &[], "needs at least one operand"));
    };
    rest.iter().try_for_each(|other| same("stack", first, other))?;
    let mut shape = Shape::from(first);
    shape.0.push(shapes.len());
    let new_axis = axis("stack", &shape, new_axis)?;
    shape.0[new_axis..].rotate_right(1);
    Ok((shape, new_axis))
}

/// Checks that `part` fits into `shape` along `axis`, from entry `start` on.
pub fn write_slice(
    operation: &'static str,
    shape: &[usize],
    axis: usize,
    start: usize,
    part: &[usize],
) -> Result<(), ShapeError> {
    let fail = |axis: usize, problem: String| {
        Err(ShapeError::new(operation, &[shape, part], problem).at_axis(axis))
    };
    if part.len() != shape.len() {
        return Err(ShapeError::new(operation, &[shape, part], "the ranks differ"));
    }
    match (0..shape.len()).find(|&i| i != axis && shape[i] != part[i]) {
        Some(i) => fail(i, format!("{} and {} differ; only axis {axis} may", shape[i], part[i])),
        None if start + part[axis] > shape[axis] => {
            fail(axis, format!("{start}..{} is not within 0..{}", start + part[axis], shape[axis]))
        }
        None => Ok(()),
    }
}
