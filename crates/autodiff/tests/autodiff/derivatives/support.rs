//! Helpers of the tests of derivatives.

use bptt_autodiff::Var;
use bptt_tensor::Tensor;

/// A variable in double precision.
pub(crate) type V<'t> = Var<'t, f64>;

/// Checks that two tensors have the same shape and agree to `tolerance`, relative above 1 and
/// absolute below.
#[track_caller]
pub(crate) fn assert_near(left: &Tensor<f64>, right: &Tensor<f64>, tolerance: f64) {
    assert_eq!(left.shape(), right.shape());
    for (&x, &y) in left.as_slice().iter().zip(right.as_slice()) {
        assert!(
            (x - y).abs() <= tolerance * y.abs().max(1.0),
            "{x} is not {y}, in {left:?} and {right:?}"
        );
    }
}
