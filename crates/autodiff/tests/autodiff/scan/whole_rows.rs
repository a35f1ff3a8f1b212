//! Operations that compute a row from whole rows of their operands.

use bptt_autodiff::{Operation, Pullback, RowFunction, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};
use expect_test::expect;

use super::support::{Execution, Vars, distance, plan_of, two_orders, uniform};

#[test]
fn sorting_sums_and_gathers_are_instructions() {
    let (forward, reverse) = plan_of([5, 2, 3], [[2, 4]], |x, [h]| {
        let sorted = h.sort(1);
        let (largest, _) = h.topk(1, 1);
        (x.cumsum(1), [(sorted * largest).tanh()])
    });
    expect![[r#"
        each step:
          y1 = argsort(axis 1) c0(before)
          y4 = topk(axis 1) c0(before)
          y3 = gather_along(axis 1) c0(before) y1
          y2 = gather_along(axis 1) c0(before) y4
          fused, 4 columns:
            r0 = mul y3 y2
            c0 = tanh r0
        after the loop, all steps at once:
          y0 = cumsum(axis 1) x0
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = mul x3 x2
            r1 = tanh r0
            r0 = tanh_vjp c0(before) r1
            t0 = chain_mul r0 x2
            t2 = sum of r0 ⊗ x3
          t1 = scatter_along(axis 1) t0 x1
          t3 = scatter_along(axis 1) t2 x4
          fused, 4 columns:
            c0 = add t3 t1
        after the loop, all steps at once:
          y0 = reverse_cumsum(axis 1) x0
    "#]]
    .assert_eq(&reverse);
}

/// Lanes along an axis that others follow, of values that are cut out of wider ones and transposed, and of a memory of
/// each sequence.
#[test]
fn operands_of_any_layout() {
    let memory: Tensor<f64> = uniform([2, 3, 4], 8);
    let (forward, reverse) = plan_of([5, 2, 12], [[2, 12]], |x, [h]| {
        let (x, s) = (x.reshape([2, 3, 4]), h.reshape([2, 4, 3]).permute(&[0, 2, 1]));
        let (values, indices) = s.topk(2, 1);
        let read = h.tape().constant(memory.clone()).gather_along(indices, 1);
        let y = s.slice(2, 1..3).cumsum(1).sum_keep(&[2]) * x.slice(1, 1..2).cumsum(2);
        let largest = (values + read).sum(&[1]);
        let next = s.sort(1).reshape([2, 12]) * 0.5 + Var::concat(&[largest; 3], 1);
        (y, [next.tanh()])
    });
    assert!(!forward.contains("operation by operation"), "{forward}");
    assert!(!reverse.contains("operation by operation"), "{reverse}");
}

/// The elements of each row in reverse order.
#[derive(Debug)]
struct Flip;

impl<T: Scalar> Operation<T> for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let (x, width) = (inputs[0].as_slice(), inputs[0].shape()[1]);
        Tensor::from_fn(inputs[0].shape(), |i| x[i - i % width + width - 1 - i % width])
    }

    fn by_rows(&self, _: &[&[usize]]) -> Option<RowFunction<T>> {
        Some(RowFunction::new(|inputs, output| {
            output.iter_mut().zip(inputs[0].iter().rev()).for_each(|(y, &x)| *y = x);
        }))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add(0, || g.tape().apply(Flip, &[g]));
    }
}

/// A step with an operation of one's own, before, in and after the loop.
fn flipped<'t, T: Scalar>(
    params: [Var<'t, T>; 2],
    x: &[Var<'t, T>],
    h: &[Var<'t, T>],
) -> (Vars<'t, T>, Vars<'t, T>) {
    let flip = |x: Var<'t, T>| x.tape().apply(Flip, &[x]);
    let next = (flip(x[0]).matmul(params[0]) + flip(h[0]).matmul(params[1])).tanh();
    (vec![flip(next) * next.slice(1, 0..1)], vec![next])
}

#[test]
fn two_orders_of_an_operation_of_ones_own_are_those_of_the_loop() {
    for execution in [Execution::Scan, Execution::Recomputed(2)] {
        let off = distance(
            &two_orders::<f64>(execution, 3, flipped),
            &two_orders(Execution::Loop, 3, flipped),
        );
        assert!(off < 1e-12, "{off:e}");
    }
}

#[test]
fn an_operation_of_ones_own_is_compiled() {
    let (forward, _) = plan_of([5, 2, 4], [[2, 4]], |x, [h]| {
        let h = (x + h.tape().apply(Flip, &[h])).tanh();
        (h, [h])
    });
    expect![[r#"
        each step:
          t0 = flip y0(before)
          fused, 4 columns:
            r0 = add x0 t0
            y0 = tanh r0
    "#]]
    .assert_eq(&forward);
}
