//! The bias of truncated back-propagation.

use bptt_analysis::gradients::{Agreement, GradientsOverTime};
use bptt_layers::{Lstm, Module, Truncation, rng};
use bptt_tensor::Tensor;

use crate::models::{HIDDEN, INPUT, deep, randomized, uniform};
use crate::oracle::{loss, parts_by_lag};

#[track_caller]
fn assert_agree(left: Agreement, right: Agreement) {
    let pairs = [
        (left.norm_ratio, right.norm_ratio),
        (left.relative_error, right.relative_error),
        (left.cosine, right.cosine),
        (left.sign_agreement, right.sign_agreement),
    ];
    assert!(pairs.iter().all(|(l, r)| (l - r).abs() < 1e-13), "{left:?}, not {right:?}");
}

/// A window of `K` keeps the lags below `K`, and the whole length keeps all.
#[test]
fn a_window_keeps_the_lags_below_its_length() {
    let model = deep(&mut rng(1));
    let xs = uniform([6, 2, INPUT], &mut rng(3));
    let over_time = GradientsOverTime::new(&model, &xs, loss);
    let (by_lag, mut errors) = (over_time.by_lag(), vec![]);
    for reach in 1..=6 {
        let bias = over_time.bias(Truncation::window(reach));
        assert_agree(bias.overall, by_lag.kept()[reach - 1]);
        for own in &by_lag.parameters {
            assert_agree(*bias.get(&own.name).expect("known"), own.kept()[reach - 1]);
        }
        errors.push(bias.overall.relative_error);
    }
    assert!(errors[0] > 1e-2 && errors[5] < 1e-14, "{errors:?}");
}

/// BPTT(2, 3) keeps the lags of a loss that lie within its window: 0 and 1 for the first step of a chunk, up to 2 for
/// the second.
#[test]
fn chunks_keep_the_lags_within_their_windows() {
    let lstm = randomized(Lstm::new(&mut rng(1), INPUT, HIDDEN), &mut rng(2));
    let xs = uniform([6, 2, INPUT], &mut rng(3));
    let bias = GradientsOverTime::new(&lstm, &xs, loss).bias(Truncation::new(2, 3));
    // the gradient of the losses up to step t, and its parts
    let up_to = |t: usize| parts_by_lag(&lstm, &xs.slice(0, 0..t + 1));
    let minus =
        |left: &[Vec<Tensor<f64>>], right: &[Vec<Tensor<f64>>], lag: usize, i: usize| match right
            .get(lag)
        {
            Some(part) => &left[lag][i] - &part[i],
            None => left[lag][i].clone(),
        };
    let whole = up_to(5);
    for (i, (name, agreement)) in bias.parameters.iter().enumerate() {
        assert_eq!(*name, lstm.parameters()[i].0);
        let mut kept = Tensor::zeros(whole[0][i].shape());
        for t in 0..6 {
            let (with, without) = (up_to(t), if t == 0 { vec![] } else { up_to(t - 1) });
            for lag in 0..=t.min(1 + t % 2) {
                kept += minus(&with, &without, lag, i);
            }
        }
        let sum = whole.iter().fold(Tensor::zeros(kept.shape()), |sum, part| sum + &part[i]);
        assert_agree(*agreement, Agreement::of(&[&kept], &[&sum]));
    }
    assert!(bias.get("unknown").is_none());
    assert_eq!(bias.truncation, Truncation::new(2, 3));
}

#[test]
#[should_panic(expected = "in a step of the scan at crates/analysis/tests/gradients/truncation.rs")]
fn inputs_of_another_layer_are_blamed_on_the_caller() {
    let lstm = Lstm::new(&mut rng(1), INPUT, HIDDEN);
    let xs = uniform([4, 2, INPUT + 1], &mut rng(3));
    let _ = GradientsOverTime::new(&lstm, &xs, loss).bias(Truncation::window(2));
}
