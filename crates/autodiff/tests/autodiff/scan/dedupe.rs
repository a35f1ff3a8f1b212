//! Equal values are computed once.

use super::support::{param, plan};
use expect_test::expect;

#[test]
fn a_gate_that_is_written_twice_is_computed_once() {
    let u = param([4, 4], 3);
    let (forward, _) = plan(|_, h| {
        let gate = || h.matmul(&u).sigmoid();
        let next = gate() * h + (1.0 - gate()) * 0.5;
        (next, next)
    });
    expect![[r#"
        each step:
          t0 = y0(before) · w0
          fused, 4 columns:
            y1 = sigmoid_tail t0
            r0 = sigmoid_of_tail y1
            r1 = sub 1 r0
            y0 = r0 · y0(before) + r1 · 0.5
    "#]]
    .assert_eq(&forward);
}
