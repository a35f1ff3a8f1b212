//! Values and gradients of PyTorch.

use bptt_autodiff::{Tape, Var};
use bptt_layers::loss::{self, CrossEntropy, Loss};

use crate::golden::{Golden, assert_close};

/// Compares a loss of what the case calls `input`, and its gradient, with PyTorch's.
fn check(
    case: &str,
    input: &str,
    take: impl for<'t> FnOnce(Var<'t, f64>, &Golden) -> Var<'t, f64>,
) {
    let golden = Golden::load(case);
    let tape = Tape::new();
    let var = tape.variable(golden.tensor(&format!("input.{input}")));
    let output = take(var, &golden);
    assert_close(case, &output.value(), &golden.tensor("output"));
    let gradients = tape.backward((output * &golden.tensor("cotangent")).sum_all());
    assert_close(case, gradients.wrt(var), &golden.tensor(&format!("grad.{input}")));
}

/// Compares a cross-entropy with PyTorch's.
fn check_classes(
    case: &str,
    options: impl FnOnce(&Golden) -> CrossEntropy,
    take: impl for<'t> FnOnce(Loss<'t, f64>) -> Var<'t, f64>,
) {
    check(case, "logits", |logits, golden| {
        take(options(golden).of(logits, &golden.indices("input.target")))
    });
}

#[test]
fn cross_entropy() {
    let plain = |_: &Golden| CrossEntropy::new();
    check_classes("cross_entropy_mean", plain, |loss| loss.mean());
    check_classes("cross_entropy_sum", plain, |loss| loss.sum());
    check_classes("cross_entropy_none", plain, |loss| loss.per_position());
    check_classes("cross_entropy_extreme_logits", plain, |loss| loss.mean());
    check_classes(
        "cross_entropy_ignore_index",
        |_| CrossEntropy::new().ignored_index(1),
        |loss| loss.mean(),
    );
    check_classes(
        "cross_entropy_label_smoothing",
        |_| CrossEntropy::new().label_smoothing(0.1),
        |loss| loss.mean(),
    );
    check_classes(
        "cross_entropy_class_weight",
        |golden| CrossEntropy::new().class_weights(golden.tensor("input.weight").as_slice()),
        |loss| loss.mean(),
    );
}

#[test]
fn negative_log_likelihood() {
    check("nll_loss_mean", "input", |log_probabilities, golden| {
        loss::negative_log_likelihood(log_probabilities, &golden.indices("input.target")).mean()
    });
}

#[test]
fn binary_cross_entropy() {
    check("bce_with_logits_mean", "input", |logits, golden| {
        loss::binary_cross_entropy(logits, &golden.tensor("input.target")).mean()
    });
}

#[test]
fn mean_squared_error() {
    check("mse_loss_mean", "input", |output, golden| {
        loss::mean_squared_error(output, &golden.tensor("input.target")).mean()
    });
    check("mse_loss_mean", "target", |desired, golden| {
        let output = desired.tape().constant(golden.tensor("input.input"));
        loss::mean_squared_error(output, desired).mean()
    });
}
