//! A user's elementwise function is compiled with the step in which it stands.

use expect_test::expect;
use std::cell::Cell;

use bptt_autodiff::{OpClass, Operation, Pullback, Tape, Var};
use bptt_tensor::{Binary, Scalar, Shape, ShapeError, Tensor, shape};

use super::support::{Execution, Vars, distance, param, plan, two_orders, uniform};

thread_local! {
    /// The number of times that the compiler has read the class of an operation of this file.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

/// `y = √(a² + b²)`
#[derive(Debug)]
struct Hypotenuse;

impl<T: Scalar> Operation<T> for Hypotenuse {
    fn name(&self) -> &'static str {
        "hypotenuse"
    }

    fn class(&self) -> OpClass<T> {
        ASKED.set(ASKED.get() + 1);
        OpClass::elementwise(|inputs: &[&[T]], output: &mut [T]| {
            for ((y, &a), &b) in output.iter_mut().zip(inputs[0]).zip(inputs[1]) {
                *y = (a * a + b * b).sqrt();
            }
        })
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        shape::broadcast("hypotenuse", inputs[0], inputs[1])
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let [a, b] = [inputs[0], inputs[1]].map(|x| x.map(|x| x * x));
        a.binary(Binary::Add, &b).map(T::sqrt)
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (a, b, y, g) = (at.input(0), at.input(1), at.output(), at.cotangent());
        at.add(0, || g.chain_mul(a).chain_div(y));
        at.add(1, || g.chain_mul(b).chain_div(y));
    }
}

/// `y = factor · x`, an operation with a field that does not say what it equals.
#[derive(Debug)]
struct Scale(f64);

impl<T: Scalar> Operation<T> for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0] * self.0
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add(0, || g * self.0);
    }
}

#[test]
fn it_is_an_instruction_of_a_fused_sequence() {
    let (w, scale) = (param([4, 4], 3), param([4], 4));
    let (forward, reverse) = plan(|x, h| {
        let z = h.matmul(&w);
        let column = x.slice(1, 0..1);
        let next = z.tape().apply(Hypotenuse, &[z.sin(), z.tape().param(&scale)]);
        (z.tape().apply(Hypotenuse, &[next, column]), next.tanh())
    });
    expect![[r#"
        each step:
          y1 = y2(before) · w0
          fused, 4 columns:
            r0 = sin y1
            z0 = hypotenuse r0 w1
            y2 = tanh z0
        after the loop, all steps at once:
          fused, 4 columns:
            y0 = hypotenuse z0 x0[0..1]
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = sin x1
            r1 = hypotenuse r0 w0
            r2 = hypotenuse r1 x0[0..1]
            r3 = cos x1
            r4 = chain_mul x2 r1
            r5 = chain_div r4 r2
            r2 = tanh_vjp c0(before) x3
            z0 = add r2 r5
            r5 = chain_mul z0 r0
            r0 = chain_div r5 r1
            z1 = chain_mul r0 r3
          c0 = z1 · w1ᵀ
        after the loop, all steps at once:
          fused, 2 columns:
            y0[1..3] = identity 0
          then, 4 columns:
            r5 = sin x1
            r4 = hypotenuse r5 w0
            r5 = hypotenuse r4 x0[0..1]
            r3 = chain_mul x2 x0[0..1]
            r2 = chain_div r3 r5
            r6 = sum r2
            r2 = chain_mul z0 w0
            r5 = chain_div r2 r4
            sum1 += r5
          then, 1 columns:
            y0[0..1] = identity r6
        summed over all steps:
          sum0 += x3(next)ᵀ · z1
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn an_equal_step_is_compiled_once() {
    let asked = || {
        let tape = Tape::<f64>::new();
        let (xs, h) = (tape.constant(uniform([5, 2, 3], 1)), tape.constant(uniform([2, 3], 2)));
        let before = ASKED.get();
        let _ = tape.scan(xs, h).run(|x, h| {
            let next = tape.apply(Hypotenuse, &[x, h]);
            ((), next)
        });
        ASKED.get() - before
    };
    assert!(asked() > 0);
    assert_eq!(asked(), 0);
}

#[test]
fn without_fields_an_operation_equals_those_of_its_type() {
    let equal = |a: &dyn Operation<f64>, b: &dyn Operation<f64>| a.equals(b);
    assert!(equal(&Hypotenuse, &Hypotenuse));
    assert!(!equal(&Hypotenuse, &Scale(1.0)) && !equal(&Scale(1.0), &Hypotenuse));
    assert!(!equal(&Scale(1.0), &Scale(1.0)), "other scales would be taken for it");
}

/// A step with operands that are rows, columns, numbers and slices, invariant or not.
fn step<'t, T: Scalar>(
    params: [Var<'t, T>; 2],
    x: &[Var<'t, T>],
    h: &[Var<'t, T>],
) -> (Vars<'t, T>, Vars<'t, T>) {
    let tape = x[0].tape();
    let hypotenuse = |a: Var<'t, T>, b: Var<'t, T>| tape.apply(Hypotenuse, &[a, b]);
    let z = x[0].matmul(params[0]) + h[0].matmul(params[1]);
    let (left, right) = (z.slice(1, 0..3), z.slice(1, 3..6));
    let row = hypotenuse(params[1].index_first(0), params[1].index_first(1)); // hoisted
    let next = hypotenuse(z, row).tanh() - hypotenuse(left, right).sum_keep(&[1]) * 0.1;
    let scaled = hypotenuse(hypotenuse(x[0].slice(1, 1..2), next), tape.scalar(0.5));
    (vec![scaled * z, hypotenuse(left, x[0])], vec![next])
}

#[test]
fn two_orders_are_those_of_the_loop() {
    for batch in [1, 2, 33] {
        for execution in [Execution::Scan, Execution::Recomputed(2)] {
            let off = distance(
                &two_orders::<f64>(execution, batch, step),
                &two_orders(Execution::Loop, batch, step),
            );
            assert!(off < 1e-12, "{off:e} of {batch} rows in double precision");
            let off = distance(
                &two_orders::<f32>(execution, batch, step),
                &two_orders(Execution::Loop, batch, step),
            );
            assert!(off < 1e-4, "{off:e} of {batch} rows in single precision");
        }
    }
}
