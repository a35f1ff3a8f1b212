//! Invalid arguments: the message, which points to the line of the equation.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use bptt_autodiff::{Tape, Var};
use bptt_layers::loss::{self, CrossEntropy};
use bptt_layers::{AdaptiveSoftmax, Crf, MixtureOfSoftmaxes};
use bptt_tensor::Tensor;

#[test]
fn a_cross_entropy_refuses_targets_and_options() {
    let tape = Tape::new();
    let logits = zeros(&tape, &[2, 3, 5]);
    assert_refused("cross_entropy of [2, 3, 5]: has 6 positions but 4 targets", || {
        loss::cross_entropy(logits, &[0; 4])
    });
    assert_refused("target 5 at position [1, 2] is not one of 5 classes", || {
        loss::cross_entropy(logits, &[0, 1, 2, 3, 4, 5]).mean()
    });
    assert_refused("target 0 at position [0] is not one of 0 classes", || {
        loss::cross_entropy(zeros(&tape, &[1, 0]), &[0]).sum()
    });
    assert_refused("negative_log_likelihood: target 5 at position [0, 0] is not one of 5", || {
        loss::negative_log_likelihood(logits, &[5, 1, 2, 3, 4, 0]).mean()
    });
    assert_refused("cross_entropy of [2, 3, 5]: has 5 classes but 4 weights", || {
        CrossEntropy::new().class_weights(&[1.0; 4]).of(logits, &[0; 6])
    });
    assert_refused("class_weights: weights are finite and at least 0, not -2", || {
        CrossEntropy::new().class_weights(&[1.0, -2.0])
    });
    assert_refused("label_smoothing: a share is between 0 and 1, not 1.5", || {
        CrossEntropy::new().label_smoothing(1.5)
    });
    assert_refused("needs a last axis", || loss::cross_entropy(zeros(&tape, &[]), &[]));
}

#[test]
fn outputs_need_targets_of_their_shape() {
    let tape = Tape::new();
    let logits = zeros(&tape, &[2, 3, 5]);
    assert_refused("squared_error of [2, 3, 5] and [5]", || {
        loss::squared_error(logits, zeros(&tape, &[5]))
    });
    assert_refused("mean_squared_error of [2, 3, 5] and [5]", || {
        loss::mean_squared_error(logits, zeros(&tape, &[5]))
    });
    assert_refused("euclidean_distance of [2, 3, 5] and [5]", || {
        loss::euclidean_distance(logits, zeros(&tape, &[5]))
    });
    assert_refused("binary_cross_entropy of [2, 3, 5] and [5]", || {
        loss::binary_cross_entropy(logits, zeros(&tape, &[5]))
    });
    assert_refused("huber of [2, 3, 5] and [5]", || loss::huber(logits, zeros(&tape, &[5]), 1.0));
    assert_refused("huber: delta is a positive number, not 0", || loss::huber(logits, logits, 0.0));
}

#[test]
fn ctc_refuses_lengths_and_targets() {
    let tape = Tape::new();
    let logits = zeros(&tape, &[2, 3, 5]);
    assert_refused("ctc: logits are [T, B, C], not [5]", || {
        loss::ctc(zeros(&tape, &[5]), &[], &[[0; 0]; 0], 0)
    });
    assert_refused("has 3 sequences but 2 lengths and 3 target sequences", || {
        loss::ctc(logits, &[2, 2], &[[1], [1], [1]], 0)
    });
    assert_refused("a length of 3 is more than 2 steps", || {
        loss::ctc(logits, &[2, 2, 3], &[[1], [1], [1]], 0)
    });
    assert_refused("the blank 5 is not one of 5 classes", || {
        loss::ctc(logits, &[2; 3], &[[1], [1], [1]], 5)
    });
    assert_refused("target 5 is not one of 5 classes other than the blank 0", || {
        loss::ctc(logits, &[2; 3], &[[1], [5], [1]], 0)
    });
    assert_refused("target 2 is not one of 5 classes other than the blank 2", || {
        loss::ctc(logits, &[2; 3], &[[1], [2], [1]], 2)
    });
    let checking = Tape::<f64>::checking();
    let checked = checking.constant(Tensor::zeros([3, 2, 5]));
    assert_refused(
        "ctc: the targets of sequence 1 need 3 steps, one for each target and one between equal neighbours, \
         but it has 2",
        || loss::ctc(checked, &[3, 2], &[[1, 2], [1, 1]], 0).mean(),
    );
}

