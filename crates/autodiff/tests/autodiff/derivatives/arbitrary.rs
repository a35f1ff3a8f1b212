//! Random shapes and what goes with them.

use std::ops::RangeInclusive;

use bptt_tensor::Shape;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// The extent of an axis: now and then 0, often 1.
pub(crate) fn extent() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![1 => Just(0), 3 => Just(1), 8 => 2..=3_usize]
}

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

/// Shapes that broadcast together: of one shape, each may lack leading axes and have any of the
/// others stretched from 1.
pub(crate) fn broadcastable(operands: usize) -> BoxedStrategy<Vec<Shape>> {
    let shapes = vec(extent(), 0..=4).prop_flat_map(move |full| {
        let rank = full.len();
        let operand = (0..=rank, vec(any::<bool>(), rank)).prop_map(move |(lacks, stretched)| {
            let axes = full.iter().zip(stretched).skip(lacks);
            axes.map(|(&extent, stretched)| if stretched { 1 } else { extent }).collect()
        });
        vec(operand, operands)
    });
    shapes.boxed()
}

/// A shape as the only input, without parameters.
pub(crate) fn alone(shape: BoxedStrategy<Shape>) -> BoxedStrategy<((), Vec<Shape>)> {
    shape.prop_map(|shape| ((), vec![shape])).boxed()
}

/// A shape and some of its axes, in any order, counted from either end.
pub(crate) fn with_axes(shape: BoxedStrategy<Shape>) -> BoxedStrategy<(Vec<isize>, Vec<Shape>)> {
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
pub(crate) fn with_axis(shape: BoxedStrategy<Shape>) -> BoxedStrategy<(isize, Vec<Shape>)> {
    let cases = shape.prop_flat_map(|shape| {
        let rank = shape.len() as isize;
        (-rank..rank, Just(vec![shape]))
    });
    cases.boxed()
}
