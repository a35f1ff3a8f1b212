//! The order of a sum's terms in the source does not matter.

use super::support::{param, plan};
use expect_test::expect;

#[test]
fn the_terms_of_a_sum_are_sorted_by_when_they_are_known() {
    let (w, u, b) = (param([3, 4], 3), param([4, 4], 4), param([4], 5));
    let (bias_last, _) = plan(|x, h| {
        let next = (h.matmul(&u) + (x.matmul(&w) + &b)).tanh();
        (next, next)
    });
    let (input_last, _) = plan(|x, h| {
        let next = (h.matmul(&u) + &b + x.matmul(&w)).tanh();
        (next, next)
    });
    expect![[r#"
        before the loop, all steps at once:
          z0 = w2 + x0 · w1
        each step:
          t0 = z0 + y0(before) · w0
          fused, 4 columns:
            y0 = tanh t0
    "#]]
    .assert_eq(&bias_last);
    // the same plan, with names in the order of the other operands
    expect![[r#"
        before the loop, all steps at once:
          z0 = w1 + x0 · w2
        each step:
          t0 = z0 + y0(before) · w0
          fused, 4 columns:
            y0 = tanh t0
    "#]]
    .assert_eq(&input_last);
}

#[test]
fn several_biases_are_one() {
    let (u, b, c) = (param([4, 4], 4), param([4], 5), param([4], 6));
    let (forward, reverse) = plan(|_, h| {
        let next = (h.matmul(&u) + &b + h.sin() + &c).tanh();
        (next, next)
    });
    expect![[r#"
        once:
          w3 = add w1 w2
        each step:
          t0 = w3 + y0(before) · w0
          fused, 4 columns:
            r0 = sin y0(before)
            r1 = add t0 r0
            y0 = tanh r1
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = add x1 c0(before)
            z0 = tanh_vjp r0 x0
          t0 = z0 · w0ᵀ
          fused, 4 columns:
            r0 = cos x0(next)
            c0 = z0 ⊗ r0 + t0
        after the loop, all steps at once:
          fused, 4 columns:
            sum1 += z0
        summed over all steps:
          sum0 += x0(next)ᵀ · z0
    "#]]
    .assert_eq(&reverse);
}
