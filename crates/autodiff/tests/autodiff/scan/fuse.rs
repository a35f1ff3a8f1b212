//! Functions of single elements are computed together, block by block, in few registers.

use super::support::{assert_plan, plan};

#[test]
fn what_only_neighbours_read_stays_in_registers() {
    let (forward, _) = plan(|_, h| {
        let a = h.sin();
        let b = (a * h).cos();
        let c = a + b * 0.5;
        let next = c.tanh() - c;
        (next, next)
    });
    assert_plan(
        &forward,
        r"
        each step:
          fused, 4 columns:
            r0 = sin y0(before)
            r1 = mul r0 y0(before)
            r2 = cos r1
            r1 = mul r2 0.5
            r2 = add r0 r1
            r1 = tanh r2
            y0 = sub r1 r2
    ",
    );
}

#[test]
fn a_column_is_read_for_all_columns() {
    let (forward, _) = plan(|_, h| {
        let next = h / (h.square().sum_keep(&[1]) + 1.0);
        (next, next)
    });
    assert_plan(
        &forward,
        r"
        each step:
          fused, 4 columns:
            r0 = square y0(before)
            r1 = sum r0
          then, 1 columns:
            r2 = add r1 1
            y1 = recip r2
          then, 4 columns:
            y0 = mul y0(before) y1
    ",
    );
}
