//! A division of many elements by one number takes one division.

use super::support::plan;
use expect_test::expect;

#[test]
fn a_row_is_multiplied_by_the_reciprocal_of_its_norm() {
    let (forward, _) = plan(|x, h| {
        let norm = (h.square().sum_keep(&[1]) + 1.0).sqrt();
        let next = h / norm + x.sum_keep(&[1]) / norm;
        (next, next)
    });
    expect![[r#"
        before the loop, all steps at once:
          fused, 3 columns:
            z0 = sum x0
        each step:
          fused, 4 columns:
            r0 = sum of y0(before) · y0(before)
          then, 1 columns:
            r1 = add r0 1
            y1 = sqrt r1
            r2 = recip y1
            y2 = div z0 y1
          then, 4 columns:
            y0 = y0(before) · r2 + y2
    "#]]
    .assert_eq(&forward);
}
