//! Operations that move elements.

use std::ops::Range;

use bptt_autodiff::Var;
use bptt_tensor::Shape;
use proptest::collection::vec;
use proptest::prelude::*;

use super::arbitrary::{broadcastable, extent, filled, shape, with_axis};
use super::harness::{Domain, check};

fn with_first(first: usize, rest: &Shape) -> Shape {
    std::iter::once(first).chain(rest.iter().copied()).collect()
}

#[test]
fn reshape() {
    // the axes reversed, or flattened, or with one more of extent 1
    let cases = (shape(extent(), 0..=4), 0..3).prop_map(|(shape, kind)| {
        let target: Shape = match kind {
            0 => shape.iter().rev().copied().collect(),
            1 => [shape.elements()].into(),
            _ => shape.iter().copied().chain([1]).collect(),
        };
        (target, vec![shape])
    });
    check(Domain::Any, cases, |target, x| x[0].reshape(target));
}

#[test]
fn permute() {
    let cases = shape(extent(), 0..=4).prop_flat_map(|shape| {
        let order: Vec<usize> = (0..shape.len()).collect();
        (Just(order).prop_shuffle(), Just(vec![shape]))
    });
    check(Domain::Any, cases, |order, x| x[0].permute(order));
}

#[test]
fn transpose() {
    let cases = shape(extent(), 1..=4).prop_flat_map(|shape| {
        let rank = shape.len() as isize;
        ((-rank..rank, -rank..rank), Just(vec![shape]))
    });
    check(Domain::Any, cases, |&(a, b), x| x[0].transpose(a, b));
}

/// A shape, and one that it stretches to.
fn stretched() -> impl Strategy<Value = (Shape, Shape)> {
    (broadcastable(1), vec(extent(), 4)).prop_map(|(mut small, extents)| {
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

#[test]
fn broadcast_to() {
    let cases = stretched().prop_map(|(small, large)| (large, vec![small]));
    check(Domain::Any, cases, |large, x| x[0].broadcast_to(large));
}

#[test]
fn sum_to() {
    let cases = stretched().prop_map(|(small, large)| (small, vec![large]));
    check(Domain::Any, cases, |small, x| x[0].sum_to(small));
}

/// A part of an axis, which may be empty or the whole.
fn part(extent: usize) -> impl Strategy<Value = Range<usize>> {
    (0..=extent, 0..=extent).prop_map(|(a, b)| a.min(b)..a.max(b))
}

#[test]
fn slice() {
    let cases = with_axis(shape(extent(), 1..=4)).prop_flat_map(|(axis, shapes)| {
        let rank = shapes[0].len() as isize;
        let extent = shapes[0][axis.rem_euclid(rank) as usize];
        ((Just(axis), part(extent)), Just(shapes))
    });
    check(Domain::Any, cases, |(axis, range), x| x[0].slice(*axis, range.clone()));
}

#[test]
fn slices_that_overlap_add_up() {
    check(Domain::Any, Just(((), vec![Shape::from([3, 3])])), |(), x| {
        let (upper, lower) = (x[0].slice(0, 0..2), x[0].slice(0, 1..3));
        (upper * lower.exp()).matmul(x[0].slice(1, 1..3)) + x[0].index_first(1).sum_all()
    });
}

#[test]
fn index_first() {
    let cases = (filled(), shape(extent(), 0..=3))
        .prop_flat_map(|(first, rest)| (0..first, Just(vec![with_first(first, &rest)])));
    check(Domain::Any, cases, |&index, x| x[0].index_first(index));
}

#[test]
fn split() {
    let cases = (shape(extent(), 0..=3), extent()).prop_map(|(leading, part)| {
        ((), vec![leading.iter().copied().chain([3 * part]).collect::<Shape>()])
    });
    check(Domain::Any, cases, |(), x| {
        // the second part is unused: its gradient is zero
        let [a, _, c] = x[0].split();
        a.sin() * c
    });
}

#[test]
fn concat() {
    let cases = (with_axis(shape(extent(), 1..=4)), vec(extent(), 1..=3)).prop_map(
        |((axis, shapes), extents)| {
            let shape = &shapes[0];
            let resolved = axis.rem_euclid(shape.len() as isize) as usize;
            (axis, extents.into_iter().map(|extent| shape.with(resolved, extent)).collect())
        },
    );
    check(Domain::Any, cases, |&axis, parts| Var::concat(parts, axis));
}

#[test]
fn stack() {
    let cases =
        (shape(extent(), 0..=3), 1..=3_usize).prop_map(|(shape, parts)| ((), vec![shape; parts]));
    check(Domain::Any, cases, |(), parts| Var::stack(parts));
}

/// Some indices into the rows of a shape, of which several may be the same.
fn rows() -> impl Strategy<Value = (Vec<usize>, usize, Shape)> {
    (filled(), shape(extent(), 0..=2))
        .prop_flat_map(|(rows, row)| (vec(0..rows, 0..=4), Just(rows), Just(row)))
}

#[test]
fn gather_rows() {
    let cases = rows().prop_map(|(indices, rows, row)| (indices, vec![with_first(rows, &row)]));
    check(Domain::Any, cases, |indices, x| x[0].gather_rows(indices));
}

#[test]
fn scatter_rows() {
    let cases = rows().prop_map(|(indices, rows, row)| {
        let shape = with_first(indices.len(), &row);
        ((indices, rows), vec![shape])
    });
    check(Domain::Any, cases, |(indices, rows), x| x[0].scatter_rows(indices, *rows));
}
