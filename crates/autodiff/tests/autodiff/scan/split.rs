//! Products of concatenated operands are split, so that the input's part leaves the loop.

use bptt_autodiff::Var;
use expect_test::expect;

use super::support::{param, plan};

#[test]
fn the_input_leaves_a_product_that_it_shares_with_the_state() {
    let w = param([7, 4], 3);
    let (forward, _) = plan(|x, h| {
        let next = Var::concat(&[x, h], 1).matmul(&w).tanh();
        (next, next)
    });
    expect![[r#"
        once:
          w1 = slice(axis 0, 0..3) w0
          w2 = slice(axis 0, 3..7) w0
        before the loop, all steps at once:
          z0 = x0 · w1
        each step:
          t0 = z0 + y0(before) · w2
          fused, 4 columns:
            y0 = tanh t0
    "#]]
    .assert_eq(&forward);
}
