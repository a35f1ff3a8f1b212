//! Sums, means, extrema and softmaxes over some axes.

use bptt_autodiff::Var;
use bptt_gradcheck::Domain::{Distinct, NonZero};
use bptt_gradcheck::{domains, extents, shapes};
use bptt_tensor::Shape;
use proptest::prelude::*;

use crate::arbitrary::{alone, filled, shape, with_axes, with_axis};
use crate::operations;

/// Of nothing there is no mean, no maximum, no logarithm of a sum.
fn not_empty() -> BoxedStrategy<Shape> {
    shape(filled(), 0..=4)
}

operations! {
    sum: domains(), with_axes(shapes().boxed()), |axes, x| x[0].sum(axes);
    sum_keep: domains(), with_axes(shapes().boxed()), |axes, x| x[0].sum_keep(axes);
    sum_all: domains(), alone(shapes()), |(), x| x[0].sum_all();

    mean: domains(), with_axes(not_empty()), |axes, x| x[0].mean(axes);
    mean_keep: domains(), with_axes(not_empty()), |axes, x| x[0].mean_keep(axes);
    mean_all: domains(), alone(not_empty()), |(), x| x[0].mean_all();

    norm: Just(NonZero), with_axes(not_empty()), |axes, x| x[0].norm(axes);
    norm_near_its_kink: domains(), with_axes(not_empty()), |axes, x| x[0].norm(axes);
    norm_keep: Just(NonZero), with_axes(not_empty()), |axes, x| x[0].norm_keep(axes);

    max: Just(Distinct), with_axes(not_empty()), |axes, x| x[0].max(axes);
    max_near_ties: domains(), with_axes(not_empty()), |axes, x| x[0].max(axes);
    min: Just(Distinct), with_axes(not_empty()), |axes, x| x[0].min(axes);
    min_near_ties: domains(), with_axes(not_empty()), |axes, x| x[0].min(axes);

    // ties everywhere and yet no kink: what the elements get must add up to all
    extrema_of_equals: domains(), alone(not_empty()), |(), x| {
        let equals = Var::stack(&[x[0]; 3], 0);
        equals.max(&[0]) * equals.min(&[0])
    };

    logsumexp: domains(), with_axis(shape(filled(), 1..=4)), |&axis, x| x[0].logsumexp(axis);
    softmax: domains(), with_axis(shape(extents(), 1..=4)), |&axis, x| x[0].softmax(axis);
    log_softmax: domains(), with_axis(shape(extents(), 1..=4)), |&axis, x| x[0].log_softmax(axis);

    // a sum's cotangent is the same along its axes, and meets others that are not
    sums_beside_other_uses: domains(), alone(Just(Shape::from([3, 2]))), |(), x| {
        let y = x[0].tanh();
        let rows = y.gather_rows(&[2, 0, 2]).matmul_t(y.slice(0, 1..3)).sin().sum_all();
        y.sum_all() + y.sum(&[0]).square() + y.sum_keep(&[1]).sin() + y.exp().sum_all() * rows
    };
}
