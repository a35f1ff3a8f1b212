//! Sums, means, extrema and softmaxes over some axes.

use super::arbitrary::{alone, extent, filled, shape, with_axes, with_axis};
use super::harness::{Domain, check};

/// One row for each operation: its test, where its operand is drawn from, the operand's shape and
/// the axes, its equation.
macro_rules! reductions {
    ($($name:ident ($domain:ident) $cases:expr, [$x:ident, $axes:ident] => $y:expr;)*) => {$(
        #[test]
        fn $name() {
            check(Domain::$domain, $cases, |$axes, x| {
                let $x = x[0];
                $y
            });
        }
    )*};
}

reductions! {
    sum(Any) with_axes(shape(extent(), 0..=4)), [x, axes] => x.sum(axes);
    sum_keep(Any) with_axes(shape(extent(), 0..=4)), [x, axes] => x.sum_keep(axes);
    sum_all(Any) alone(shape(extent(), 0..=4)), [x, _axes] => x.sum_all();

    // of nothing there is no mean, no maximum, no logarithm of a sum
    mean(Any) with_axes(shape(filled(), 0..=4)), [x, axes] => x.mean(axes);
    mean_keep(Any) with_axes(shape(filled(), 0..=4)), [x, axes] => x.mean_keep(axes);
    mean_all(Any) alone(shape(filled(), 0..=4)), [x, _axes] => x.mean_all();
    max(Distinct) with_axes(shape(filled(), 0..=4)), [x, axes] => x.max(axes);
    min(Distinct) with_axes(shape(filled(), 0..=4)), [x, axes] => x.min(axes);
    logsumexp(Any) with_axis(shape(filled(), 1..=4)), [x, axis] => x.logsumexp(*axis);

    softmax(Any) with_axis(shape(extent(), 1..=4)), [x, axis] => x.softmax(*axis);
    log_softmax(Any) with_axis(shape(extent(), 1..=4)), [x, axis] => x.log_softmax(*axis);
}
