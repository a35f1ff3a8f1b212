//! Stages, and the order of values within a stage.

use expect_test::expect;

use super::support::{param, plan, plan_of};

#[test]
fn values_that_only_outputs_need_are_computed_after_the_loop() {
    let (u, v) = (param([4, 4], 4), param([4, 4], 5));
    let (forward, _) = plan(|_, h| {
        let next = h.matmul(&u).tanh();
        ((next * h).matmul(&v).sigmoid() * next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            z0 = identity y1(before)
          t0 = y1(before) · w0
          fused, 4 columns:
            y1 = tanh t0
        after the loop, all steps at once:
          fused, 4 columns:
            t1 = mul y1 z0
          t2 = t1 · w1
          fused, 4 columns:
            y2 = sigmoid_tail t2
            y0 = gate y1 y2
    "#]]
    .assert_eq(&forward);
}

#[test]
fn norms_over_a_row_stay_in_the_step_that_needs_them() {
    let (u, gain) = (param([4, 4], 4), param([4], 5));
    let (forward, _) = plan(|_, h| {
        let z = h.matmul(&u);
        let centred = z - z.mean_keep(&[1]);
        let next = centred / (centred.square().mean_keep(&[1]) + 1e-5).sqrt() * &gain;
        (next, next)
    });
    expect![[r#"
        each step:
          t0 = y0(before) · w0
          fused, 4 columns:
            r0 = sum t0
          then, 1 columns:
            r1 = mul r0 0.25
          then, 4 columns:
            y1 = sub t0 r1
            r0 = sum of y1 · y1
          then, 1 columns:
            r2 = r0 · 0.25 + 0.00001
            y2 = sqrt r2
            r1 = recip y2
          then, 4 columns:
            r3 = mul y1 r1
            y0 = mul r3 w1
    "#]]
    .assert_eq(&forward);
}

#[test]
fn functions_wait_for_the_product_that_their_reader_reads() {
    let u = param([4, 4], 4);
    let peephole = param([4], 5);
    let (forward, _) = plan(|_, h| {
        let next = (h.matmul(&u) + h.sin() * &peephole).tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          t0 = y0(before) · w0
          fused, 4 columns:
            r0 = sin y0(before)
            r1 = r0 · w1 + t0
            y0 = tanh r1
    "#]]
    .assert_eq(&forward);
}

#[test]
fn operands_of_products_and_readers_of_registers_do_not_wait() {
    let u = param([4, 4], 4);
    let (forward, _) = plan(|_, h| {
        let a = h.sin();
        let next = (a.cos().matmul(&u) + a.exp()).tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = sin y0(before)
            t0 = cos r0
            t2 = exp r0
          t1 = t0 · w0
          fused, 4 columns:
            r0 = add t1 t2
            y0 = tanh r0
    "#]]
    .assert_eq(&forward);
}

/// A part of a state that is read in the loop and after it.
#[test]
fn a_state_that_is_read_in_part_after_the_loop_is_kept_for_all_steps() {
    let v = param([2, 4], 5);
    let (forward, reverse) = plan_of([5, 2, 4], [[2, 4], [2, 2]], |x, s| {
        let a = s[0] * 0.5 + x;
        let half = a.slice(1, 0..2);
        (half.matmul(&v), [a, s[1] + half])
    });
    let plan = forward + &reverse;
    assert!(plan.contains("after the loop") && !plan.contains("operation by"), "{plan}");
}
