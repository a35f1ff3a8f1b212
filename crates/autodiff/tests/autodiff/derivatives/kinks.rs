//! Documented subgradients where a function has no derivative, and derivatives that a naive rule
//! would miss.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use super::support::V;

/// The gradient of the sum of `f` at some numbers.
fn slopes<const N: usize>(x: [f64; N], f: impl for<'t> Fn(V<'t>) -> V<'t>) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_slice([N], &x));
    tape.grad(f(x).sum_all(), [x])[0].value().to_vec()
}

#[test]
fn relu_and_abs_are_flat_at_zero() {
    assert_eq!(slopes([-1.0, 0.0, -0.0, 2.0], |x| x.relu()), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(slopes([-1.0, 0.0, -0.0, 2.0], |x| x.abs()), [-1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn tied_operands_share_the_gradient_evenly() {
    let tape = Tape::new();
    let a = tape.variable(Tensor::from_vec([3], vec![1.0, 2.0, 3.0]));
    let b = tape.variable(Tensor::scalar(2.0));
    let [of_a, of_b] = tape.grad(a.maximum(b).sum_all(), [a, b]);
    assert_eq!(of_a.value().to_vec(), [0.0, 0.5, 1.0]);
    assert_eq!(of_b.item(), 1.5); // 1 and 0.5, and of the stretched axis the sum
    let [of_a, of_b] = tape.grad(a.minimum(b).sum_all(), [a, b]);
    assert_eq!(of_a.value().to_vec(), [1.0, 0.5, 0.0]);
    assert_eq!(of_b.item(), 1.5);
}

#[test]
fn tied_elements_share_the_gradient_evenly_within_their_group() {
    let rows = |x: [f64; 6], f: fn(V<'_>) -> V<'_>| slopes(x, |x| f(x.reshape([2, 3])));
    assert_eq!(
        rows([4.0, 4.0, 1.0, 0.0, 2.0, 2.5], |x| x.max(&[1])),
        [0.5, 0.5, 0.0, 0.0, 0.0, 1.0]
    );
    assert_eq!(
        rows([4.0, 1.0, 1.0, 7.0, 7.0, 7.0], |x| x.min(&[-1])),
        [0.0, 0.5, 0.5, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]
    );
    assert_eq!(rows([5.0; 6], |x| x.max(&[0, 1])), [1.0 / 6.0; 6]);
}

#[test]
fn powers_are_differentiable_as_far_as_they_are_defined() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_vec([7], vec![0.0, 0.0, 0.0, 0.0, -2.0, -2.0, 2.0]));
    let p = tape.variable(Tensor::from_vec([7], vec![0.0, 1.0, 2.0, 0.5, 3.0, 0.0, -1.0]));
    let [of_x, of_p] = tape.grad(x.pow(p).sum_all(), [x, p]);
    let infinity = f64::INFINITY;
    assert_eq!(of_x.value().to_vec(), [0.0, 1.0, 0.0, infinity, 12.0, 0.0, -0.25]);
    let of_p = of_p.value().to_vec();
    assert_eq!(of_p[..4], [0.0; 4]);
    assert!(of_p[4].is_nan() && of_p[5].is_nan(), "{of_p:?}");
    assert_eq!(of_p[6], 0.5 * 2.0_f64.ln());
    // the second derivative at 0
    let [slope] = tape.grad(x.pow(p).slice(0, 0..3).sum_all(), [x]);
    assert_eq!(tape.grad(slope.sum_all(), [x])[0].value().to_vec()[..3], [0.0, 0.0, 2.0]);
}

#[test]
fn powers_are_differentiable_at_zero() {
    let zero = [0.0];
    assert_eq!(slopes(zero, |x| x.powf(0.0)), [0.0]);
    assert_eq!(slopes(zero, |x| x.powf(1.0)), [1.0]);
    assert_eq!(slopes(zero, |x| x.powf(2.0)), [0.0]);
    let curvature = |x: V<'_>| -> f64 {
        let [slope] = x.tape().grad(x.powf(2.0), [x]);
        x.tape().grad(slope, [x])[0].item()
    };
    assert_eq!(curvature(Tape::new().variable(Tensor::scalar(0.0))), 2.0);
}

#[test]
fn saturated_functions_have_finite_gradients() {
    let far = [-1000.0, 1000.0];
    assert_eq!(slopes(far, |x| x.tanh()), [0.0, 0.0]);
    assert_eq!(slopes(far, |x| x.sigmoid()), [0.0, 0.0]);
    assert_eq!(slopes(far, |x| x.softplus()), [0.0, 1.0]);
    assert_eq!(slopes(far, |x| x.logsumexp(0)), [0.0, 1.0]);
    assert_eq!(slopes(far, |x| x.log_softmax(0).index_first(0)), [1.0, -1.0]);
}

#[test]
fn an_element_not_selected_affects_neither_value_nor_gradient() {
    let tape = Tape::new();
    let a = tape.variable(Tensor::from_vec([2], vec![f64::NAN, 3.0]));
    let b = tape.variable(Tensor::from_vec([2], vec![5.0, f64::NAN]));
    let condition = tape.constant(Tensor::from_vec([2], vec![0.0, 1.0]));
    let y = condition.select(a, b).square();
    assert_eq!(y.value().to_vec(), [25.0, 9.0]);
    let [of_a, of_b] = tape.grad(y.sum_all(), [a, b]);
    assert_eq!(of_a.value().to_vec(), [0.0, 6.0]);
    assert_eq!(of_b.value().to_vec(), [10.0, 0.0]);
    // a NaN in the cotangent does not reach an element that was not selected
    let cotangent = tape.constant(Tensor::full([2], f64::NAN));
    for (not_chosen, dx) in tape.vjp(&[(y, cotangent)], &[a, b]).into_iter().enumerate() {
        assert_eq!(dx.value().to_vec()[not_chosen], 0.0);
    }
    let gradients = tape.backward(y.sum_all());
    assert_eq!((gradients.wrt(a), gradients.wrt(b)), (&of_a.value(), &of_b.value()));
}
