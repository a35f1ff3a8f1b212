//! Operations defined outside of the library: differentiable to any order like its own.

use std::cell::Cell;
use std::rc::Rc;

use bptt_autodiff::{Operation, Pullback, Tape};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, Transpose, shape};
use proptest::prelude::*;

use super::arbitrary::{broadcastable, extent};
use super::harness::{Domain, check};

/// `y = √(a² + b²)`, counting how often the gradient of either operand is computed.
#[derive(Clone, Debug, Default)]
struct Hypot {
    computed: Rc<[Cell<usize>; 2]>,
}

impl<T: Scalar> Operation<T> for Hypot {
    fn name(&self) -> &'static str {
        "hypot"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast("hypot", inputs[0], inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].square().add(&inputs[1].square()).sqrt()
    }

    /// `∂x = g x / y`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (y, g) = (at.output(), at.cotangent());
        for (i, computed) in self.computed.iter().enumerate() {
            let x = at.input(i);
            at.add(i, || {
                computed.set(computed.get() + 1);
                g * x / y
            });
        }
    }
}

#[test]
fn a_custom_operation_has_two_orders_and_broadcasts() {
    let shapes = broadcastable(2).prop_map(|shapes| ((), shapes));
    // away from 0, where the function has a kink
    check(Domain::NonZero, shapes, |(), x| x[0].tape().apply(Hypot::default(), x));
}

#[test]
fn gradients_of_constants_are_not_computed() {
    let hypot = Hypot::default();
    let tape = Tape::new();
    let (a, b) = (tape.variable(Tensor::scalar(3.0)), tape.constant(Tensor::scalar(4.0)));
    let y = tape.apply(hypot.clone(), &[a, b]);
    let computed = || [hypot.computed[0].get(), hypot.computed[1].get()];
    assert_eq!(*tape.backward(y).wrt(a), Tensor::scalar(0.6));
    assert_eq!(computed(), [1, 0]);
    assert_eq!(tape.grad(y, [b])[0].item(), 0.8);
    assert_eq!(computed(), [1, 1]);
    assert_eq!(tape.grad(y, [y])[0].item(), 1.0);
    assert_eq!(computed(), [1, 1], "the source itself needs no rule");
    let _ = tape.backward(b);
    assert_eq!(computed(), [1, 1], "a loss that depends on nothing needs none either");
}

#[test]
fn gradients_that_are_stopped_are_not_computed() {
    let hypot = Hypot::default();
    let tape = Tape::new();
    let [a, b] = [3.0, 4.0].map(|x| tape.variable(Tensor::scalar(x)));
    let y = tape.apply(hypot.clone(), &[a, b.stop_gradient() * 1.0]);
    assert_eq!(*tape.backward(y + b).wrt(a), Tensor::scalar(0.6));
    assert_eq!([hypot.computed[0].get(), hypot.computed[1].get()], [1, 0]);
}

/// `C = Aᵀ Bᵀ`: both flags of the product at once, in forward and gradient.
#[derive(Debug)]
struct TransposedProduct;

const BOTH: Transpose = Transpose { left: true, right: true };

impl<T: Scalar> Operation<T> for TransposedProduct {
    fn name(&self) -> &'static str {
        "transposed_product"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::matmul(inputs[0], inputs[1], BOTH)
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].matmul_with(inputs[1], BOTH)
    }

    /// `∂A = Bᵀ Gᵀ`, `∂B = Gᵀ Aᵀ`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (a, b, g) = (at.input(0), at.input(1), at.cotangent());
        at.add_product(0, || (b, g), BOTH);
        at.add_product(1, || (g, a), BOTH);
    }
}

#[test]
fn a_custom_product_accumulates_transposed_products() {
    let shapes = [(); 4].map(|()| extent()).prop_map(|[l, m, k, n]| {
        ((), vec![Shape::from([l, k, m]), Shape::from([l, n, k]), Shape::from([l, k, m])])
    });
    check(Domain::Any, shapes, |(), x| {
        let tape = x[0].tape();
        // the second product adds to a cotangent of b that is already there
        let first = tape.apply(TransposedProduct, &[x[0], x[1]]);
        first * tape.apply(TransposedProduct, &[x[2].sin(), x[1]])
    });
}

/// The middle rows `x[1..3]` and rows by index, one after the other.
#[derive(Debug)]
struct Excerpt(Rc<[usize]>);

impl<T: Scalar> Operation<T> for Excerpt {
    fn name(&self) -> &'static str {
        "excerpt"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(Shape::from(inputs[0]).with(0, 2 + self.0.len()))
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        Tensor::concat(&[&inputs[0].slice(0, 1..3), &inputs[0].gather_rows(&self.0)], 0)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add_slice(0, 0, 1, || g.slice(0, 0..2));
        at.add_rows(0, &self.0, || g.slice(0, 2..2 + self.0.len()));
    }
}

#[test]
fn a_custom_operation_adds_to_parts_of_a_cotangent() {
    let cases = (proptest::collection::vec(0..4_usize, 0..=5), extent())
        .prop_map(|(indices, width)| (indices, vec![Shape::from([4, width])]));
    check(Domain::Any, cases, |indices, x| {
        x[0].tape().apply(Excerpt(indices.as_slice().into()), x).exp()
    });
}
