//! How well an estimate of a gradient agrees with the gradient.

use bptt_tensor::{Scalar, Tensor};

use crate::norm::{norm, norm_of};

/// How well an estimate `ĝ` of a gradient agrees with the gradient `g`.
///
/// An estimate of zeros agrees fully with a gradient of zeros. If only one of the two is zero, the cosine is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Agreement {
    /// The ratio of norms, `‖ĝ‖ / ‖g‖`.
    pub norm_ratio: f64,
    /// The relative error, `‖ĝ − g‖ / ‖g‖`.
    pub relative_error: f64,
    /// The cosine of the angle between the two, `ĝᵀg / (‖ĝ‖ ‖g‖)`. If it is positive, a step against `ĝ`
    /// decreases the loss, to first order.
    pub cosine: f64,
    /// The share of elements with the same sign, among the elements of `g` that are not zero.
    pub sign_agreement: f64,
}

impl Agreement {
    /// Compares an estimate with a gradient. Each is a list of tensors, which count as one vector.
    ///
    /// ```
    /// use bptt_analysis::gradients::Agreement;
    /// use bptt_tensor::Tensor;
    ///
    /// let [estimate, gradient] = [[3.0, 0.0], [3.0, 4.0]].map(|g| Tensor::from_slice([2], &g));
    /// let agreement = Agreement::of(&[&estimate], &[&gradient]);
    /// assert_eq!((agreement.norm_ratio, agreement.relative_error), (0.6, 0.8));
    /// assert_eq!((agreement.cosine, agreement.sign_agreement), (0.6, 0.5));
    /// ```
    ///
    /// # Panics
    ///
    /// If the two lists differ in their shapes.
    #[track_caller]
    #[must_use]
    pub fn of<T: Scalar>(estimate: &[&Tensor<T>], gradient: &[&Tensor<T>]) -> Self {
        let shapes = |tensors: &[&Tensor<T>]| -> Vec<_> {
            tensors.iter().map(|tensor| tensor.shape().clone()).collect()
        };
        let (of_estimate, of_gradient) = (shapes(estimate), shapes(gradient));
        assert!(
            of_estimate == of_gradient,
            "an estimate of shapes {of_estimate:?} cannot be compared with a gradient of shapes {of_gradient:?}"
        );
        let [estimated, whole] = [estimate, gradient].map(|tensors| norm(tensors.iter().copied()));
        let (mut cosine, mut same, mut counted) = (0.0, 0_usize, 0_usize);
        let pairs = estimate.iter().zip(gradient).flat_map(|(e, g)| e.iter().zip(g.iter()));
        let pairs = pairs.map(|(e, g)| (e.as_f64(), g.as_f64()));
        for (e, g) in pairs.clone() {
            cosine += (e / estimated) * (g / whole);
            if g != 0.0 {
                counted += 1;
                same += usize::from(e * g.signum() > 0.0);
            }
        }
        Self {
            norm_ratio: ratio(estimated, whole, 1.0),
            relative_error: ratio(norm_of(pairs.map(|(e, g)| e - g)), whole, 0.0),
            cosine: match (estimated == 0.0, whole == 0.0) {
                (true, true) => 1.0,
                (false, false) => cosine.clamp(-1.0, 1.0),
                _ => 0.0,
            },
            sign_agreement: ratio(same as f64, counted as f64, 1.0),
        }
    }
}

/// Returns a quotient, in which `0/0` has a value.
fn ratio(numerator: f64, denominator: f64, of_zeros: f64) -> f64 {
    if numerator == 0.0 && denominator == 0.0 { of_zeros } else { numerator / denominator }
}
