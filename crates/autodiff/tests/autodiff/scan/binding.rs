//! The inputs on which a value depends decide in which stage it is computed.

use super::support::{param, plan};
use expect_test::expect;

#[test]
fn products_of_the_input_leave_the_loop_and_those_of_the_state_stay() {
    let (w, u, v) = (param([3, 4], 3), param([4, 4], 4), param([4, 2], 5));
    let (forward, _) = plan(|x, h| {
        let next = (x.matmul(&w) + h.matmul(&u)).tanh();
        (next.matmul(&v), next)
    });
    expect![[r#"
        before the loop, all steps at once:
          z0 = x0 · w0
        each step:
          t0 = z0 + y1(before) · w1
          fused, 4 columns:
            y1 = tanh t0
        after the loop, all steps at once:
          y0 = y1 · w2
    "#]]
    .assert_eq(&forward);
}

#[test]
fn without_a_state_time_runs_in_parallel() {
    let (w, v) = (param([3, 4], 3), param([4, 2], 5));
    let (forward, reverse) = plan(|x, h| (x.matmul(&w).tanh().matmul(&v), h));
    expect![[r#"
        after the loop, all steps at once:
          t0 = x0 · w0
          fused, 4 columns:
            y1 = tanh t0
          y0 = y1 · w1
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        after the loop, all steps at once:
          t0 = x1 · w1ᵀ
          fused, 4 columns:
            z0 = tanh_vjp t0 x0
          y0 = z0 · w0ᵀ
        summed over all steps:
          sum0 += x2ᵀ · z0
          sum1 += x0ᵀ · x1
    "#]]
    .assert_eq(&reverse);
}
