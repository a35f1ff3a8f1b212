//! The reverse step reads as few residuals as possible.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;
use expect_test::expect;

use super::support::{param, plan, plan_of, uniform};

#[test]
fn an_lstm_saves_its_gates_and_states_only() {
    let (w, u, b) = (param([3, 16], 3), param([4, 16], 4), param([16], 5));
    let (forward, reverse) = plan_of([5, 2, 3], [[2, 4], [2, 4]], |x, s| {
        let [i, f, g, o] = (x.matmul(&w) + s[0].matmul(&u) + &b).split(-1);
        let c = f.sigmoid() * s[1] + i.sigmoid() * g.tanh();
        let h = o.sigmoid() * c.tanh();
        (h, [h, c])
    });
    expect![[r#"
        before the loop, all steps at once:
          z0 = w2 + x0 · w0
        each step:
          t0 = z0 + y0(before) · w1
          fused, 4 columns:
            y5 = sigmoid_tail t0[4..8]
            r0 = gate y3(before) y5
            y1 = sigmoid_tail t0[0..4]
            y2 = tanh t0[8..12]
            r1 = gate y2 y1
            y3 = add r0 r1
            y4 = sigmoid_tail t0[12..16]
            r1 = tanh y3
            y0 = gate r1 y4
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = tanh x2
            r1 = add x4 c0(before)
            r2 = chain_gate r1 x3
            r3 = tanh_vjp r2 r0
            r2 = add c1(before) r3
            r3 = chain_mul r2 x1
            z0[0..4] = sigmoid_vjp r3 x0
            r3 = chain_mul r2 x2(next)
            z0[4..8] = sigmoid_vjp r3 x5
            r3 = chain_gate r2 x0
            z0[8..12] = tanh_vjp r3 x1
            r3 = chain_mul r1 r0
            z0[12..16] = sigmoid_vjp r3 x3
            c1 = chain_gate r2 x5
          c0 = z0 · w2ᵀ
        after the loop, all steps at once:
          fused, 16 columns:
            sum2 += z0
          y0 = z0 · w0ᵀ
        summed over all steps:
          sum0 += x6ᵀ · z0
          sum1 += x7(next)ᵀ · z0
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn cheap_functions_of_a_saved_state_are_recomputed() {
    let u = param([4, 4], 4);
    let (forward, reverse) = plan(|_, h| {
        let next = h.sin() * h.matmul(&u).tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          t0 = y0(before) · w0
          fused, 4 columns:
            r0 = sin y0(before)
            y1 = tanh t0
            y0 = mul r0 y1
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = cos x0(next)
            r1 = add x2 c0(before)
            r2 = chain_mul r1 x1
            t0 = chain_mul r2 r0
            r0 = sin x0(next)
            r2 = chain_mul r1 r0
            z0 = tanh_vjp r2 x1
          t1 = z0 · w1ᵀ
          fused, 4 columns:
            c0 = add t1 t0
        summed over all steps:
          sum0 += x0(next)ᵀ · z0
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn weights_without_rows_or_columns_have_gradients() {
    for shape in [[3, 0], [0, 3], [0, 0]] {
        let tape = Tape::new();
        let w = tape.variable(Tensor::<f64>::zeros(shape));
        let xs = tape.variable(Tensor::ones([4, 2, shape[0]]));
        let scanned = tape.scan(xs, ()).run(|x, ()| (x.matmul(w), ()));
        let gradients = tape.backward(scanned.outputs.sum_all() + w.sum_all());
        assert_eq!(*gradients.wrt(w), Tensor::ones(shape));
        assert_eq!(*gradients.wrt(xs), Tensor::zeros([4, 2, shape[0]]));
    }
}

/// A state behind `stop_gradient` is read as the state itself. Nothing is saved twice, and the
/// state's own gradient flows on.
#[test]
fn a_stopped_state_costs_nothing() {
    let u = param([4, 4], 3);
    let (forward, reverse) = plan(|x, s| {
        let next = s + (s.stop_gradient().matmul(&u) + x.slice(1, 0..1)).tanh();
        (next, next)
    });
    expect![[r#"
        each step:
          t0 = y0(before) · w0
          fused, 4 columns:
            r0 = add t0 x0[0..1]
            y1 = tanh r0
            y0 = add y0(before) y1
        "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            z0 = add x1 z0(before)
        after the loop, all steps at once:
          fused, 2 columns:
            y0[1..3] = identity 0
          then, 4 columns:
            z1 = tanh_vjp z0 x0
            r0 = sum z1
          then, 1 columns:
            y0[0..1] = identity r0
        summed over all steps:
          sum0 += x2(next)ᵀ · z1
        "#]]
    .assert_eq(&reverse);
}

/// A step in which a sum with two readers is a term of another sum, whose smallest element is
/// taken.
fn smallest_of_a_sum<'t>(x: Var<'t, f64>, [h, c]: [Var<'t, f64>; 2]) -> [Var<'t, f64>; 2] {
    let a = c.tanh().tanh().tanh();
    let b = a.tanh().tanh();
    let sum = b.square().mean_keep(&[1]).sqrt() * 0.1 + b.tanh();
    let smallest = ((a + sum) * 0.5).min(&[1]).reshape([64, 1]);
    [(sum * 0.5 + h * 0.3).sin(), (h * 0.5 + (smallest * a).tanh() + x * 0.1).tanh()]
}

/// The gradient rule of the minimum compares it with the elements of its operand. The operand is
/// saved, not recomputed: a sum in another order would be rounded differently, and no element would
/// equal the minimum.
#[test]
fn the_operand_of_an_extremum_is_saved() {
    let [expected, found] = [false, true].map(|compiled| {
        let tape = Tape::new();
        let xs = tape.constant(uniform([2, 64, 1], 3));
        let [h, c] = [1, 2].map(|seed| tape.variable(uniform([64, 1], seed)));
        let last = if compiled {
            tape.scan(xs, [h, c]).run(|x, s| ((), smallest_of_a_sum(x, s))).state
        } else {
            (0..2).fold([h, c], |s, t| smallest_of_a_sum(xs.index_first(t), s))
        };
        tape.backward((last[0] + last[1]).sum_all()).wrt(c).clone()
    });
    assert!((&found - &expected).abs().max(&[0, 1]).item() < 1e-12);
}
