//! Products with a matrix for each block of columns.

use bptt_autodiff::Var;
use expect_test::expect;

use super::support::{param, plan_of};

/// A product of all heads at once becomes one product for each head.
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

/// In a step with an opaque operation too, blocks are products of their own, which are compiled.
#[test]
fn blocks_are_compiled_beside_an_opaque_operation() {
    let w = param([2, 3, 3], 5);
    let (forward, _) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let blocks = h.reshape([4, 2, 3]).permute(&[1, 0, 2]);
        let h = (x + blocks.matmul(&w).permute(&[1, 0, 2]).reshape([4, 6])).softmax(0);
        (h, [h])
    });
    assert!(forward.contains("softmax") && !forward.contains("permute"), "{forward}");
    assert!(forward.ends_with("4 of 5 operations are compiled\n"), "{forward}");
}

/// Values are those of the loop, as `plan_of` asserts, where a product resembles one of blocks: one
/// matrix for all, a matrix that is broadcast from a vector, and matrices that are broadcast along
/// another axis than the batch, with as many elements as if along the batch.
#[test]
fn products_that_resemble_those_of_blocks() {
    let of = |x: [usize; 3], product: &dyn for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>| {
        plan_of(x, [[x[1], 1]], |x, [h]| {
            let y = product(x + h);
            (y, [h * y.sum(&[1]).reshape([x.shape()[0], 1]).tanh()])
        })
    };
    let (one, row) = (param([3, 3], 5), param([1, 5], 6));
    of([5, 4, 6], &|x| {
        let blocks = x.reshape([4, 2, 3]).permute(&[1, 0, 2]);
        blocks.matmul(&one).permute(&[1, 0, 2]).reshape([4, 6])
    });
    of([5, 4, 3], &|x| x.matmul(x.tape().param(&row).broadcast_to([3, 5])));
    // [B, E, K, N] from the matrices of each row, of which one axis is broadcast that equals B
    for (shape, whole) in
        [([4, 2, 3, 1], [4, 2, 3, 4]), ([4, 1, 3, 3], [4, 4, 3, 3]), ([4, 2, 1, 3], [4, 2, 4, 3])]
    {
        let matrices = param(shape, 7);
        let [batch, blocks, inner, columns] = whole;
        of([5, batch, blocks * inner], &|x| {
            let matrices = x.tape().param(&matrices).broadcast_to(whole);
            let product = x.reshape([batch, blocks, 1, inner]).matmul(matrices);
            product.reshape([batch, blocks * columns])
        });
    }
}

/// Without sequences, gradients are zero.
#[test]
fn an_empty_batch_has_blocks_too() {
    let w = param([2, 3, 3], 5);
    plan_of([5, 0, 6], [[0, 6]], |x, [h]| {
        let blocks = h.reshape([0, 2, 3]).permute(&[1, 0, 2]);
        let h = (x + blocks.matmul(&w).permute(&[1, 0, 2]).reshape([0, 6])).tanh();
        (h, [h])
    });
}
