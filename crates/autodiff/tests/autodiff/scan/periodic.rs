//! Phases, bounds and cyclic shifts are compiled; operations along an axis run by themselves. All agree with the loop.

use expect_test::expect;

use bptt_autodiff::Var;
use bptt_tensor::Scalar;

use super::support::{Execution, Vars, distance, param, plan, two_orders};

#[test]
fn steps_with_remainders_bounds_and_shifts_are_compiled() {
    let w = param([4, 4], 3);
    let (forward, reverse) = plan(|x, h| {
        let phase = (h.roll(1, 1) * 3.0 + x.slice(1, ..1)).rem(2.0);
        let gate = phase.floor() - phase.clamp(0.25, 1.5);
        (gate, gate.matmul(&w) * phase)
    });
    expect![[r#"
        each step:
          fused, 1 columns:
            t0[0..1] = identity c0(before)[3..4]
          then, 3 columns:
            t0[1..4] = identity c0(before)[0..3]
          then, 4 columns:
            r0 = t0 · 3 + x0[0..1]
            y1 = rem r0 2
            r0 = floor y1
            r1 = clamp(0.25, 1.5) y1
            y0 = sub r0 r1
          y2 = y0 · w0
          fused, 4 columns:
            c0 = mul y2 y1
    "#]]
    .assert_eq(&forward);
    assert!(!reverse.contains("operation by operation"), "{reverse}");
}

/// A step with each of the operations.
fn step<'t, T: Scalar>(
    params: [Var<'t, T>; 2],
    x: &[Var<'t, T>],
    h: &[Var<'t, T>],
) -> (Vars<'t, T>, Vars<'t, T>) {
    let z = x[0].matmul(params[0]) + h[0].roll(-2, 1).matmul(params[1]);
    let (largest, indices) = z.topk(2, 1);
    let phase = (z * 2.0).rem(0.7) + z.ceil() * z.round();
    let next = phase.clamp(0.1, 0.9) * z.sort(1).cumsum(1).tanh() + largest.sum_keep(&[1]);
    (vec![z.gather_along(indices, 1), phase], vec![next])
}

#[test]
fn two_orders_are_those_of_the_loop() {
    for execution in [Execution::Scan, Execution::Recomputed(2)] {
        let off =
            distance(&two_orders::<f64>(execution, 3, step), &two_orders(Execution::Loop, 3, step));
        assert!(off < 1e-12, "{off:e}");
    }
}
