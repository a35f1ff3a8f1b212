//! Values that depend on parameters alone are computed once, outside of the step.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;
use expect_test::expect;

use super::support::{param, plan, uniform};

#[test]
fn functions_of_parameters_leave_the_step() {
    let decay = param([4], 3);
    let (forward, reverse) = plan(|_, h| {
        let next = h * (-tape_of(h).param(&decay).exp()).exp();
        (next, next)
    });
    expect![[r#"
        once:
          w1 = exp w0
          w2 = neg w1
          w3 = exp w2
        each step:
          fused, 4 columns:
            y0 = mul y0(before) w3
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            z0 = add x0 c0(before)
            c0 = chain_mul z0 w0
        after the loop, all steps at once:
          fused, 4 columns:
            sum0 += z0 ⊗ x1(next)
    "#]]
    .assert_eq(&reverse);
}

fn tape_of<'t>(var: bptt_autodiff::Var<'t, f64>) -> &'t Tape<f64> {
    var.tape()
}

#[test]
fn they_are_recorded_once_on_the_tape() {
    let decay = param([4], 3);
    let tape = Tape::new();
    let xs = tape.constant(uniform([100, 2, 4], 1));
    let before = tape.len();
    let scanned = tape.scan(xs, tape.constant(Tensor::zeros([2, 4]))).run(|x, h| {
        let next = h * tape.param(&decay).exp() + x;
        (next, next)
    });
    // the state, the parameter, its exponential, the scan, two outputs in two operations each
    assert_eq!(tape.len() - before, 8);
    assert!(tape.backward(scanned.outputs.sum_all())[&decay].is_finite());
}
