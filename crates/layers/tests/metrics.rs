//! Metrics against counting by hand.

use bptt_autodiff::Tape;
use bptt_layers::{loss, metrics};
use bptt_tensor::Tensor;

#[test]
fn accuracy_is_the_share_of_right_positions() {
    let rows = vec![0.0, 1.0, -1.0, 3.0, 2.0, 1.0, 5.0, 4.0, 6.0, 1.0, 0.0, 0.5];
    let logits = Tensor::from_vec([2, 2, 3], rows); // classes 1, 0, 2, 0
    assert_eq!(metrics::accuracy(&logits, &[1, 0, 2, 0], None), 1.0);
    assert_eq!(metrics::accuracy(&logits, &[1, 1, 0, 0], None), 0.5);
    assert_eq!(metrics::accuracy(&logits, &[0, 1, 0, 3], None), 0.0); // 3 is no class
    let mask = Tensor::from_vec([2, 2], vec![1.0, 0.5, 0.0, 0.5]);
    assert_eq!(metrics::accuracy(&logits, &[1, 1, 0, 0], Some(&mask)), 0.75);
}

#[test]
fn the_accuracy_of_no_position_is_zero() {
    let logits = Tensor::<f64>::zeros([2, 3]);
    assert_eq!(metrics::accuracy(&logits, &[0, 0], Some(&Tensor::zeros([2]))), 0.0);
    assert_eq!(metrics::accuracy(&Tensor::<f64>::zeros([0, 3]), &[], None), 0.0);
}

#[test]
fn the_first_of_the_largest_counts_and_nan_is_wrong() {
    let tied = Tensor::from_vec([1, 3], vec![1.0_f32, 2.0, 2.0]);
    let right = |logits: &Tensor<f32>| [0, 1, 2].map(|y| metrics::accuracy(logits, &[y], None));
    assert_eq!(right(&tied), [0.0, 1.0, 0.0]);
    for place in 0..3 {
        let mut logits = Tensor::from_vec([1, 3], vec![1.0, 2.0, 3.0]);
        logits.as_mut_slice()[place] = f32::NAN;
        assert_eq!(right(&logits), [0.0; 3]);
    }
}

#[test]
fn the_hamming_distance_counts_differences() {
    assert_eq!(metrics::hamming_distance(&[1, 2, 3, 4], &[1, 3, 4, 2]), 3);
    assert_eq!(metrics::hamming_share(&[1, 2, 3, 4], &[1, 3, 4, 2]), 0.75);
    assert_eq!(metrics::hamming_distance::<u8>(&[], &[]), 0);
    assert_eq!(metrics::hamming_share::<u8>(&[], &[]), 0.0);
}

/// The perplexity of a uniform prediction is the number of classes.
#[test]
fn perplexity_of_a_uniform_prediction() {
    let tape = Tape::new();
    let logits = tape.constant(Tensor::<f64>::zeros([3, 7]));
    let loss = loss::cross_entropy(logits, &[0, 3, 6]).mean();
    assert!((metrics::perplexity(loss.item()) - 7.0).abs() < 1e-12);
}

#[test]
#[should_panic(expected = "accuracy of [2, 3]: has 2 positions but 1 targets; give one for each")]
fn targets_must_fit() {
    let _ = metrics::accuracy(&Tensor::<f64>::zeros([2, 3]), &[0], None);
}

#[test]
#[should_panic(expected = "masked of [3] and [2]: the shapes must be the same")]
fn masks_must_fit() {
    let logits = Tensor::<f64>::zeros([2, 3]);
    let _ = metrics::accuracy(&logits, &[0, 0], Some(&Tensor::ones([3])));
}

#[test]
#[should_panic(expected = "hamming_distance: sequences of 2 and 1 symbols are not equally long")]
fn sequences_must_be_equally_long() {
    let _ = metrics::hamming_distance(&[1, 2], &[1]);
}
