//! Operations along one axis: cumulative sums, sorting, and gathering and scattering by index.

use bptt_gradcheck::Domain::Distinct;
use bptt_gradcheck::{domains, extents};
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::*;

use crate::arbitrary::{Cases, filled, shape, with_axis};
use crate::{V, operations};

operations! {
    cumsum: domains(), with_axis(shape(extents(), 1..=3)), |&axis, x| x[0].cumsum(axis);
    reverse_cumsum: domains(), with_axis(shape(extents(), 1..=3)),
        |&axis, x| x[0].reverse_cumsum(axis);

    sort: Just(Distinct), with_axis(shape(extents(), 1..=3)), |&axis, x| x[0].sort(axis);
    sort_near_ties: domains(), with_axis(shape(extents(), 1..=3)), |&axis, x| x[0].sort(axis);
    argsort: Just(Distinct), with_axis(shape(extents(), 1..=3)), |&axis, x| x[0].argsort(axis);
    topk: Just(Distinct), top(), |&(k, axis), x| {
        let (values, indices) = x[0].topk(k, axis);
        values * (indices + 1.0)
    };
    topk_near_ties: domains(), top(), |&(k, axis), x| x[0].topk(k, axis).0;
    // another variable in the order of the first
    sort_by_a_key: Just(Distinct), with_axis(shape(filled(), 1..=3)), |&axis, x| {
        x[0].square().gather_along(x[0].argsort(axis), axis)
    };

    gather_along: domains(), lanes(), |case, x| x[0].gather_along(case.indices(x[0]), case.axis);
    scatter_along: domains(), lanes(), |case, x| {
        let indices = case.indices(x[0]);
        let lanes = x[0].gather_along(indices, case.axis).sin();
        lanes.scatter_along(indices, case.axis, case.extent)
    };
}

/// An axis, and a number of its largest elements.
fn top() -> Cases<(usize, isize)> {
    let cases = with_axis(shape(extents(), 1..=3)).prop_flat_map(|(axis, shapes)| {
        let extent = shapes[0][axis.rem_euclid(shapes[0].len() as isize) as usize];
        ((0..=extent, Just(axis)), Just(shapes))
    });
    cases.boxed()
}

/// Indices into lanes along an axis.
#[derive(Clone, Debug)]
struct Lanes {
    axis: isize,
    /// The extent of the axis.
    extent: usize,
    /// The number of indices into each lane.
    count: usize,
}

impl Lanes {
    /// Indices that repeat some elements and leave out others.
    fn indices<'t>(&self, x: V<'t>) -> V<'t> {
        let axis = self.axis.rem_euclid(x.rank() as isize) as usize;
        let indices = Tensor::from_fn(x.shape().with(axis, self.count), |i| {
            ((i * 7 / 3) % self.extent) as f64
        });
        x.tape().constant(indices)
    }
}

fn lanes() -> Cases<Lanes> {
    let cases =
        (with_axis(shape(filled(), 1..=3)), extents()).prop_map(|((axis, shapes), count)| {
            let shape: &Shape = &shapes[0];
            let extent = shape[axis.rem_euclid(shape.len() as isize) as usize];
            (Lanes { axis, extent, count }, shapes)
        });
    cases.boxed()
}
