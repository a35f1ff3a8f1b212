//! Random shapes, and what goes with them.

use std::ops::{Range, RangeInclusive};

use bptt_gradcheck::{broadcastable, extents};
use bptt_tensor::Shape;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// A function's parameters, and the shapes of its inputs.
pub(crate) type Cases<P> = BoxedStrategy<(P, Vec<Shape>)>;

/// The extent of an axis that something is chosen from.
pub(crate) fn filled() -> impl Strategy<Value = usize> + Clone {
    1..=3_usize
}

/// A shape of some number of axes.
pub(crate) fn shape(
    extent: impl Strategy<Value = usize> + 'static,
    rank: RangeInclusive<usize>,
) -> BoxedStrategy<Shape> {
    vec(extent, rank).prop_map(Shape::from).boxed()
}

/// A shape with one axis more, in front.
pub(crate) fn with_first(first: usize, rest: &Shape) -> Shape {
    std::iter::once(first).chain(rest.iter().copied()).collect()
}

/// A shape as the only input, without parameters.
pub(crate) fn alone(shape: impl Strategy<Value = Shape> + 'static) -> Cases<()> {
    shape.prop_map(|shape| ((), vec![shape])).boxed()
}

/// A shape and some of its axes, in any order, counted from either end.
pub(crate) fn with_axes(shape: BoxedStrategy<Shape>) -> Cases<Vec<isize>> {
    let cases = shape.prop_flat_map(|shape| {
        let rank = shape.len();
        let axes = subsequence((0..rank as isize).collect::<Vec<_>>(), 0..=rank);
        (axes.prop_shuffle(), any::<bool>()).prop_map(move |(mut axes, from_end)| {
            if from_end {
                axes.iter_mut().for_each(|axis| *axis -= rank as isize);
            }
            (axes, vec![shape.clone()])
        })
    });
    cases.boxed()
}

/// A shape and one of its axes, counted from either end.
pub(crate) fn with_axis(shape: BoxedStrategy<Shape>) -> Cases<isize> {
    let cases = shape.prop_flat_map(|shape| {
        let rank = shape.len() as isize;
        (-rank..rank, Just(vec![shape]))
    });
    cases.boxed()
}

/// A part of an axis, which may be empty or the whole.
pub(crate) fn part(extent: usize) -> impl Strategy<Value = Range<usize>> {
    (0..=extent, 0..=extent).prop_map(|(a, b)| a.min(b)..a.max(b))
}

/// A shape, and one that it stretches to.
pub(crate) fn stretched() -> impl Strategy<Value = (Shape, Shape)> {
    (broadcastable(1), vec(extents(), 4)).prop_map(|(mut small, extents)| {
        let small = small.remove(0);
        let lacks = 4 - small.len();
        let stretch = |(i, extent): (usize, usize)| match i.checked_sub(lacks) {
            Some(own) if small[own] != 1 => small[own],
            _ => extent,
        };
        let large = extents.into_iter().enumerate().map(stretch).collect();
        (small, large)
    })
}

/// Some indices into the rows of a shape, of which several may be the same; the number of rows; a row's shape.
pub(crate) fn rows() -> impl Strategy<Value = (Vec<usize>, usize, Shape)> {
    (filled(), shape(extents(), 0..=2))
        .prop_flat_map(|(rows, row)| (vec(0..rows, 0..=4), Just(rows), Just(row)))
}
