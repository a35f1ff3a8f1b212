//! Elementwise functions are computed together, block by block, in few registers.

use bptt_autodiff::Tape;
use expect_test::expect;

use super::support::{Case, Execution, distance, loss, param, plan, run, uniform};

#[test]
fn values_read_in_one_sequence_only_stay_in_registers() {
    let (forward, _) = plan(|_, h| {
        let a = h.sin();
        let b = (a * h).cos();
        let c = a + b * 0.5;
        let next = c.tanh() - c;
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = sin y0(before)
            r1 = mul r0 y0(before)
            r2 = cos r1
            r1 = r2 · 0.5 + r0
            r2 = tanh r1
            y0 = sub r2 r1
    "#]]
    .assert_eq(&forward);
}

#[test]
fn a_column_is_read_for_all_columns() {
    let (forward, _) = plan(|_, h| {
        let next = h / (h.square().sum_keep(&[1]) + 1.0);
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = sum of y0(before) · y0(before)
          then, 1 columns:
            r1 = add r0 1
            y1 = recip r1
          then, 4 columns:
            y0 = mul y0(before) y1
    "#]]
    .assert_eq(&forward);
}

#[test]
fn a_sum_computes_a_product_that_has_no_other_reader() {
    let gain = param([4], 4);
    let (forward, reverse) = plan(|_, h| {
        let next = h.sin() * (h * h.cos()).sum_keep(&[1]) * &gain;
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = cos y0(before)
            y1 = sum of y0(before) · r0
          then, 4 columns:
            r0 = sin y0(before)
            r1 = mul r0 y1
            y0 = mul r1 w0
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            z0 = add x2 c0(before)
            r0 = chain_mul z0 w1
            r1 = sin x0(next)
            r2 = sum of r0 ⊗ r1
          then, 4 columns:
            r3 = cos x0(next)
            r4 = chain_mul r0 x1
            r5 = chain_mul r2 x0(next)
            r6 = neg r5
            r5 = r2 ⊗ r3 + r6 ⊗ r1
            c0 = r4 ⊗ r3 + r5
        after the loop, all steps at once:
          fused, 4 columns:
            r6 = sin x0(next)
            r5 = mul r6 x1
            sum0 += z0 ⊗ r5
    "#]]
    .assert_eq(&reverse);
}

/// Rows are wider than a chunk, so the parts of a norm are read again for each chunk.
#[test]
fn a_column_stays_until_every_chunk_has_read_it() {
    let gradients = [Execution::Loop, Execution::Scan].map(|execution| {
        let tape = Tape::new();
        let xs = tape.variable(uniform::<f64>([2, 2, 1100], 3));
        let state = tape.variable(uniform([2, 1100], 2));
        let gain = tape.variable(uniform([1100], 4));
        let case = Case { sequences: vec![], state: vec![], params: vec![], reversed: false };
        let values = run(&case, execution, &[xs], &[state], |x, s| {
            let centred = s[0] + x[0];
            let centred = centred - centred.mean_keep(&[1]);
            let normed = centred / (centred.square().mean_keep(&[1]) + 0.1).sqrt() * gain;
            let next = normed.softmax(1).tanh() + normed.tanh();
            (vec![next], vec![next])
        });
        let gradients = tape.backward(loss(&values));
        [xs, state, gain].map(|source| gradients.wrt(source).clone())
    });
    let error = distance(&gradients[1], &gradients[0]);
    assert!(error < 1e-12, "off by {error:e}");
}
