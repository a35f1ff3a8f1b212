//! Operations defined outside of the library: differentiable to any order like its own.

use std::rc::Rc;

use bptt_autodiff::{Elementwise, Operation, Pullback};
use bptt_gradcheck::Domain::NonZero;
use bptt_gradcheck::{broadcastable, domains, extents};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, Transpose, shape};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::Cases;
use crate::{CASES, operations};

/// `y = √(a² + b²)`
#[derive(Clone, Debug)]
struct Hypot;

impl<T: Scalar> Operation<T> for Hypot {
    fn name(&self) -> &'static str {
        "hypot"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast("hypot", inputs[0], inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        (inputs[0].square() + inputs[1].square()).sqrt()
    }

    /// `∂x = g x / y`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (y, g) = (at.output(), at.cotangent());
        for i in 0..2 {
            let x = at.input(i);
            at.add(i, || g * x / y);
        }
    }
}

/// Away from 0, where the function has a kink.
#[test]
fn an_operation_that_broadcasts() {
    let check = bptt_gradcheck::operation(Hypot).named("hypot");
    check.shapes(broadcastable(2)).domain(Just(NonZero)).cases(CASES).check();
}

/// `y = x / (1 + |x|)`
#[test]
fn an_elementwise_function() {
    let softsign = Elementwise::new(
        "softsign",
        |[x]: [f64; 1]| x / (1.0 + x.abs()),
        |[x], _| [(1.0 + x.abs()).square().recip()],
    );
    let check = bptt_gradcheck::operation(softsign).named("softsign");
    check.shapes(broadcastable(1)).domain(domains()).cases(CASES).check();
}

/// `y = a tanh(b) + c`, whose inputs broadcast. The slope in `a` needs the inputs, and the one in `c` is constant.
#[test]
fn an_elementwise_function_of_three_inputs() {
    let function = Elementwise::new(
        "line",
        |[a, b, c]: [f64; 3]| a * b.tanh() + c,
        |[a, b, c], _| {
            let t = b.tanh();
            [t, a * (1.0 - t * t), c.tape().scalar(1.0)]
        },
    );
    let check = bptt_gradcheck::operation(function).named("line");
    check.shapes(broadcastable(3)).domain(domains()).cases(CASES).check();
}

#[test]
fn a_wrong_slope_is_found() {
    let wrong = Elementwise::new("wrong", |[x]: [f64; 1]| x.sin(), |[x], _| [x.cos() * 1.01]);
    let report = bptt_gradcheck::operation(wrong).named("wrong").run();
    assert!(!report.holds());
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

/// The shapes of `A`, `B` and another `A`.
fn transposed_operands() -> Cases<()> {
    let shapes = [(); 4].map(|()| extents()).prop_map(|[l, m, k, n]| {
        ((), vec![Shape::from([l, k, m]), Shape::from([l, n, k]), Shape::from([l, k, m])])
    });
    shapes.boxed()
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

fn excerpts() -> Cases<Vec<usize>> {
    let cases = (vec(0..4_usize, 0..=5), extents());
    cases.prop_map(|(indices, width)| (indices, vec![Shape::from([4, width])])).boxed()
}

operations! {
    // the second product adds to a cotangent of b that is already there
    an_operation_that_accumulates_products: domains(), transposed_operands(), |(), x| {
        let tape = x[0].tape();
        let first = tape.apply(TransposedProduct, &[x[0], x[1]]);
        first * tape.apply(TransposedProduct, &[x[2].sin(), x[1]])
    };
    an_operation_that_adds_to_parts_of_a_cotangent: domains(), excerpts(), |indices, x| {
        x[0].tape().apply(Excerpt(indices.as_slice().into()), x).tanh()
    };
}
