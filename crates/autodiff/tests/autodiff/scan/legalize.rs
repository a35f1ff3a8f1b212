//! Joined values are computed at their places in the join.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;
use expect_test::expect;

use super::support::{param, plan, plan_of, uniform};

#[test]
fn a_part_that_others_read_is_read_in_the_join() {
    let (w, u, peephole) = (param([3, 8], 3), param([4, 8], 4), param([4], 5));
    let (_, reverse) = plan(|x, h| {
        let [gate, z] = (x.matmul(&w) + h.matmul(&u)).split(-1);
        let next = (gate + h * &peephole).sigmoid() * z.tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = add x2 c0(before)
            r1 = chain_mul r0 x1
            z0[0..4] = sigmoid_vjp r1 x0
            r1 = chain_gate r0 x0
            z0[4..8] = tanh_vjp r1 x1
            t1 = chain_mul z0[0..4] w2
          t0 = z0 · w1ᵀ
          fused, 4 columns:
            c0 = add t0 t1
        after the loop, all steps at once:
          fused, 4 columns:
            sum2 += z0[0..4] ⊗ x4(next)
          y0 = z0 · w0ᵀ
        summed over all steps:
          sum0 += x3ᵀ · z0
          sum1 += x4(next)ᵀ · z0
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn a_part_of_two_joins_is_copied_into_them() {
    let [w, u] = [3, 4].map(|rows| param([rows, 8], 3));
    let (_, reverse) = plan(|x, h| {
        let ([a, b], [c, d]) = (x.matmul(&w).split(-1), h.matmul(&u).split(-1));
        let next = (a + d).sigmoid() * (b + c).tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = add x2 c0(before)
            r1 = chain_mul r0 x1
            z2 = sigmoid_vjp r1 x0
            r1 = chain_gate r0 x0
            z3 = tanh_vjp r1 x1
            z0[0..4] = identity z3
            z0[4..8] = identity z2
          c0 = z0 · w1ᵀ
        after the loop, all steps at once:
          fused, 4 columns:
            z1[0..4] = identity z2
            z1[4..8] = identity z3
          y0 = z1 · w0ᵀ
        summed over all steps:
          sum0 += x3ᵀ · z1
          sum1 += x4(next)ᵀ · z0
    "#]]
    .assert_eq(&reverse);
}

/// The plan of a step with four input columns and eight state columns.
fn plan_of_joined_state(
    step: impl for<'t> Fn(Var<'t, f64>, Var<'t, f64>) -> (Var<'t, f64>, Var<'t, f64>),
) -> String {
    let (forward, reverse) = plan_of([5, 2, 4], [[2, 8]], |x, [state]| {
        let (y, next) = step(x, state);
        (y, [next])
    });
    forward + &reverse
}

#[test]
fn a_part_of_the_next_state_may_be_read_after_the_loop() {
    let u = param([4, 4], 3);
    fn parts<'t>(x: Var<'t, f64>, s: Var<'t, f64>) -> [Var<'t, f64>; 2] {
        let a = (s.tanh().slice(1, 0..4) + x).tanh();
        let b = (s.sigmoid().slice(1, 4..8) * x).sin();
        [a, b]
    }
    let read = plan_of_joined_state(|x, s| {
        let [a, b] = parts(x, s);
        (a.exp(), Var::concat(&[a, b], 1))
    });
    let multiplied = plan_of_joined_state(|x, s| {
        let [a, b] = parts(x, s);
        (a.matmul(&u), Var::concat(&[a, b], 1))
    });
    let of_inputs = plan_of_joined_state(|x, s| {
        let [a, b] = [x.tanh(), s.slice(1, 0..4) * x];
        (b.matmul(&u) + a, Var::concat(&[a, b], 1))
    });
    for plan in [read, multiplied, of_inputs] {
        assert!(!plan.contains("operation by operation"), "{plan}");
    }
}

#[test]
fn parts_of_the_state_may_be_read_after_the_loop() {
    let u = param([4, 4], 3);
    let plan = plan_of_joined_state(|x, s| {
        let [h, c] = s.split(-1);
        let h = (h.matmul(&u) + x).tanh();
        let c = c * h.sigmoid();
        (h.exp() * 2.0, Var::concat(&[h, c], 1))
    });
    assert!(!plan.contains("operation by operation"), "{plan}");
}

/// A transposed value that is an output or a state is copied. Nothing else computes it.
#[test]
fn transposed_outputs_and_states_are_copied() {
    let (forward, reverse) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let s = (x + h).tanh().reshape([4, 2, 3]);
        (s.transpose(1, 2), [s.permute(&[0, 2, 1]).reshape([4, 6])])
    });
    expect![[r#"
        each step:
          fused, 6 columns:
            r0 = add x0 c0(before)
            y1 = tanh r0
          then, 3 × 2 columns:
            c0 = identity y1(ji)
            y0 = identity y1(ji)
    "#]]
    .assert_eq(&forward);
    assert!(!reverse.contains("operation by operation"), "{reverse}");
    let tape = Tape::new();
    let (xs, s): (_, Tensor<f64>) =
        (tape.constant(uniform([3, 2, 2, 2], 1)), uniform([2, 2, 2], 2));
    let scanned = tape.scan(xs, tape.constant(s.clone())).run(|x, s| {
        (x.transpose(1, 2), s.transpose(1, 2)) // nothing but transposes
    });
    assert_eq!(scanned.outputs.value(), xs.value().permute(&[0, 1, 3, 2]));
    assert_eq!(scanned.state.value(), s.permute(&[0, 2, 1]));
}
