//! Products of the matrices that rows hold with one matrix for all.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::Tensor;
use expect_test::expect;

use super::support::{distance, param, plan_of, uniform};

/// One product over all rows of all matrices, and one sum of products for the weights.
#[test]
fn a_product_of_matrices_is_one_product() {
    let (w, b) = (param([3, 3], 5), param([3], 6));
    let (forward, reverse) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let h = (x.reshape([4, 2, 3]) + (h.reshape([4, 2, 3]).matmul(&w) + &b)).tanh();
        let h = h.reshape([4, 6]);
        (h, [h])
    });
    expect![[r#"
        each step:
          t0 = w1 + y0(before) · w0, 2 rows each
          fused, 6 columns:
            r0 = add t0 x0
            y0 = tanh r0
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 6 columns:
            r0 = add x1 c0(before)
          then, 6 columns:
            y0 = tanh_vjp r0 x0
          c0 = y0 · w0ᵀ, 2 rows each
        after the loop, all steps at once:
          fused, 2 × 3 columns:
            r1(j) = sum y0
          then, 3 columns:
            sum1 += r1
        summed over all steps:
          sum0 += x0(next)ᵀ · y0, 2 rows each
    "#]]
    .assert_eq(&reverse);
}

/// Products of the inputs leave the loop. Those with one left operand become one.
#[test]
fn products_are_merged_and_leave_the_loop() {
    let ws = [5, 6, 7, 8].map(|seed| param([3, 3], seed));
    let (forward, reverse) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let (x, s) = (x.reshape([4, 2, 3]), h.reshape([4, 2, 3]));
        let gate = (x.matmul(&ws[0]) + s.matmul(&ws[1])).sigmoid();
        let h = (gate * (x.matmul(&ws[2]) + s.matmul(&ws[3])).tanh() + s).reshape([4, 6]);
        (h, [h])
    });
    expect![[r#"
        once:
          w4 = concat(axis 1) w0 w2
          w5 = concat(axis 1) w1 w3
        before the loop, all steps at once:
          z0 = x0 · w4, 2 rows each
        each step:
          t0 = y0(before) · w5, 2 rows each
          fused, 2 × 3 columns:
            r0 = add z0[0..9] t0[0..9]
            y1 = sigmoid_tail r0
            r0 = add z0[3..12] t0[3..12]
            y2 = tanh r0
            r0 = gate y2 y1
            y0 = add r0 y0(before)
    "#]]
    .assert_eq(&forward);
    assert!(!reverse.contains("operation by operation"), "{reverse}");
}

/// Operands that are transposed, cut out of wider values, joined, or of one row, and weights that are read transposed.
/// `plan_of` compares values and gradients with those of the loop.
#[test]
fn operands_of_any_layout() {
    let (square, wide, bias) = (param([3, 3], 5), param([6, 2], 6), param([1, 2, 3], 7));
    let of = |product: &dyn for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>| {
        let (forward, reverse) = plan_of([5, 4, 12], [[4, 12]], |x, [s]| {
            let y = product((x * s).tanh().reshape([4, 2, 6]));
            (y, [s * 0.5 + y.sum(&[1, 2]).reshape([4, 1])])
        });
        for plan in [&forward, &reverse] {
            assert!(!plan.contains("operation by operation"), "{plan}");
        }
    };
    of(&|x| x.slice(2, 1..4).matmul(&square) + &bias);
    of(&|x| x.permute(&[0, 2, 1]).reshape([4, 3, 4]).slice(2, 0..3).matmul_t(&square));
    of(&|x| x.reshape([4, 2, 2, 3]).permute(&[0, 2, 1, 3]).matmul(&square).reshape([4, 2, 6]));
    of(&|x| Var::concat(&[x.slice(2, 0..3), x.slice(2, 2..5)], 2).matmul(&wide));
    of(&|x| x.slice(1, 1..2).matmul(&wide));
    of(&|x| {
        let product = x.slice(2, 0..3).matmul(&square).reshape([4, 6]);
        Var::concat(&[product, x.sum(&[1])], 1).reshape([4, 3, 4])
    });
    of(&|x| x.matmul(&wide).matmul(x.matmul(&wide).permute(&[0, 2, 1])));
}

/// A cotangent that is the state in another shape is a factor of a weight's gradient.
#[test]
fn the_state_is_a_factor() {
    let w = param([3, 3], 5);
    let (_, reverse) = plan_of([5, 4, 6], [[4, 6]], |x, [h]| {
        let next = h + x.reshape([4, 2, 3]).matmul(&w).reshape([4, 6]);
        (x, [next])
    });
    assert!(!reverse.contains("operation by operation"), "{reverse}");
}

/// Biases of one inner row, of a matrix for all rows and of one for each, beside products of one inner row and of several,
/// for one sequence and for several.
#[test]
fn biases_of_any_shape() {
    for (batch, inner) in [(1, 1), (1, 2), (3, 1), (3, 2)] {
        let w = param([3, 3], 5);
        for shape in [vec![3], vec![1, 1, 3], vec![inner, 3], vec![1, inner, 3], vec![batch, 1, 3]]
        {
            let b = param(shape, 6);
            let (forward, reverse) =
                plan_of([5, batch, inner * 3], [[batch, inner * 3]], |x, [h]| {
                    let product = h.reshape([batch, inner, 3]).matmul(&w) + &b;
                    let h = (product.reshape([batch, inner * 3]) + x).tanh();
                    (h, [h])
                });
            assert!(!forward.contains("operation by operation"), "{forward}");
            assert!(!reverse.contains("operation by operation"), "{reverse}");
        }
    }
}

/// Of a recurrence without a batch, whose number of units is taken for its rows.
#[test]
fn a_vector_has_no_inner_rows() {
    let (w, decay) = (param([4, 4], 5), param([4], 6));
    fn step<'t>(x: Var<'t, f64>, h: Var<'t, f64>, [w, decay]: [&Param<f64>; 2]) -> Var<'t, f64> {
        (x.matmul(w) + h * decay).tanh()
    }
    let params = [&w, &decay];
    let gradients = |is_scanned: bool| {
        let tape = Tape::new();
        let xs = tape.constant(uniform::<f64>([5, 4], 1));
        let zero = tape.constant(Tensor::zeros([4]));
        let last = match is_scanned {
            true => tape.scan(xs, zero).run(|x, h| ((), step(x, h, params))).state,
            false => (0..5).fold(zero, |h, time| step(xs.index_first(time), h, params)),
        };
        let gradients = tape.backward(last.square().sum_all());
        [gradients[&w].clone(), gradients[&decay].clone()]
    };
    assert!(distance(&gradients(true), &gradients(false)) < 1e-12);
}
