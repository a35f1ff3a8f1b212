//! Gradients of parameters leave the loop.

use super::support::{param, plan};
use expect_test::expect;

#[test]
fn the_gradients_of_weights_are_products_over_the_rows_of_all_steps() {
    let (w, u, b, p) = (param([3, 4], 3), param([4, 4], 4), param([4], 5), param([1, 4], 6));
    let (_, reverse) = plan(|x, h| {
        let next = (x.matmul(&w) + h.matmul(&u) + &b + h * &p).tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = add x1 c0(before)
            z0 = tanh_vjp r0 x0
          t0 = z0 · w1ᵀ
          fused, 4 columns:
            c0 = z0 ⊗ w2 + t0
        after the loop, all steps at once:
          fused, 4 columns:
            sum2 += z0
            sum3 += z0 ⊗ x0(next)
          y0 = z0 · w0ᵀ
        summed over all steps:
          sum0 += x2ᵀ · z0
          sum1 += x0(next)ᵀ · z0
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn a_parameter_that_is_used_twice_sums_both_uses() {
    let u = param([4, 4], 4);
    let (_, reverse) = plan(|_, h| {
        let next = h.matmul(&u).tanh().matmul(&u).sin();
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = cos x1
            r1 = add x2 c0(before)
            z0 = chain_mul r1 r0
          t0 = z0 · w0ᵀ
          fused, 4 columns:
            z1 = tanh_vjp t0 x0
          c0 = z1 · w0ᵀ
        summed over all steps:
          sum0 += x3(next)ᵀ · z1
          sum0 += x0ᵀ · z0
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn the_gradient_of_a_number_is_a_sum_of_sums() {
    let number = param([], 4);
    let (_, reverse) = plan(|_, h| {
        let next = (h * &number).tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = add x1 c0(before)
            z0 = tanh_vjp r0 x0
            c0 = chain_mul z0 w0
        after the loop, all steps at once:
          fused, 4 columns:
            r1 = sum of z0 ⊗ x0(next)
          then, 1 columns:
            sum0 += r1
    "#]]
    .assert_eq(&reverse);
}
