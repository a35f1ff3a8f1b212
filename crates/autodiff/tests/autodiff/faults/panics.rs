//! Wrong uses panic at the caller's line. The message names operation, shapes, axis and remedy.

use bptt_autodiff::{Operation, Param, Pullback, Tape, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::caught::{panic_of, refuses};

fn zeros<const N: usize>(tape: &Tape<f64>, shape: [usize; N]) -> Var<'_, f64> {
    tape.variable(Tensor::zeros(shape))
}

#[test]
#[rustfmt::skip] // each expression must stand in one line, which is compared
fn shapes_that_do_not_fit() {
    let tape = Tape::new();
    let (x, y) = (zeros(&tape, [2, 3]), zeros(&tape, [4, 5]));
    let (w, t) = (Param::new(Tensor::zeros([4, 5])), Tensor::zeros([4, 5]));
    let (v, s) = (zeros(&tape, [3]), zeros(&tape, []));

    refuses!(x.matmul(y); "matmul of [2, 3] and [4, 5], axis 1", "(3)", "(4)", "transpose");
    refuses!(x.matmul(&w); "matmul of [2, 3] and [4, 5], axis 1");
    refuses!(x.matmul(&t); "matmul of [2, 3] and [4, 5], axis 1");
    refuses!(x.matmul_t(y); "matmul of [2, 3] and [4, 5], axis 1", "(3)", "(5)");
    refuses!(x.t_matmul(y); "matmul of [2, 3] and [4, 5], axis 0", "(2)", "(4)");
    refuses!(x.matmul(v); "matmul of [2, 3] and [3]", "reshape");
    refuses!(s.matmul(x); "matmul of [] and [2, 3]");

    refuses!(x + y; "add of [2, 3] and [4, 5], axis 0", "2 and 4", "reshape");
    refuses!(x - &w; "sub of [2, 3] and [4, 5], axis 0");
    refuses!(&t * x; "mul of [4, 5] and [2, 3], axis 0");
    refuses!(&w / x; "div of [4, 5] and [2, 3], axis 0");
    refuses!(x.maximum(y); "maximum of [2, 3] and [4, 5], axis 0");
    refuses!(x.minimum(y); "minimum of [2, 3] and [4, 5], axis 0");
    refuses!(x.gt(y); "gt of [2, 3] and [4, 5], axis 0");
    refuses!(x.equal(y); "equal of [2, 3] and [4, 5], axis 0");
    refuses!(x.select(y, 0.0); "select of [2, 3] and [4, 5], axis 0");
    refuses!(x.select(x, &t); "select of [2, 3] and [4, 5], axis 0");

    refuses!(x.reshape([4, 2]); "reshape of [2, 3] and [4, 2]", "6 elements", "8");
    refuses!(x.broadcast_to([3, 2]); "broadcast_to of [2, 3] and [3, 2]", "stretch");
    refuses!(x.sum_to([2]); "sum_to of [2] and [2, 3]", "stretch");
    refuses!(x.permute(&[0, 0]); "permute of [2, 3]", "[0, 0]", "each of its axes once");
    refuses!(x.transpose(0, 2); "transpose of [2, 3]", "axis 2", "0 to 1");
    refuses!(x.slice(1, 2..4); "slice of [2, 3], axis 1", "2..4 is not within 0..3");
    refuses!(x.slice(-3, 0..1); "slice of [2, 3]", "axis -3");
    refuses!(x.index_first(2); "of [2, 3], axis 0", "not within 0..2");
    refuses!(s.index_first(0); "index_first of []", "a scalar has no axes");
    refuses!(x.split::<2>(-1); "split of [2, 3], axis 1", "3 does not divide into 2", "slice");
    refuses!(s.split::<2>(-1); "split of []", "a scalar has no axes");
    refuses!(x.split::<0>(-1); "split of [2, 3], axis 1", "0 equal parts");
    refuses!(Var::concat(&[x, y], 1); "concat of [2, 3] and [4, 5], axis 0", "only axis 1 may");
    refuses!(Var::concat(&[x, v], 0); "concat of [2, 3] and [3]", "ranks");
    refuses!(Var::concat(&[x, x], 2); "concat of [2, 3]", "axis 2");
    refuses!(Var::<f64>::concat(&[], 0); "concat needs at least one operand");
    refuses!(Var::stack(&[x, y], 0); "stack of [2, 3] and [4, 5]", "same");
    refuses!(Var::<f64>::stack(&[], 0); "stack: needs at least one operand");
    refuses!(x.gather_rows(&[0, 2]); "gather_rows of [2, 3], axis 0", "index 2 is not within 0..2");
    refuses!(s.gather_rows(&[0]); "gather_rows of []", "a scalar has no rows");
    refuses!(x.scatter_rows(&[0], 4); "scatter_rows of [2, 3]", "2 rows", "not 1");
    refuses!(x.scatter_rows(&[0, 4], 4); "scatter_rows of [4, 3], axis 0", "index 4 is not within 0..4");
    refuses!(s.scatter_rows(&[], 4); "scatter_rows of []", "a scalar has no rows");

    refuses!(x.sum(&[2]); "sum of [2, 3]", "axis 2", "0 to 1, or -1");
    refuses!(x.sum_keep(&[0, -2]); "sum_keep of [2, 3], axis 0", "twice");
    refuses!(x.mean(&[2]); "mean of [2, 3]", "axis 2");
    refuses!(x.mean_keep(&[2]); "mean_keep of [2, 3]", "axis 2");
    refuses!(x.max(&[2]); "max of [2, 3]", "axis 2");
    refuses!(zeros(&tape, [2, 0]).max(&[1]); "max of [2, 0], axis 1", "no element");
    refuses!(x.softmax(2); "softmax of [2, 3]", "axis 2");
    refuses!(x.log_softmax(-3); "log_softmax of [2, 3]", "axis -3");
    refuses!(s.logsumexp(0); "logsumexp of []", "a scalar has no axes");
    refuses!(x.item(); "item of [2, 3]", "exactly one element");
}

