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

#[test]
fn several_biases_are_one() {
    let (u, b, c) = (param([4, 4], 4), param([4], 5), param([4], 6));
    let (forward, reverse) = plan(|_, h| {
        let next = (h.matmul(&u) + &b + h.sin() + &c).tanh();
        (next, next)
    });
    assert_plan(
        &forward,
        r"
        each step:
          t0 = w3 + y0(before) · w0
          fused, 4 columns:
            r0 = sin y0(before)
            r1 = add t0 r0
            y0 = tanh r1
    ",
    );
    assert_plan(
        &reverse,
        r"
        each step:
          fused, 4 columns:
            r0 = add x1 c0(before)
            z0 = tanh_vjp r0 x0
          t0 = z0 · w0ᵀ
          fused, 4 columns:
            r0 = cos x0(next)
            c0 = z0 ⊗ r0 + t0
        after the loop, all steps at once:
          fused, 4 columns:
            sum1 += z0
        summed over all steps:
          sum0 += x0(next)ᵀ · z0
    ",
    );
}
