//! Operations that move elements.

use bptt_autodiff::Var;
use bptt_gradcheck::{domains, extents, shapes};
use bptt_tensor::Shape;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::{Cases, alone, filled, part, rows, shape, stretched, with_axis, with_first};
use crate::operations;

operations! {
    reshape: domains(), reshaped(), |target, x| x[0].reshape(target);
    permute: domains(), orders(), |order, x| x[0].permute(order);
    transpose: domains(), pairs_of_axes(), |&(a, b), x| x[0].transpose(a, b);

    broadcast_to: domains(), stretched().prop_map(|(small, large)| (large, vec![small])),
        |large, x| x[0].broadcast_to(large);
    sum_to: domains(), stretched().prop_map(|(small, large)| (small, vec![large])),
        |small, x| x[0].sum_to(small);

    slice: domains(), parts_of_axes(), |(axis, range), x| x[0].slice(*axis, range.clone());
    slice_of_an_open_range: domains(), alone(Just(Shape::from([3, 2]))), |(), x| {
        x[0].slice(0, 1..) * x[0].slice(0, ..2).sin() + x[0].slice(0, ..).sum_all()
    };
    roll: domains(), shifts(), |&(shift, axis), x| x[0].roll(shift, axis).tanh() * x[0];
    slices_that_overlap: domains(), alone(Just(Shape::from([3, 3]))), |(), x| {
        let (upper, lower) = (x[0].slice(0, 0..2), x[0].slice(0, 1..3));
        (upper * lower.tanh()).matmul(x[0].slice(1, 1..3)) + x[0].index_first(1).sum_all()
    };
    index_first: domains(), first_entries(), |&index, x| x[0].index_first(index);
    // the second part is unused: its gradient is zero
    split: domains(), thirds(), |(), x| {
        let [a, _, c] = x[0].split(-1);
        a.sin() * c
    };
    concat: domains(), parts_of_a_whole(), |&axis, parts| Var::concat(parts, axis);
    concat_of_one_variable: domains(), with_axis(shape(extents(), 1..=3)), |&axis, x| {
        Var::concat(&[x[0], x[0].cos(), x[0]], axis)
    };
    stack: domains(), equals(), |(), parts| Var::stack(parts, 0);

    gather_rows: domains(), rows().prop_map(|(indices, rows, row)| (indices, vec![with_first(rows, &row)])),
        |indices, x| x[0].gather_rows(indices);
    scatter_rows: domains(), scattered(), |(indices, rows), x| x[0].scatter_rows(indices, *rows);
}

/// The axes reversed, or flattened, or with one more of extent 1.
fn reshaped() -> Cases<Shape> {
    let cases = (shapes(), 0..3).prop_map(|(shape, kind)| {
        let target: Shape = match kind {
            0 => shape.iter().rev().copied().collect(),
            1 => [shape.elements()].into(),
            _ => shape.iter().copied().chain([1]).collect(),
        };
        (target, vec![shape])
    });
    cases.boxed()
}

fn orders() -> Cases<Vec<usize>> {
    let cases = shapes().prop_flat_map(|shape| {
        let order: Vec<usize> = (0..shape.len()).collect();
        (Just(order).prop_shuffle(), Just(vec![shape]))
    });
    cases.boxed()
}

fn pairs_of_axes() -> Cases<(isize, isize)> {
    let cases = shape(extents(), 1..=4).prop_flat_map(|shape| {
        let rank = shape.len() as isize;
        ((-rank..rank, -rank..rank), Just(vec![shape]))
    });
    cases.boxed()
}

fn parts_of_axes() -> Cases<(isize, std::ops::Range<usize>)> {
    let cases = with_axis(shape(extents(), 1..=4)).prop_flat_map(|(axis, shapes)| {
        let rank = shapes[0].len() as isize;
        let extent = shapes[0][axis.rem_euclid(rank) as usize];
        ((Just(axis), part(extent)), Just(shapes))
    });
    cases.boxed()
}

fn shifts() -> Cases<(isize, isize)> {
    let cases = (with_axis(shape(extents(), 1..=3)), -4..=4_isize);
    cases.prop_map(|((axis, shapes), shift)| ((shift, axis), shapes)).boxed()
}

fn first_entries() -> Cases<usize> {
    let cases = (filled(), shape(extents(), 0..=3))
        .prop_flat_map(|(first, rest)| (0..first, Just(vec![with_first(first, &rest)])));
    cases.boxed()
}

fn thirds() -> Cases<()> {
    let whole = (shape(extents(), 0..=3), extents())
        .prop_map(|(leading, part)| leading.iter().copied().chain([3 * part]).collect());
    alone(whole)
}

fn parts_of_a_whole() -> Cases<isize> {
    let cases = (with_axis(shape(extents(), 1..=4)), vec(extents(), 1..=3)).prop_map(
        |((axis, shapes), extents)| {
            let shape = &shapes[0];
            let resolved = axis.rem_euclid(shape.len() as isize) as usize;
            (axis, extents.into_iter().map(|extent| shape.with(resolved, extent)).collect())
        },
    );
    cases.boxed()
}

fn equals() -> Cases<()> {
    let cases = (shape(extents(), 0..=3), 1..=3_usize);
    cases.prop_map(|(shape, parts)| ((), vec![shape; parts])).boxed()
}

fn scattered() -> Cases<(Vec<usize>, usize)> {
    let cases = rows().prop_map(|(indices, rows, row)| {
        let shape = with_first(indices.len(), &row);
        ((indices, rows), vec![shape])
    });
    cases.boxed()
}
