//! Operands beside a variable, on either side and in any broadcast; one variable in several places;
//! parameters.

use bptt_autodiff::{Operand, Param, Tape};
use bptt_tensor::Tensor;

use super::support::{V, assert_near};

fn vector(elements: [f64; 2]) -> Tensor<f64> {
    Tensor::from_slice([2], &elements)
}

/// Checks values and gradients of the four operators for `x` and an operand whose elements are all
/// 4, on either side.
macro_rules! check_operators {
    ($operand:expr) => {{
        let tape = Tape::new();
        let x = tape.variable(vector([1.0, 2.0]));
        check_equation(x + $operand, x, [5.0, 6.0], [1.0, 1.0]);
        check_equation($operand + x, x, [5.0, 6.0], [1.0, 1.0]);
        check_equation(x - $operand, x, [-3.0, -2.0], [1.0, 1.0]);
        check_equation($operand - x, x, [3.0, 2.0], [-1.0, -1.0]);
        check_equation(x * $operand, x, [4.0, 8.0], [4.0, 4.0]);
        check_equation($operand * x, x, [4.0, 8.0], [4.0, 4.0]);
        check_equation(x / $operand, x, [0.25, 0.5], [0.25, 0.25]);
        check_equation($operand / x, x, [4.0, 2.0], [-4.0, -1.0]);
    }};
}

#[track_caller]
fn check_equation(y: V<'_>, x: V<'_>, value: [f64; 2], slope: [f64; 2]) {
    assert_eq!(y.value().to_vec(), value);
    let [dx] = x.tape().grad(y.sum_all(), [x]);
    assert_eq!(dx.value().to_vec(), slope);
}

#[test]
fn literals_parameters_tensors_and_variables_stand_on_either_side() {
    check_operators!(4.0);
    check_operators!(&Param::new(Tensor::scalar(4.0)));
    check_operators!(&Param::new(vector([4.0, 4.0])));
    check_operators!(&Tensor::full([1], 4.0));
    check_operators!(&vector([4.0, 4.0]));
}

#[test]
fn methods_take_the_same_operands() {
    fn four<'t>(x: V<'t>, other: impl Operand<'t, f64> + Copy) {
        assert_eq!(x.maximum(other).value().to_vec(), [4.0, 7.0]);
        assert_eq!(x.minimum(other).value().to_vec(), [1.0, 4.0]);
        assert_eq!(x.gt(other).value().to_vec(), [0.0, 1.0]);
        assert_eq!(x.lt(other).select(x, other).value().to_vec(), [1.0, 4.0]);
    }
    let tape = Tape::new();
    let x = tape.variable(vector([1.0, 7.0]));
    four(x, 4.0);
    four(x, &Param::new(Tensor::scalar(4.0)));
    four(x, &vector([4.0, 4.0]));
    four(x, tape.constant(Tensor::scalar(4.0)));
}

#[test]
fn the_gradient_of_a_stretched_operand_is_summed() {
    let bias = Param::new(vector([0.5, -0.5]));
    let tape = Tape::new();
    let x = tape.variable(Tensor::ones([3, 2]));
    let weights = Tensor::from_fn([3, 2], |i| i as f64);
    let gradients = tape.backward(((&bias + x) * &weights).sum_all());
    assert_eq!(gradients[&bias], vector([6.0, 9.0]));
    assert_eq!(*gradients.wrt(x), weights);
}

