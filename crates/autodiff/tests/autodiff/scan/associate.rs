//! Factors of outer products.

use expect_test::expect;

use super::support::{param, plan_of};

/// A number for each matrix multiplies a vector in place of the outer product, also in the reverse.
#[test]
fn a_factor_of_an_outer_product_joins_its_narrower_part() {
    let (forward, reverse) = plan_of([5, 2, 8], [[2, 12]], |x, [s]| {
        let (gate, k, v) = (x.slice(1, ..1), x.slice(1, 1..5), x.slice(1, 5..));
        let outer = v.reshape([2, 3, 1]).matmul(k.reshape([2, 1, 4]));
        let s = s + (gate.sigmoid().reshape([2, 1, 1]) * outer * 0.5).reshape([2, 12]);
        (s, [s])
    });
    expect![[r#"
        each step:
          fused, 1 columns:
            r0 = sigmoid x0[0..1]
          then, 3 columns:
            r1 = mul r0 x0[5..8]
            r2 = mul 0.5 r1
          then, 3 × 4 columns:
            r3 = mul r2(i) x0[1..5](j)
          then, 12 columns:
            y0 = add y0(before) r3
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 1 columns:
            r0 = sigmoid_tail x0[0..1]
            r1 = sigmoid_of_tail r0
          then, 12 columns:
            c0 = add x1 c0(before)
          then, 3 columns:
            r2 = mul r1 x0[5..8]
            r3 = mul 0.5 r2
          then, 3 × 4 columns:
            z0(i) = sum of c0 ⊗ x0[1..5](j)
          then, 3 × 4 columns:
            z1(j) = sum of c0 ⊗ r3(i)
        after the loop, all steps at once:
          fused, 1 columns:
            r1 = sigmoid_tail x0[0..1]
            r4 = sigmoid_of_tail r1
          then, 3 columns:
            r3 = chain_mul z0 0.5
            r5 = sum of r3 ⊗ x0[5..8]
          then, 4 columns:
            y0[1..5] = identity z1
          then, 1 columns:
            y0[0..1] = sigmoid_vjp r5 r1
          then, 3 columns:
            r2 = chain_mul r3 r4
            y0[5..8] = identity r2
    "#]]
    .assert_eq(&reverse);
}

/// An outer product that is computed once for all steps is not computed anew in each, and a factor
/// that differs along all axes stays.
#[test]
fn outer_products_of_parameters_are_computed_once() {
    let (k, v) = (param([1, 4], 3), param([3, 1], 4));
    let (forward, _) = plan_of([5, 2, 12], [[2, 12]], |x, [s]| {
        let outer = s.tape().param(&v) * &k * x.slice(1, ..1).reshape([2, 1, 1]);
        let s = (x.reshape([2, 3, 4]) * outer * s.reshape([2, 3, 4])).reshape([2, 12]);
        (s, [s])
    });
    expect![[r#"
        once:
          w2 = mul w0 w1
        each step:
          fused, 12 columns:
            r0 = mul w2 x0[0..1]
            r1 = mul x0 r0
            y0 = mul r1 y0(before)
    "#]]
    .assert_eq(&forward);
}
