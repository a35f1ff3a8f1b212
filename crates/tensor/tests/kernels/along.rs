//! Cumulative sums, sorting, cyclic shifts, and gathering and scattering by index along an axis.

use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::common::*;

/// An index with the entry of one axis replaced.
fn with(index: &[usize], axis: usize, entry: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index[axis] = entry;
    index
}

/// The elements along an axis through an index, with their positions.
fn lane(x: &Tensor<f64>, index: &[usize], axis: usize) -> Vec<(f64, usize)> {
    (0..x.shape()[axis]).map(|i| (x[&with(index, axis, i)[..]], i)).collect()
}

/// Random values of which some are equal and some NaN.
fn with_ties(shape: &[usize], seed: u64) -> Tensor<f64> {
    values::<f64>(shape, seed).map(|x| match (2.0 * x).round() / 2.0 {
        1.5 => f64::NAN,
        x => x + 0.0, // no −0
    })
}

/// Whole numbers below `extent`.
fn positions(shape: &[usize], extent: usize, seed: u64) -> Tensor<f64> {
    values::<f64>(shape, seed).map(|x| ((x + 2.0) / 4.0 * extent as f64).floor())
}

proptest! {
    #[test]
    fn cumsum_adds_in_order((shape, axis) in shape_and_axis(), seed: u64) {
        let x = values::<f64>(&shape, seed);
        let sum = |lane: &[(f64, usize)]| lane[1..].iter().fold(lane[0].0, |sum, (x, _)| sum + x);
        let upward = from_indices(&shape[..], |i| sum(&lane(&x, i, axis)[..=i[axis]]));
        assert_same(&x.cumsum(axis as isize), &upward);
        let downward = from_indices(&shape[..], |i| {
            let mut rest = lane(&x, i, axis).split_off(i[axis]);
            rest.reverse();
            sum(&rest)
        });
        assert_same(&x.reverse_cumsum(axis as isize - shape.len() as isize), &downward);
    }

    #[test]
    fn sorting_is_stable((shape, axis) in shape_and_axis(), seed: u64) {
        let x = with_ties(&shape, seed);
        let ordered = |index: &[usize], is_descending: bool| {
            let mut lane = lane(&x, index, axis);
            let key = |x: f64| if x.is_nan() { f64::INFINITY } else { x };
            // the standard library's stable sort
            lane.sort_by(|(a, _), (b, _)| {
                let (a, b) = if is_descending { (b, a) } else { (a, b) };
                key(*a).total_cmp(&key(*b))
            });
            lane
        };
        let expected = |k: usize, is_descending: bool| {
            let shape = with(&shape, axis, k);
            let values = from_indices(&shape[..], |i| ordered(i, is_descending)[i[axis]].0);
            let at = |i: &[usize]| ordered(i, is_descending)[i[axis]].1 as f64;
            (values, from_indices(&shape[..], at))
        };
        let (values, indices) = expected(shape[axis], false);
        assert_same(&x.sort(axis as isize), &values);
        assert_same(&x.argsort(axis as isize), &indices);
        for k in 0..=shape[axis] {
            let (values, indices) = expected(k, true);
            let (largest, at) = x.topk(k, axis as isize - shape.len() as isize);
            assert_same(&largest, &values);
            assert_same(&at, &indices);
        }
    }

    #[test]
    fn roll_shifts((shape, axis) in shape_and_axis(), shift in -9_isize..9, seed: u64) {
        let x = values::<f64>(&shape, seed);
        let expected = from_indices(&shape[..], |i| {
            let from = (i[axis] as isize - shift).rem_euclid(shape[axis] as isize);
            x[&with(i, axis, from as usize)[..]]
        });
        assert_same(&x.roll(shift, axis as isize), &expected);
    }

    #[test]
    fn gather_along_reads_and_scatter_along_adds(
        (shape, axis) in shape_and_axis(),
        extent in 1_usize..4,
        seed: u64,
    ) {
        let x = values::<f64>(&with(&shape, axis, extent), seed);
        let indices = positions(&shape, extent, seed ^ 1);
        let gathered = from_indices(&shape[..], |i| {
            x[&with(i, axis, indices[i] as usize)[..]]
        });
        assert_same(&x.gather_along(&indices, axis as isize), &gathered);
        let scattered = from_indices(x.shape(), |i| {
            let hits = (0..shape[axis]).filter(|&j| indices[&with(i, axis, j)[..]] == i[axis] as f64);
            hits.fold(0.0, |sum, j| sum + gathered[&with(i, axis, j)[..]])
        });
        assert_same(&gathered.scatter_along(&indices, axis as isize, extent), &scattered);
    }

    #[test]
    fn open_ranges_reach_the_ends((shape, axis) in shape_and_axis(), at in 0_usize..6, seed: u64) {
        let x = values::<f64>(&shape, seed);
        let (n, at, axis) = (shape[axis], at.min(shape[axis]), axis as isize);
        assert_same(&x.slice(axis, ..), &x);
        assert_same(&x.slice(axis, ..at), &x.slice(axis, 0..at));
        assert_same(&x.slice(axis, at..), &x.slice(axis, at..n));
        if at < n {
            assert_same(&x.slice(axis, ..=at), &x.slice(axis, 0..at + 1));
        }
    }
}

/// Enough rows that several threads share them.
#[test]
fn large_tensors_alike() {
    let x = values::<f64>(&[300, 301, 2], 1);
    let indices = x.argsort(1);
    let sorted = x.sort(1);
    assert!((0..300).all(|i| (1..301).all(|j| sorted[[i, j - 1, 1]] <= sorted[[i, j, 1]])));
    assert_same(&sorted.scatter_along(&indices, 1, 301), &x);
    let sums = x.cumsum(1);
    assert_same(&sums.slice(0, 299..).slice(1, ..1), &x.slice(0, 299..).slice(1, ..1));
    assert_close(&sums.slice(1, 300..), &x.sum_keep(&[1]), 1e-12);
}