#[test]
fn one_variable_as_both_operands() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    let ones = Tensor::ones([2, 2]);
    let cases = [
        (x * x, x.value().map(|x| 2.0 * x)),
        (x + x, Tensor::full([2, 2], 2.0)),
        (x - x, Tensor::zeros([2, 2])),
        (x / x, Tensor::zeros([2, 2])),
        (x.maximum(x), ones.clone()),
        // Σ (XX)ᵢⱼ: 1 Xᵀ + Xᵀ 1
        (
            x.matmul(x),
            ones.matmul(&x.value().transpose(0, 1)) + x.value().transpose(0, 1).matmul(&ones),
        ),
        // Σ (XXᵀ)ᵢⱼ: 2 · 1 X
        (x.matmul_t(x), ones.matmul(&x.value()).map(|x| 2.0 * x)),
        (V::concat(&[x, x, x], 0), Tensor::full([2, 2], 3.0)),
    ];
    for (y, expected) in cases {
        let y = y.sum_all();
        assert_near(&tape.grad(y, [x])[0].value(), &expected, 1e-15);
        assert_near(tape.backward(y).wrt(x), &expected, 1e-15);
    }
}

#[test]
fn a_parameter_is_one_leaf_and_its_uses_add_up() {
    let (w, unused) = (Param::new(vector([3.0, 5.0])), Param::new(Tensor::scalar(0.0)));
    let tape = Tape::new();
    let first = tape.param(&w);
    let nodes = tape.len();
    let second = tape.param(&w);
    assert_eq!(tape.len(), nodes);
    let mut gradients = tape.backward((first * second + &w).sum_all());
    assert_eq!(gradients[&w], vector([7.0, 11.0]));
    assert!(gradients.get(&unused).is_none());
    *gradients.get_mut(&w).unwrap() *= 2.0;
    assert_eq!(gradients.get(&w), Some(&vector([14.0, 22.0])));
    assert!(gradients.get_mut(&unused).is_none());
}

#[test]
fn a_clone_is_a_different_parameter() {
    let w = Param::new(vector([3.0, 5.0]));
    let clone = w.clone();
    assert_eq!(w.value(), clone.value());
    assert_ne!(w.id(), clone.id());
    let tape = Tape::new();
    let gradients = tape.backward((tape.param(&w) * &clone).sum_all());
    assert_eq!(gradients[&w], vector([3.0, 5.0]));
    assert!(gradients.get(&clone).is_some());
}

#[test]
fn a_parameter_that_changes_leaves_the_tape_alone() {
    let mut w = Param::new(vector([3.0, 5.0]));
    let tape = Tape::new();
    let y = tape.param(&w).square().sum_all();
    w.value_mut().as_mut_slice()[0] = 100.0;
    assert_eq!(tape.backward(y)[&w], vector([6.0, 10.0]));
    w.set(vector([1.0, 1.0]));
    assert_eq!(tape.backward(y)[&w], vector([6.0, 10.0]));
    let next = Tape::new();
    assert_eq!(next.param(&w).value(), vector([1.0, 1.0]));
}

#[test]
fn literals_are_one_leaf_each_and_exact_in_either_precision() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(Tensor::scalar(1.0));
    assert_eq!((x + 0.1).item(), 1.1);
    let nodes = tape.len();
    let _ = (x + 0.1, x + 0.1);
    assert_eq!(tape.len(), nodes + 2);
    // 0 and −0 are equal, but two literals
    assert_eq!((1.0 / (x * 0.0)).item(), f64::INFINITY);
    assert_eq!((1.0 / (x * -0.0)).item(), f64::NEG_INFINITY);
}

#[test]
fn the_products_of_many_steps_add_up_in_batches() {
    // 9 · 300 rows are more than `backward` collects for one product
    let w = Param::new(Tensor::from_vec([2, 2], vec![0.6, -0.4, 0.3, 0.5]));
    let tape = Tape::new();
    let mut h = tape.constant(Tensor::from_fn([300, 2], |i| (i as f64).sin()));
    for _ in 0..9 {
        h = h.matmul(&w).tanh();
    }
    let loss = (h.matmul(&w).square().sum_all() + tape.param(&w).square().sum_all()) * 0.01;
    let [recorded] = tape.grad(loss, [tape.param(&w)]);
    assert_near(&tape.backward(loss)[&w], &recorded.value(), 1e-12);
}
