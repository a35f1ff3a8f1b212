//! Values that are the same in every column are computed for one column.

use expect_test::expect;

use super::support::{param, plan, plan_of};

#[test]
fn functions_of_a_column_stay_in_it() {
    let (forward, _) = plan(|_, h| {
        let mean = h.mean_keep(&[1]).broadcast_to([2, 4]);
        let next = (mean * 2.0).exp() * h;
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = sum y0(before)
          then, 1 columns:
            r1 = mul r0 0.25
            r2 = mul r1 2
            y1 = exp r2
          then, 4 columns:
            y0 = mul y1 y0(before)
    "#]]
    .assert_eq(&forward);
}

#[test]
fn the_cotangent_of_a_sum_of_squares_is_scaled_before_it_is_broadcast() {
    let (_, reverse) = plan(|_, h| {
        let next = h.sin() * h.square().sum_keep(&[1]);
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = add x2 c0(before)
            r1 = sin x0(next)
            r2 = sum of r0 ⊗ r1
          then, 1 columns:
            r3 = mul r2 2
          then, 4 columns:
            r1 = cos x0(next)
            r4 = chain_mul r0 x1
            c0 = r3 ⊗ x0(next) + r4 ⊗ r1
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn the_sum_of_a_negated_row_is_the_negated_sum() {
    let (_, reverse) = plan(|_, h| {
        let next = (h - h.mean_keep(&[1])).sin();
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = cos x0
            r1 = add x1 c0(before)
            r2 = chain_mul r1 r0
            r3 = sum r2
          then, 1 columns:
            r4 = neg r3
            r5 = chain_mul r4 0.25
          then, 4 columns:
            c0 = add r2 r5
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn a_sum_over_steps_of_negated_rows_stays_one() {
    let c = param([1, 1], 1);
    let (_, reverse) = plan_of([5, 1, 4], [[1, 4]], |x, [h]| {
        let next = (h - &c + x).sin();
        (next, [next])
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = cos x0
            r1 = add x1 y0(before)
            y0 = chain_mul r1 r0
        after the loop, all steps at once:
          fused, 4 columns:
            r1 = neg y0
            r2 = sum r1
          then, 1 columns:
            sum0 += r2
    "#]]
    .assert_eq(&reverse);
}
