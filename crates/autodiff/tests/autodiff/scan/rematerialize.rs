//! Functions of inputs alone are recomputed where they are read, in the loop and after it.

use super::support::{param, plan};
use expect_test::expect;

#[test]
fn a_function_of_an_input_read_in_and_after_the_loop_is_recomputed() {
    let (to_gate, back, out) = (param([4, 3], 4), param([3, 4], 5), param([4, 3], 6));
    let (forward, _) = plan(|x, h| {
        let gate = x.sin();
        let next = (h.matmul(&to_gate) * gate).matmul(&back).tanh();
        (next.matmul(&out) * gate, next)
    });
    expect![[r#"
        each step:
          y1 = y2(before) · w0
          fused, 3 columns:
            r0 = sin x0
            t0 = mul y1 r0
          t1 = t0 · w1
          fused, 4 columns:
            y2 = tanh t1
        after the loop, all steps at once:
          y3 = y2 · w2
          fused, 3 columns:
            r0 = sin x0
            y0 = mul y3 r0
        "#]]
    .assert_eq(&forward);
}

#[test]
fn a_product_of_an_input_is_kept() {
    let (w, u, out) = (param([3, 4], 4), param([4, 4], 5), param([4, 4], 6));
    let (forward, _) = plan(|x, h| {
        let read = x.matmul(&w).sin();
        let next = (h.matmul(&u) * read).tanh();
        (next.matmul(&out) * read, next)
    });
    expect![[r#"
        before the loop, all steps at once:
          y1 = x0 · w0
        each step:
          y2 = y3(before) · w1
          fused, 4 columns:
            r0 = sin y1
            r1 = mul y2 r0
            y3 = tanh r1
        after the loop, all steps at once:
          y4 = y3 · w2
          fused, 4 columns:
            r1 = sin y1
            y0 = mul y4 r1
        "#]]
    .assert_eq(&forward);
}
