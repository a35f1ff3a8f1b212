//! Products of the matrices that rows hold with one matrix for all.

use bptt_autodiff::Var;
use expect_test::expect;

use super::support::{param, plan_of};

/// One product over all rows of all matrices, and one sum of products for the weights.
#[test]
fn a_product_of_matrices_is_one_product() {
    let (w, b) = (param([3, 3], 5), param([3], 6));
    let (forward, reverse) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let h = (x.reshape([4, 2, 3]) + (h.reshape([4, 2, 3]).matmul(&w) + &b)).tanh();
        let h = h.reshape([4, 6]);
        (h, [h])
    });
    expect![[r#"
        each step:
          t0 = w1 + y0(before) · w0, 2 rows each
          fused, 6 columns:
            r0 = add t0 x0
            y0 = tanh r0
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 6 columns:
            r0 = add x1 c0(before)
          then, 6 columns:
            y0 = tanh_vjp r0 x0
          c0 = y0 · w0ᵀ, 2 rows each
        after the loop, all steps at once:
          fused, 2 × 3 columns:
            r1(j) = sum y0
          then, 3 columns:
            sum1 += r1
        summed over all steps:
          sum0 += x0(next)ᵀ · y0, 2 rows each
    "#]]
    .assert_eq(&reverse);
}

/// Products of the inputs leave the loop. Those with one left operand become one.
#[test]
fn products_are_merged_and_leave_the_loop() {
    let ws = [5, 6, 7, 8].map(|seed| param([3, 3], seed));
    let (forward, reverse) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let (x, s) = (x.reshape([4, 2, 3]), h.reshape([4, 2, 3]));
        let gate = (x.matmul(&ws[0]) + s.matmul(&ws[1])).sigmoid();
        let h = (gate * (x.matmul(&ws[2]) + s.matmul(&ws[3])).tanh() + s).reshape([4, 6]);
        (h, [h])
    });
    expect![[r#"
        once:
          w4 = concat(axis 1) w0 w2
          w5 = concat(axis 1) w1 w3
        before the loop, all steps at once:
          z0 = x0 · w4, 2 rows each
        each step:
          t0 = y0(before) · w5, 2 rows each
          fused, 2 × 3 columns:
            r0 = add z0[0..9] t0[0..9]
            y1 = sigmoid_tail r0
            r0 = add z0[3..12] t0[3..12]
            y2 = tanh r0
            r0 = gate y2 y1
            y0 = add r0 y0(before)
    "#]]
    .assert_eq(&forward);
    assert!(!reverse.contains("operation by operation"), "{reverse}");
}

/// Operands that are transposed, cut out of wider values, joined, or of one row, and weights that are read transposed.
/// `plan_of` compares values and gradients with those of the loop.
#[test]
fn operands_of_any_layout() {
    let (square, wide, bias) = (param([3, 3], 5), param([6, 2], 6), param([1, 2, 3], 7));
    let of = |product: &dyn for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>| {
        let (forward, reverse) = plan_of([5, 4, 12], [[4, 12]], |x, [s]| {
            let y = product((x * s).tanh().reshape([4, 2, 6]));
            (y, [s * 0.5 + y.sum(&[1, 2]).reshape([4, 1])])
        });
        for plan in [&forward, &reverse] {
            assert!(!plan.contains("operation by operation"), "{plan}");
        }
    };
    of(&|x| x.slice(2, 1..4).matmul(&square) + &bias);
    of(&|x| x.permute(&[0, 2, 1]).reshape([4, 3, 4]).slice(2, 0..3).matmul_t(&square));
    of(&|x| x.reshape([4, 2, 2, 3]).permute(&[0, 2, 1, 3]).matmul(&square).reshape([4, 2, 6]));
    of(&|x| Var::concat(&[x.slice(2, 0..3), x.slice(2, 2..5)], 2).matmul(&wide));
    of(&|x| x.slice(1, 1..2).matmul(&wide));
    of(&|x| {
        let product = x.slice(2, 0..3).matmul(&square).reshape([4, 6]);
        Var::concat(&[product, x.sum(&[1])], 1).reshape([4, 3, 4])
    });
    of(&|x| x.matmul(&wide).matmul(x.matmul(&wide).permute(&[0, 2, 1])));
}
