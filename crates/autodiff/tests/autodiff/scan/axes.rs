//! Steps whose values have inner axes: the plan of each form, which is checked against the loop in numbers.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::Tensor;
use expect_test::expect;

use super::support::{param, plan_of, uniform};

/// A matrix memory is updated and read in one pass, forward and reverse.
#[test]
fn a_matrix_state_is_read_once() {
    let (forward, reverse) = plan_of([5, 2, 11], [[2, 12]], |x, [s]| {
        let [q, k, v] = [(0..4), (4..8), (8..11)].map(|columns| x.slice(1, columns));
        let s = s.reshape([2, 4, 3]) + k.reshape([2, 1, 4]).t_matmul(v.reshape([2, 1, 3]));
        let y = q.reshape([2, 1, 4]).matmul(s).reshape([2, 3]);
        (y, [s.reshape([2, 12])])
    });
    expect![[r#"
        each step:
          fused, 4 × 3 columns:
            y1 = x0[4..8](i) · x0[8..11](j) + y1(before)
            y0(j) = sum of y1 · x0[0..4](i)
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 × 3 columns:
            z0(i) = sum of x1(j) ⊗ x0
            c0 = x1(j) ⊗ x2[0..4](i) + c0(before)
            z1(i) = sum of c0 ⊗ x2[8..11](j)
            z2(j) = sum of c0 ⊗ x2[4..8](i)
        after the loop, all steps at once:
          fused, 3 columns:
            y0[8..11] = identity z2
          then, 4 columns:
            y0[0..4] = identity z0
            y0[4..8] = identity z1
    "#]]
    .assert_eq(&reverse);
}

/// The sum over steps of a matrix of the loop is a state: each row of the batch has its own.
#[test]
fn the_gradient_of_a_matrix_is_a_state_of_the_reverse() {
    let decay = param([4, 3], 7);
    let (forward, reverse) = plan_of([5, 2, 4], [[2, 12]], |x, [s]| {
        let s = (-x.reshape([2, 4, 1]) * &decay).exp() * s.reshape([2, 4, 3]);
        (s.sum(&[2]), [s.reshape([2, 12])])
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = neg x0
          then, 4 × 3 columns:
            r1 = mul r0(i) w0
            r2 = exp r1
            y1 = mul r2 y1(before)
            y0(i) = sum y1
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = neg x0
          then, 4 × 3 columns:
            r1 = mul r0(i) w0
            r2 = exp r1
            r1 = add c0(before) x2(i)
            r3 = chain_mul r1 x1(next)
            r4 = chain_mul r3 r2
            z0(i) = sum of r4 ⊗ w0
            c0 = chain_mul r1 r2
            c1 = r4 ⊗ r0(i) + c1(before)
        after the loop, all steps at once:
          fused, 4 columns:
            y0 = neg z0
    "#]]
    .assert_eq(&reverse);
}

/// Parts that overlap are cut into joins of parts that do not.
#[test]
fn parts_that_overlap_are_added() {
    let (forward, reverse) = plan_of([5, 2, 4], [[2, 4]], |x, [h]| {
        let neighbours = h.slice(1, ..3) + h.slice(1, 1..);
        let h = Var::concat(&[neighbours * 0.3, h.slice(1, ..1)], 1) + x;
        (h, [h])
    });
    expect![[r#"
        each step:
          fused, 1 columns:
            t0[3..4] = identity y0(before)[0..1]
          then, 3 columns:
            r0 = add y0(before)[0..3] y0(before)[1..4]
            t0[0..3] = mul r0 0.3
          then, 4 columns:
            y0 = add t0 x0
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 1 columns:
            t1[3..4] = identity 0
          then, 4 columns:
            y0 = add x0 c0(before)
          then, 1 columns:
            t0[0..1] = identity y0[3..4]
          then, 3 columns:
            r0 = chain_mul y0[0..3] 0.3
            t1[0..3] = identity r0
            t0[1..4] = identity r0
          then, 4 columns:
            c0 = add t1 t0
    "#]]
    .assert_eq(&reverse);
}

/// A value joined along an inner axis is copied to its places.
#[test]
fn parts_along_an_inner_axis_are_copied_to_their_places() {
    let (forward, _) = plan_of([5, 2, 4], [[2, 6]], |x, [h]| {
        let h = h.reshape([2, 3, 2]);
        let joined = Var::concat(&[h, x.reshape([2, 1, 4]).slice(2, ..1) * h.slice(2, ..1)], 2);
        let h = joined.tanh().slice(2, 1..);
        (h.sum(&[1, 2]).reshape([2, 1]), [h.reshape([2, 6])])
    });
    expect![[r#"
        each step:
          fused, 3 columns:
            r0 = mul x0[0..1] y1(before)[0..5]
          then, 3 × 1 columns:
            r1[2..9] = identity r0
          then, 3 × 2 columns:
            r1[0..8] = identity y1(before)
          then, 9 columns:
            y2 = tanh r1
          then, 3 × 2 columns:
            y0 = sum y2[1..9]
            y1 = identity y2[1..9]
    "#]]
    .assert_eq(&forward);
}

/// The gradient of a memory that differs by row, and is the same at every step, is a state too.
#[test]
fn a_memory_of_each_row_has_a_gradient() {
    let memory = Param::new(uniform([2, 3, 4], 5));
    let (forward, reverse) = plan_of([5, 2, 4], [[2, 4]], |x, [h]| {
        let memory = h.tape().param(&memory); // [B, S, H]
        let weights = memory.matmul((h + x).reshape([2, 4, 1])).reshape([2, 3]).softmax(1);
        let h = weights.reshape([2, 1, 3]).matmul(memory).reshape([2, 4]).tanh();
        (h, [h])
    });
    assert!(!forward.contains("operation by operation"), "{forward}");
    expect![[r#"
        each step:
          fused, 1 columns:
            r0 = select x1 x1 1
            r1 = recip r0
          then, 4 columns:
            r2 = add x3 y0(before)
            r3 = tanh_vjp r2 x2
          then, 3 columns:
            r4 = mul x0 r1
          then, 3 × 4 columns:
            r5(i) = sum of r3(j) ⊗ w0
          then, 3 columns:
            r6 = sum of r5 ⊗ x0
          then, 3 × 4 columns:
            c1 = r3(j) ⊗ r4(i) + c1(before)
          then, 1 columns:
            r0 = neg r6
            r7 = chain_mul r0 r1
            r0 = chain_mul r7 r1
            r8 = select x1 r0 0
          then, 3 columns:
            r9 = r5 ⊗ r1 + r8
            r4 = chain_mul r9 x0
          then, 3 × 4 columns:
            y0(j) = sum of r4(i) ⊗ w0
            c0 = r4(i) ⊗ x4(j) + c0(before)
    "#]]
    .assert_eq(&reverse);
}

/// A matrix that is read before its update is not copied for it.
#[test]
fn a_matrix_state_may_be_read_before_its_update() {
    let (forward, _) = plan_of([5, 2, 7], [[2, 12]], |x, [s]| {
        let [k, v] = [(0..4), (4..7)].map(|columns| x.slice(1, columns));
        let s = s.reshape([2, 4, 3]);
        let y = k.reshape([2, 1, 4]).matmul(s).reshape([2, 3]);
        let s = s + k.reshape([2, 4, 1]) * v.reshape([2, 1, 3]);
        (y, [s.reshape([2, 12])])
    });
    expect![[r#"
        each step:
          fused, 4 × 3 columns:
            y0(j) = sum of y1(before) · x0[0..4](i)
            y1 = x0[0..4](i) · x0[4..7](j) + y1(before)
    "#]]
    .assert_eq(&forward);
}

/// A step with an opaque operation multiplies matrices as they are written: to the bit as the loop does.
#[test]
fn products_are_not_written_out_in_vain() {
    let tape = Tape::new();
    let xs = tape.constant(uniform::<f32>([4, 2, 40], 1));
    let s = tape.constant(uniform([2, 40, 40], 2));
    fn step<'t>(x: Var<'t, f32>, s: Var<'t, f32>) -> (Var<'t, f32>, Var<'t, f32>) {
        let y = x.reshape([2, 1, 40]).matmul(s).reshape([2, 40]);
        (y, s * 0.5 + y.softmax(0).reshape([2, 40, 1]) * 0.01)
    }
    assert!(tape.scan(xs, s).plan(step).contains("operation by operation"));
    let (mut looped, mut state) = (Vec::new(), s);
    for time in 0..4 {
        let (y, next) = step(xs.index_first(time), state);
        looped.push(y);
        state = next;
    }
    let scanned = tape.scan(xs, s).run(step).outputs;
    assert_eq!(scanned.value(), Var::stack(&looped, 0).value());
}

/// The bits are those of one thread, whichever threads add to the states of sums.
#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let decay = param([16, 24], 7);
    let gradients = || {
        let tape = Tape::new();
        let xs = tape.variable(uniform([30, 9, 16], 1));
        let zero = tape.constant(Tensor::<f64>::zeros([9, 16, 24]));
        let scanned = tape.scan(xs, zero).run(|x, s| {
            let s =
                (-x.square().reshape([9, 16, 1]) * &decay).exp() * s + x.reshape([9, 16, 1]).sin();
            (s.sum(&[2]), s)
        });
        let gradients = tape.backward(scanned.outputs.square().sum_all());
        [gradients.wrt(xs).clone(), gradients[&decay].clone()].map(|x| x.to_vec())
    };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("a pool").install(gradients)
    };
    let one = on(1);
    for threads in [2, 3, 8] {
        assert!(on(threads) == one, "{threads} threads compute other bits than one");
    }
}
