//! The sources with respect to which a value can be differentiated, and places where gradients do
//! not flow.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;

use super::support::assert_near;

#[test]
fn a_source_may_be_an_intermediate_value() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_vec([2], vec![0.5, 2.0]));
    let h = x.exp();
    let y = (h * h + x).sum_all();
    let [of_h, of_x] = tape.grad(y, [h, x]);
    assert_near(&of_h.value(), &h.value().map(|h| 2.0 * h), 1e-15);
    assert_near(&of_x.value(), &h.value().map(|h| 2.0 * h * h + 1.0), 1e-15);
    // a constant may be a source as well
    let c = tape.constant(Tensor::scalar(3.0));
    assert_eq!(tape.grad((c * c).sum_all(), [c])[0].item(), 6.0);
}

#[test]
fn a_source_without_influence_has_gradient_zero() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(Tensor::ones([2, 3]));
    let y = x.sum_all();
    let later = tape.variable(Tensor::ones([4]));
    let [of_x, of_later] = tape.grad(y, [x, later]);
    assert_eq!(of_x.value(), Tensor::ones([2, 3]));
    assert_eq!(of_later.value(), Tensor::zeros([4]));
    // no operation depends on the source
    assert_eq!(tape.vjp(&[], &[x])[0].value(), Tensor::zeros([2, 3]));
    let v = tape.constant(Tensor::ones([4]));
    assert_eq!(tape.jvp(y, &[(later, v)]).item(), 0.0);
    assert_eq!(tape.hvp(y, &[(later, v)])[0].value(), Tensor::zeros([4]));
    // and a linear function has no curvature
    let v = tape.constant(Tensor::ones([2, 3]));
    assert_eq!(tape.hvp(y, &[(x, v)])[0].value(), Tensor::zeros([2, 3]));
}

#[test]
fn a_source_may_be_the_output_itself() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::full([1], 2.0));
    let y = x.square();
    let [of_y, of_x] = tape.grad(y, [y, x]);
    assert_eq!((of_y.value(), of_x.value()), (Tensor::ones([1]), Tensor::full([1], 4.0)));
    assert_eq!(*tape.backward(x).wrt(x), Tensor::ones([1]));
    let v = tape.constant(Tensor::full([1], 7.0));
    assert_eq!(tape.jvp(y, &[(y, v)]).value(), v.value());
}

#[test]
fn a_source_named_twice_has_two_equal_gradients() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(3.0));
    let [first, second] = tape.grad(x * x, [x, x]);
    assert_eq!((first.item(), second.item()), (6.0, 6.0));
}

#[test]
fn cotangents_of_several_outputs_add_up() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_vec([2], vec![0.5, 2.0]));
    let (y, z) = (x.square(), x * 3.0);
    let [v, w] = [[1.0, 4.0], [10.0, -10.0]].map(|v| tape.constant(Tensor::from_slice([2], &v)));
    // 2 x v + 3 w; and of an output that is named twice, the sum of both
    let expected = Tensor::from_vec([2], vec![31.0, -14.0]);
    assert_eq!(tape.vjp(&[(y, v), (z, w)], &[x])[0].value(), expected);
    assert_eq!(tape.vjp(&[(y, v * 2.0), (z, w), (y, -v)], &[x])[0].value(), expected);
}

#[test]
fn a_stopped_gradient_is_exactly_zero() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::scalar(3.0));
    let stopped = x.square().stop_gradient();
    assert_eq!(stopped.item(), 9.0);
    assert_eq!(tape.grad(stopped, [x])[0].item(), 0.0);
    // the other factor has the gradient of a product with a constant
    assert_eq!(tape.grad(stopped * x, [x])[0].item(), 9.0);
    assert_eq!(*tape.backward(stopped * x).wrt(x), Tensor::scalar(9.0));
}

#[test]
fn backward_leaves_nothing_on_the_tape() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_vec([2], vec![1.0, 2.0]));
    let y = (x.tanh() * 3.0).sum_all();
    let before = tape.len();
    let first = tape.backward(y);
    assert_eq!(tape.len(), before);
    assert_eq!(first.wrt(x), tape.backward(y).wrt(x));
}
