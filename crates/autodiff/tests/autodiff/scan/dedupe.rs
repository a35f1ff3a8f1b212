//! Equal values are computed once.

use super::support::{assert_plan, param, plan};

#[test]
fn a_gate_that_is_written_twice_is_computed_once() {
    let u = param([4, 4], 3);
    let (forward, _) = plan(|_, h| {
        let gate = || h.matmul(&u).sigmoid();
        let next = gate() * h + (1.0 - gate()) * 0.5;
        (next, next)
    });
    assert_plan(
        &forward,
        r"
        each step:
          t0 = y0(before) · w0
          fused, 4 columns:
            y1 = sigmoid t0
            r0 = sub 1 y1
            r1 = mul r0 0.5
            y0 = y1 · y0(before) + r1
    ",
    );
}
