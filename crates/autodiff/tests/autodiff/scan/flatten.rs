//! The order in which a sum is written does not matter.

use super::support::{assert_plan, param, plan};

#[test]
fn the_terms_of_a_sum_are_sorted_by_when_they_are_known() {
    let (w, u, b) = (param([3, 4], 3), param([4, 4], 4), param([4], 5));
    let (bias_last, _) = plan(|x, h| {
        let next = (h.matmul(&u) + (x.matmul(&w) + &b)).tanh();
        (next, next)
    });
    let (input_last, _) = plan(|x, h| {
        let next = (h.matmul(&u) + &b + x.matmul(&w)).tanh();
        (next, next)
    });
    let expected = |weight, bias| {
        format!(
            r"
            before the loop, all steps at once:
              z0 = {bias} + x0 · {weight}
            each step:
              t0 = z0 + y0(before) · w0
              fused, 4 columns:
                y0 = tanh t0
            "
        )
    };
    assert_plan(&bias_last, &expected("w1", "w2"));
    assert_plan(&input_last, &expected("w2", "w1"));
}