#[test]
#[rustfmt::skip]
fn values_without_derivatives_are_refused() {
    let tape = Tape::new();
    let (x, y) = (zeros(&tape, [2, 3]), zeros(&tape, [3]));
    let loss = x.sum_all();
    refuses!(tape.backward(x); "backward", "[2, 3]", "sum_all", "vjp");
    refuses!(tape.grad(x, [x]); "grad", "[2, 3]", "sum_all", "vjp");
    refuses!(tape.vjp(&[(x, y)], &[x]); "vjp", "[2, 3]", "[3]", "cotangent");
    refuses!(tape.jvp(loss, &[(x, y)]); "jvp", "[2, 3]", "[3]", "direction");
    refuses!(tape.hvp(loss, &[(x, y)]); "hvp", "[2, 3]", "[3]", "direction");
    refuses!(tape.hvp(x, &[(x, x)]); "hvp", "[2, 3]", "reduce");
}

#[test]
#[rustfmt::skip]
fn missing_gradients_are_refused() {
    let tape = Tape::new();
    let (x, unused) = (zeros(&tape, [2]), zeros(&tape, [5]));
    let stray = Param::new(Tensor::zeros([7]));
    let h = x.tanh();
    let gradients = tape.backward(h.sum_all());
    refuses!(&gradients[&stray]; "no gradient", "[7]", "does not depend", "get");
    refuses!(gradients.wrt(unused); "no gradient", "[5]", "does not depend", "Tape::variable");
    refuses!(gradients.wrt(h); "no gradient", "Tape::variable");
}

#[test]
#[rustfmt::skip]
fn variables_of_different_tapes() {
    let (tape, other) = (Tape::new(), Tape::new());
    let (x, stranger) = (zeros(&tape, []), zeros(&other, []));
    refuses!(x + stranger; "different tapes", "tape.constant");
    refuses!(x.matmul(stranger); "different tapes");
    refuses!(x.select(1.0, stranger); "different tapes");
    refuses!(Var::concat(&[x.reshape([1]), stranger.reshape([1])], 0); "different tapes");
    refuses!(Var::stack(&[x, stranger], 0); "different tapes");
    refuses!(tape.apply(Promises, &[x, stranger]); "different tapes");
    refuses!(tape.backward(stranger); "different tapes");
    refuses!(tape.grad(stranger, [x]); "different tapes");
    refuses!(tape.grad(x, [stranger]); "different tapes");
    refuses!(tape.vjp(&[(x, stranger)], &[x]); "different tapes");
    refuses!(tape.jvp(x, &[(x, stranger)]); "different tapes");
    refuses!(tape.hvp(x, &[(x, stranger)]); "different tapes");
}

#[test]
#[rustfmt::skip]
fn a_parameter_keeps_its_shape() {
    let mut w = Param::new(Tensor::<f64>::zeros([2, 3]));
    refuses!(w.set(Tensor::zeros([3, 2])); "[2, 3]", "[3, 2]");
    assert_eq!(w.shape(), &Shape::from([2, 3]));
}

/// An operation whose kernel does not compute the shape of its shape rule.
#[derive(Debug)]
struct Promises;

impl<T: Scalar> Operation<T> for Promises {
    fn name(&self) -> &'static str {
        "promises"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        match inputs {
            [_] => Ok(Shape::from([1, 2])),
            _ => Err(ShapeError::new("promises", inputs, "takes one; drop the others")),
        }
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].clone()
    }

    fn gradient(&self, _: &mut Pullback<'_, '_, T>) {}
}

#[test]
#[rustfmt::skip]
fn custom_operations_must_follow_their_shape_rules() {
    let tape = Tape::new();
    let x = zeros(&tape, [2, 1]);
    refuses!(tape.apply(Promises, &[x]); "promises computed [2, 1]", "promises [1, 2]");
    refuses!(tape.apply(Promises, &[x, x]); "promises of [2, 1] and [2, 1]", "drop the others");
    let kept = tape.apply(Promises, &[zeros(&tape, [1, 2])]);
    assert_eq!(kept.shape(), [1, 2]);
}

#[test]
fn a_refused_operation_leaves_no_trace() {
    let tape = Tape::new();
    let x = zeros(&tape, [2, 3]);
    let before = tape.len();
    let _ = panic_of(|| x.matmul(x));
    assert_eq!(tape.len(), before);
    assert_eq!(*tape.backward(x.sum_all()).wrt(x), Tensor::ones([2, 3]));
}
