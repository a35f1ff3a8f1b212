//! Products with a matrix for each block of columns.

use expect_test::expect;

use super::support::{param, plan_of};

/// The heads of a state multiply their matrices of all heads at once.
#[test]
fn blocks_that_come_first_are_products_of_their_own() {
    let w = param([2, 3, 3], 5);
    let (forward, reverse) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let blocks = h.reshape([4, 2, 3]).permute(&[1, 0, 2]);
        let h = (x + blocks.matmul(&w).permute(&[1, 0, 2]).reshape([4, 6])).tanh();
        (h, [h])
    });
    expect![[r#"
        once:
          w1 = slice(axis 0, 0..1) w0
          w2 = reshape([3, 3]) w1
          w3 = slice(axis 0, 1..2) w0
          w4 = reshape([3, 3]) w3
        each step:
          t0[0..3] = y0(before)[0..3] · w2
          t0[3..6] = y0(before)[3..6] · w4
          fused, 6 columns:
            r0 = add x0 t0
            y0 = tanh r0
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 6 columns:
            r0 = add x1 c0(before)
            y0 = tanh_vjp r0 x0
          c0[0..3] = y0[0..3] · w0ᵀ
          c0[3..6] = y0[3..6] · w1ᵀ
        summed over all steps:
          sum0 += x0(next)[0..3]ᵀ · y0[0..3]
          sum1 += x0(next)[3..6]ᵀ · y0[3..6]
    "#]]
    .assert_eq(&reverse);
}

/// The matrices are read transposed, and the input's products leave the loop.
#[test]
fn matrices_that_are_broadcast_over_the_batch_are_products_of_their_own() {
    let w = param([2, 3, 3], 6);
    let (forward, _) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let matrices = h.tape().param(&w).broadcast_to([4, 2, 3, 3]);
        let product = x.reshape([4, 2, 1, 3]).matmul_t(matrices).reshape([4, 6]);
        let column = h.reshape([4, 2, 3, 1]).t_matmul(matrices).reshape([4, 6]);
        let h = (product + column).tanh();
        (h, [h])
    });
    expect![[r#"
        once:
          w1 = slice(axis 0, 0..1) w0
          w2 = reshape([3, 3]) w1
          w3 = slice(axis 0, 1..2) w0
          w4 = reshape([3, 3]) w3
        before the loop, all steps at once:
          z0[0..3] = x0[0..3] · w2ᵀ
          z0[3..6] = x0[3..6] · w4ᵀ
        each step:
          t0[0..3] = y0(before)[0..3] · w2
          t0[3..6] = y0(before)[3..6] · w4
          fused, 6 columns:
            r0 = add z0 t0
            y0 = tanh r0
    "#]]
    .assert_eq(&forward);
}

/// A state keeps the blocks in the order in which they are multiplied.
#[test]
fn a_product_of_permuted_blocks_is_one_of_batches_outside_of_compiled_steps() {
    let w = param([2, 3, 3], 5);
    let (forward, _) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let blocks = h.reshape([4, 2, 3]).permute(&[1, 0, 2]);
        let h = (x + blocks.matmul(&w).permute(&[1, 0, 2]).reshape([4, 6])).softmax(0);
        (h, [h])
    });
    assert!(forward.contains("operation by operation"), "{forward}");
    assert!(forward.contains("[2, 4, 3]"), "{forward}");
}
