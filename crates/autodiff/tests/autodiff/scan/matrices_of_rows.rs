//! Products of two matrices that differ from row to row of the batch.

use bptt_autodiff::Var;
use bptt_tensor::Scalar;
use expect_test::expect;

use super::support::{Execution, Vars, distance, plan_of, two_orders};

/// Each is an instruction, of which the matrices of a row are whole operands. So is each gradient.
#[test]
fn products_of_two_matrices_are_instructions() {
    let (forward, reverse) = plan_of([5, 4, 6], [[4, 4]], |x, [h]| {
        let (x, s) = (x.reshape([4, 3, 2]), h.reshape([4, 2, 2]));
        let s = (x.t_matmul(x) * 0.2 + s.matmul(s)).tanh();
        (x.matmul(s), [s.reshape([4, 4])])
    });
    expect![[r#"
        each step:
          t0 = matmul(Aᵀ, B) x0 x0
          t1 = matmul(A, B) y1(before) y1(before)
          fused, 4 columns:
            r0 = t0 · 0.2 + t1
            y1 = tanh r0
          y0 = matmul(A, B) x0 y1
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          t0 = matmul(Aᵀ, B) x2 x1
          t5 = matmul(A, Bᵀ) x1 x0
          fused, 4 columns:
            r0 = add t0 c0(before)
            t1 = tanh_vjp r0 x0
            t2 = chain_mul t1 0.2
          t3 = matmul(A, B) x2 t2
          t4 = matmul(A, Bᵀ) x2 t2
          t6 = matmul(Aᵀ, B) x0(next) t1
          t7 = matmul(A, Bᵀ) t1 x0(next)
          fused, 4 columns:
            c0 = add t7 t6
          then, 6 columns:
            r1 = add t5 t4
            y0 = add r1 t3
    "#]]
    .assert_eq(&reverse);
}

/// Products of matrices of every orientation, of several heads, of parts, and beside an operation that mixes rows.
#[test]
fn operands_of_any_layout() {
    fn matrices(x: Var<'_, f64>) -> Var<'_, f64> {
        x.reshape([4, 3, 4])
    }
    fn heads(x: Var<'_, f64>) -> Var<'_, f64> {
        x.reshape([4, 2, 2, 3])
    }
    type Product = fn(Var<'_, f64>) -> Var<'_, f64>;
    let compiled: [Product; 5] = [
        |x| matrices(x).matmul_t(matrices(x)),
        |x| matrices(x).t_matmul(matrices(x)),
        |x| matrices(x).matmul(matrices(x).permute(&[0, 2, 1])),
        |x| heads(x).matmul_t(heads(x)).permute(&[0, 2, 1, 3]).reshape([4, 2, 4]),
        |x| matrices(x).slice(2, 0..3).matmul(matrices(x).slice(2, 1..4)),
    ];
    let in_parts: [Product; 1] = [|x| matrices(x.softmax(0)).matmul_t(matrices(x))];
    let all = compiled.iter().map(|it| (it, true)).chain(in_parts.iter().map(|it| (it, false)));
    for (product, is_compiled) in all {
        let (forward, reverse) = plan_of([5, 4, 12], [[4, 12]], |x, [h]| {
            let y = product((x * h).tanh());
            (y, [h * 0.5 + y.sum(&[1, 2]).reshape([4, 1])])
        });
        for plan in [forward, reverse] {
            assert_eq!(!plan.contains("operation by operation"), is_compiled, "{plan}");
        }
    }
}

/// Attention among the slots of a state.
fn step<'t, T: Scalar>(
    params: [Var<'t, T>; 2],
    x: &[Var<'t, T>],
    h: &[Var<'t, T>],
) -> (Vars<'t, T>, Vars<'t, T>) {
    let (batch, z) = (h[0].shape()[0], x[0].matmul(params[0]) + h[0].matmul(params[1]));
    let slots = z.reshape([batch, 3, 2]);
    let read = slots.matmul_t(slots).softmax(2).matmul(slots);
    (vec![read], vec![read.reshape([batch, 6]).tanh()])
}

#[test]
fn two_orders_are_those_of_the_loop() {
    for execution in [Execution::Scan, Execution::Recomputed(2)] {
        let off =
            distance(&two_orders::<f64>(execution, 3, step), &two_orders(Execution::Loop, 3, step));
        assert!(off < 1e-12, "{off:e}");
    }
}
