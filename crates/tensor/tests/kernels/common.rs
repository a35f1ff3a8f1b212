//! Random tensors, and the index arithmetic by which kernels are checked.

use bptt_tensor::{Scalar, Shape, Tensor};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

pub(crate) fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// A tensor of values between −2 and 2.
pub(crate) fn values<T: Scalar>(shape: &[usize], seed: u64) -> Tensor<T> {
    Tensor::uniform(shape, -2.0, 2.0, &mut rng(seed))
}

/// Shapes of up to four axes with extents of zero to five.
pub(crate) fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1 => Just(0usize), 3 => Just(1), 8 => 2usize..6], 0..5)
}

/// Shapes of at least one axis, and one of the axes.
pub(crate) fn shape_and_axis() -> impl Strategy<Value = (Vec<usize>, usize)> {
    let shape = shapes().prop_filter("needs an axis", |shape| !shape.is_empty());
    shape.prop_flat_map(|shape| {
        let rank = shape.len();
        (Just(shape), 0..rank)
    })
}

/// Shapes that broadcast together. Some axes are stretched, and some leading axes left out.
pub(crate) fn broadcasting<const N: usize>() -> impl Strategy<Value = [Vec<usize>; N]> {
    let operand = || (0usize..3, prop::array::uniform4(prop::bool::weighted(0.3)));
    (shapes(), prop::array::uniform(operand())).prop_map(|(shape, operands)| {
        operands.map(|(dropped, stretched)| {
            let mut own = shape.clone();
            for (extent, stretched) in own.iter_mut().zip(stretched) {
                if stretched {
                    *extent = 1;
                }
            }
            own.split_off(dropped.min(shape.len()))
        })
    })
}

/// The shape to which shapes broadcast.
pub(crate) fn broadcast_shape(shapes: &[&[usize]]) -> Vec<usize> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let extent = |axis: usize| {
        let own =
            shapes.iter().filter_map(|shape| shape.get((axis + shape.len()).checked_sub(rank)?));
        own.copied().find(|&extent| extent != 1).unwrap_or(1)
    };
    (0..rank).map(extent).collect()
}

/// Every index of a shape, in row-major order.
pub(crate) fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &extent in shape {
        let longer = |index: &Vec<usize>| {
            let index = index.clone();
            (0..extent).map(move |i| [&index[..], &[i]].concat())
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// The element of a broadcast tensor at an index of the result.
pub(crate) fn broadcast_at<T: Scalar>(tensor: &Tensor<T>, index: &[usize]) -> T {
    let own = &index[index.len() - tensor.rank()..];
    let index: Vec<usize> =
        own.iter().zip(&tensor.shape()[..]).map(|(&i, &extent)| i.min(extent - 1)).collect();
    tensor[&index[..]]
}

/// A tensor computed from each of its indices.
pub(crate) fn from_indices<T: Scalar>(
    shape: impl Into<Shape>,
    element: impl Fn(&[usize]) -> T,
) -> Tensor<T> {
    let shape = shape.into();
    let elements = indices(&shape).iter().map(|index| element(index)).collect();
    Tensor::from_vec(shape, elements)
}

/// An index without the entries of some axes, or with them set to zero.
pub(crate) fn project(index: &[usize], axes: &[usize], keep: bool) -> Vec<usize> {
    let entries = index.iter().enumerate();
    match keep {
        true => entries.map(|(axis, &i)| if axes.contains(&axis) { 0 } else { i }).collect(),
        false => entries.filter(|(axis, _)| !axes.contains(axis)).map(|(_, &i)| i).collect(),
    }
}

/// Asserts equal shapes, and elements that differ by at most `tolerance · (1 + |x|)`.
#[track_caller]
pub(crate) fn assert_close<T: Scalar>(actual: &Tensor<T>, expected: &Tensor<T>, tolerance: f64) {
    assert_eq!(actual.shape(), expected.shape());
    for (i, (x, y)) in actual.as_slice().iter().zip(expected.as_slice()).enumerate() {
        let (x, y) = (x.as_f64(), y.as_f64());
        let close = x == y || (x - y).abs() <= tolerance * (1.0 + y.abs());
        assert!(close || (x.is_nan() && y.is_nan()), "at {i}: {x} is not {y}");
    }
}

/// Asserts equal shapes and equal bits, where any NaN equals any other.
#[track_caller]
pub(crate) fn assert_same<T: Scalar>(actual: &Tensor<T>, expected: &Tensor<T>) {
    assert_eq!(actual.shape(), expected.shape());
    for (i, (&x, &y)) in actual.as_slice().iter().zip(expected.as_slice()).enumerate() {
        let bits = |x: T| (x.as_f64().is_nan(), x.integer_decode());
        let same = (x.is_nan() && y.is_nan()) || bits(x) == bits(y);
        assert!(same, "at {i}: {x} is not {y}");
    }
}
