//! Softmaxes are written out as functions of rows.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::Tensor;
use expect_test::expect;

use super::support::{distance, plan, uniform};

#[test]
fn a_softmax_is_exponentials_and_their_sum() {
    let (forward, _) = plan(|_, h| {
        let next = h.softmax(1);
        (next, next)
    });
    expect![[r#"
        each step:
          fused, 4 columns:
            r0 = max y0(before)
          then, 1 columns:
            r1 = abs r0
            r2 = lt r1 inf
            r3 = select r2 r0 0
          then, 4 columns:
            r4 = sub y0(before) r3
            y1 = exp r4
            y2 = sum y1
          then, 1 columns:
            r2 = select y2 y2 1
            r3 = recip r2
          then, 4 columns:
            y0 = mul y1 r3
        "#]]
    .assert_eq(&forward);
}

type Rows<'t> = Var<'t, f64>;

/// Values and gradients of a step whose initial logits have rows of −∞.
fn of_impossible_rows(
    scanned: bool,
    step: impl for<'t> Fn(Rows<'t>) -> Rows<'t>,
) -> Vec<Tensor<f64>> {
    const NONE: f64 = f64::NEG_INFINITY;
    let tape = Tape::new();
    let mask = tape.constant(Tensor::from_vec(
        [2, 3, 2],
        vec![0.0, 0.0, NONE, NONE, 0.0, NONE, NONE, NONE, 0.0, 0.0, NONE, 0.0],
    ));
    let xs = tape.variable(uniform([2, 3, 2], 1));
    let ys = if scanned {
        let run = tape.scan([xs, mask], ()).run(|x, ()| (step(x[0] + x[1]), ()));
        run.outputs
    } else {
        Var::stack(&[0, 1].map(|t| step(xs.index_first(t) + mask.index_first(t))), 0)
    };
    let possible = ys.gt(f64::MIN);
    let finite = possible.select(ys, ys.tape().scalar(0.0));
    let loss = (finite * finite.cos()).sum_all();
    vec![ys.value().map(|y| y.max(-1e9)), tape.backward(loss).wrt(xs).clone()]
}

#[test]
fn rows_without_a_possible_outcome_equal_those_of_the_loop() {
    let steps: [for<'t> fn(Rows<'t>) -> Rows<'t>; 3] =
        [|x| x.softmax(1), |x| x.log_softmax(1), |x| x.logsumexp(1)];
    for step in steps {
        let (scanned, looped) = (of_impossible_rows(true, step), of_impossible_rows(false, step));
        assert!(looped.iter().all(Tensor::is_finite), "{looped:?}");
        assert!(distance(&scanned, &looped) < 1e-14, "{scanned:?}, not {looped:?}");
    }
}
