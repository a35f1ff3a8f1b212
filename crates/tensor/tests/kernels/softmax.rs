use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::common::*;

proptest! {
    #[test]
    fn probabilities_have_their_values((shape, axis) in shape_and_axis(), seed: u64) {
        let x = values::<f64>(&shape, seed);
        let signed = axis as isize - if seed % 2 == 0 { 0 } else { shape.len() as isize };
        let sum = x.map(f64::exp).sum_keep(&[signed]);
        assert_close(&x.softmax(signed), &(x.map(f64::exp) / &sum), 1e-14);
        assert_close(&x.log_softmax(signed), &(&x - sum.map(f64::ln)), 1e-14);
        assert_close(&x.logsumexp_keep(signed), &sum.map(f64::ln), 1e-14);
        let rest = project(&shape, &[axis], false);
        assert_close(&x.logsumexp(signed), &sum.map(f64::ln).reshape(rest), 1e-14);
    }

    #[test]
    fn a_shift_of_the_logits_changes_nothing(
        (shape, axis) in shape_and_axis(),
        shift in -1e4f64..1e4,
        seed: u64,
    ) {
        let (x, axis) = (values::<f64>(&shape, seed), axis as isize);
        let shifted = x.map(|x| x + shift);
        assert_close(&shifted.softmax(axis), &x.softmax(axis), 1e-11);
        assert_close(&shifted.log_softmax(axis), &x.log_softmax(axis), 1e-11);
        assert_close(&shifted.logsumexp(axis), &x.logsumexp(axis).map(|x| x + shift), 1e-11);
    }

    #[test]
    fn probabilities_sum_to_one(rows in 1usize..5, n in 1usize..200, seed: u64) {
        let p = values::<f32>(&[rows, n], seed).map(|x| 50.0 * x).softmax(-1);
        assert_close(&p.sum(&[-1]), &Tensor::ones([rows]), 1e-6);
        prop_assert!(p.as_slice().iter().all(|&p| (0.0..=1.0).contains(&p)));
    }
}

#[test]
fn extreme_logits_stay_finite() {
    let x = Tensor::from_vec([2, 3], vec![1e4f32, 0.0, -1e4, -1e4, -1e4, -1e4]);
    assert_eq!(x.softmax(1).to_vec()[..3], [1.0, 0.0, 0.0]);
    assert_close(&x.softmax(1).index_first(1), &Tensor::full([3], 1.0 / 3.0), 1e-6);
    assert_eq!(x.log_softmax(1).to_vec()[..3], [0.0, -1e4, -2e4]);
    assert_eq!(x.logsumexp(1)[[0]], 1e4);
}

const MINUS_INFINITY: f64 = f64::NEG_INFINITY;

#[test]
fn impossible_outcomes_have_probability_zero() {
    let x = Tensor::from_vec([3], vec![MINUS_INFINITY, 0.0, 0.0]);
    assert_eq!(x.softmax(0).to_vec(), [0.0, 0.5, 0.5]);
    assert_eq!(x.log_softmax(0)[[0]], MINUS_INFINITY);
    assert_close(&x.logsumexp(0), &Tensor::scalar(2f64.ln()), 1e-15);
}

#[test]
fn rows_without_a_possible_outcome_are_defined() {
    let x = Tensor::full([2, 3], MINUS_INFINITY);
    for axis in [0, 1] {
        assert_eq!(x.softmax(axis), Tensor::zeros([2, 3]));
        assert_eq!(x.log_softmax(axis), x);
        assert_eq!(x.logsumexp(axis)[[0]], MINUS_INFINITY);
    }
    assert_eq!(Tensor::<f64>::zeros([2, 0]).logsumexp(1), Tensor::full([2], MINUS_INFINITY));
}

#[test]
fn nan_spreads_over_its_row_only() {
    let x = Tensor::from_vec([2, 2], vec![f64::NAN, 0.0, 0.0, 0.0]);
    for y in [x.softmax(1), x.log_softmax(1)] {
        assert!(y.to_vec()[..2].iter().all(|y| y.is_nan()), "{y:?}");
        assert!(y.index_first(1).is_finite());
    }
    assert!(x.logsumexp(1)[[0]].is_nan());
}

/// Rows are longer than a block, and enough for several threads.
#[test]
fn large_inputs_have_their_values() {
    for (shape, axis) in [([30, 5000], 1), ([4000, 40], 0), ([4000, 40], 1)] {
        let x = values::<f64>(&shape, 3);
        let sum = x.map(f64::exp).sum_keep(&[axis]);
        assert_close(&x.softmax(axis), &(x.map(f64::exp) / &sum), 1e-13);
        assert_close(&x.logsumexp_keep(axis), &sum.map(f64::ln), 1e-13);
    }
}
