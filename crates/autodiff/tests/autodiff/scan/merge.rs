//! Products that share their left operand become one.

use super::support::{param, plan};
use expect_test::expect;

#[test]
fn gates_with_weights_of_their_own_share_two_wide_products() {
    let [w_f, w_c] = [3, 4].map(|seed| param([3, 4], seed));
    let [u_f, u_c] = [5, 6].map(|seed| param([4, 4], seed));
    let (forward, reverse) = plan(|x, h| {
        let f = (x.matmul(&w_f) + h.matmul(&u_f)).sigmoid();
        let c = (x.matmul(&w_c) + h.matmul(&u_c)).tanh();
        let next = f * h + c;
        (next, next)
    });
    expect![[r#"
        once:
          w4 = concat(axis 1) w0 w2
          w5 = concat(axis 1) w1 w3
        before the loop, all steps at once:
          z0 = x0 · w4
        each step:
          t0 = y0(before) · w5
          fused, 4 columns:
            r0 = add z0[0..4] t0[0..4]
            y1 = sigmoid_tail r0
            r0 = add z0[4..8] t0[4..8]
            y2 = tanh r0
            r0 = gate y0(before) y1
            y0 = add r0 y2
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = add x2 c0(before)
            r1 = chain_mul r0 x1(next)
            z0[0..4] = sigmoid_vjp r1 x0
            z0[4..8] = tanh_vjp r0 x3
            t1 = chain_gate r0 x0
          t0 = z0 · w2ᵀ
          fused, 4 columns:
            c0 = add t0 t1
        after the loop, all steps at once:
          y0 = z0 · w0ᵀ
        summed over all steps:
          sum0 += x4ᵀ · z0
          sum1 += x1(next)ᵀ · z0
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn products_with_different_left_operands_stay_apart() {
    let [u_f, u_c] = [5, 6].map(|seed| param([4, 4], seed));
    let (forward, _) = plan(|_, h| {
        let f = h.matmul(&u_f).sigmoid();
        let next = (f * h).matmul(&u_c).tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          t0 = y0(before) · w0
          fused, 4 columns:
            y1 = sigmoid_tail t0
            t1 = gate y0(before) y1
          t2 = t1 · w1
          fused, 4 columns:
            y0 = tanh t2
    "#]]
    .assert_eq(&forward);
}