#[test]
fn a_field_refuses_emissions_lengths_and_targets() {
    let tape = Tape::new();
    let logits = zeros(&tape, &[2, 3, 5]);
    let field = Crf::new(5);
    assert_refused("crf: emissions are [T, B, C], not [5]", || {
        field.negative_log_likelihood(zeros(&tape, &[5]), &[], &[])
    });
    assert_refused("crf of [2, 1, 3]: scores 3 classes where the field has 5", || {
        field.negative_log_likelihood(zeros(&tape, &[2, 1, 3]), &[2], &[0; 2])
    });
    assert_refused("crf of [2, 3, 5]: has 3 sequences but 2 lengths", || {
        field.negative_log_likelihood(logits, &[2; 2], &[0; 6])
    });
    assert_refused("crf of [2, 3, 5]: a length of 3 is more than 2 steps", || {
        field.negative_log_likelihood(logits, &[2, 3, 2], &[0; 6])
    });
    assert_refused("has 2 steps of 3 sequences but 5 targets", || {
        field.negative_log_likelihood(logits, &[2; 3], &[0; 5])
    });
    assert_refused("target 5 at step 1 of sequence 0 is not one of 5 classes", || {
        field.negative_log_likelihood(logits, &[2; 3], &[0, 0, 0, 5, 0, 0])
    });
    assert_refused("viterbi of [2, 3, 5]: has 3 sequences but 0 lengths", || {
        field.viterbi(&logits.value(), &[])
    });
    assert_refused("viterbi: a score of sequence 1 is NaN", || {
        let mut emissions = logits.value();
        emissions.as_mut_slice()[5] = f64::NAN;
        field.viterbi(&emissions, &[2; 3])
    });
}

#[test]
fn masks_and_weights_have_the_shape_of_the_positions_and_are_finite() {
    let tape = Tape::new();
    let logits = zeros(&tape, &[2, 3, 5]);
    assert_refused("masked of [3, 2] and [2, 3]", || {
        loss::cross_entropy(logits, &[0; 6]).masked(&Tensor::ones([3, 2]))
    });
    assert_refused("finite weights of at least 0, not -1", || {
        loss::cross_entropy(logits, &[0; 6]).masked(&Tensor::full([2, 3], -1.0))
    });
    assert_refused("weighted of [3, 2] and [2, 3]", || {
        loss::cross_entropy(logits, &[0; 6]).weighted(&Tensor::ones([3, 2]))
    });
    assert_refused("the weights of a loss are finite, not inf", || {
        loss::cross_entropy(logits, &[0; 6]).weighted(&Tensor::full([2, 3], f64::INFINITY))
    });
    assert_refused("finite weights of at least 0, not NaN", || {
        loss::cross_entropy(logits, &[0; 6]).masked(&Tensor::full([2, 3], f64::NAN))
    });
}

fn zeros<'t>(tape: &'t Tape<f64>, shape: &[usize]) -> Var<'t, f64> {
    tape.constant(Tensor::zeros(shape))
}

thread_local! {
    /// Whether this thread's last panic points to this file.
    static PANICKED_HERE: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn an_adaptive_softmax_refuses_targets_and_cutoffs() {
    let rng = &mut bptt_layers::rng(6);
    let model = AdaptiveSoftmax::new(rng, 6, 11, &[3, 5], 2);
    let tape = Tape::new();
    let h = zeros(&tape, &[2, 1, 6]);
    assert_refused("adaptive_softmax of [2, 1, 6]: has 2 positions but 1 targets", || {
        model.loss(h, &[1])
    });
    assert_refused("adaptive_softmax: target 11 at position [1, 0] is not one of 11", || {
        model.loss(h, &[1, 11])
    });
    for cutoffs in [&[0, 3][..], &[3, 3], &[5, 4], &[11]] {
        assert_refused(&format!("less than the 11 classes, not {cutoffs:?}"), || {
            AdaptiveSoftmax::<f64>::new(rng, 6, 11, cutoffs, 2)
        });
    }
}

#[test]
fn the_logits_of_a_mixture_have_its_axes() {
    let mixture = MixtureOfSoftmaxes::new(&mut bptt_layers::rng(2), 5, 3, 4);
    let tape = Tape::new();
    let h = zeros(&tape, &[2, 5]);
    assert_refused(
        "contexts [2, 4, 3] need logits of the same axes but the last, not [4, 3]",
        || mixture.forward(h, |z| z.sum(&[0])),
    );
}

/// Checks that `run` panics with a message that contains `expected`, and that points to this file.
#[track_caller]
fn assert_refused<R>(expected: &str, run: impl FnOnce() -> R) {
    static RECORD_PLACES: Once = Once::new();
    RECORD_PLACES.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED_HERE.set(info.location().is_some_and(|place| place.file() == file!()));
            report(info);
        }));
    });
    let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else {
        panic!("should be refused: {expected}");
    };
    let message = panic.downcast::<String>().map_or_else(
        |panic| (*panic.downcast::<&str>().expect("a message")).to_owned(),
        |message| *message,
    );
    assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    assert!(PANICKED_HERE.get(), "{message:?} is not reported at the caller's line");
}
