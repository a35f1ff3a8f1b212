//! The expectation of the random estimate is the exact gradient.

use bptt_layers::{Elman, LearnedStart, Linear, Module, Stepwise, rng};
use bptt_trainers::online::Uoro;

use super::support::{drawn, forward_in_time, inputs, through_time};

/// The mean over seeds differs from the exact gradient by less than 5 standard errors in each element, and the standard
/// errors together are less than `share` of the gradient. For normal means, chance alone fails this with a probability
/// of 6e-7 for each element, that is 2e-5 for 30 elements. The seeds are fixed.
#[track_caller]
fn check<L: Stepwise<f64> + Module<f64>>(layer: L, seeds: u64, share: f64) {
    let layer = drawn(layer, 13);
    let xs = inputs([4, 1, 1], 14);
    let (_, expected) = through_time(&layer, &xs);
    let count = layer.parameter_count();
    let (mut sums, mut squares) = (vec![0.0; count], vec![0.0; count]);
    for seed in 0..seeds {
        let (_, found) = forward_in_time(&mut Uoro::new().seed(seed), &layer, &xs);
        let elements = layer.parameters().into_iter().flat_map(|(_, own)| found[own].to_vec());
        for ((sum, square), element) in sums.iter_mut().zip(&mut squares).zip(elements) {
            *sum += element;
            *square += element * element;
        }
    }
    let n = seeds as f64;
    let expected = layer.parameters().into_iter().flat_map(|(_, own)| expected[own].to_vec());
    let (mut errors, mut norm, mut spread) = (0.0, 0.0, 0.0_f64);
    for ((expected, sum), square) in expected.zip(sums).zip(squares) {
        let mean = sum / n;
        let variance = (square / n - mean * mean).max(0.0) * n / (n - 1.0);
        let error = (variance / n).sqrt();
        assert!((mean - expected).abs() <= 5.0 * error + 1e-12, "{mean} ± {error}, not {expected}");
        errors += error * error;
        norm += expected * expected;
        spread = spread.max(variance);
    }
    assert!(errors < share * share * norm, "{} of {}", errors.sqrt(), norm.sqrt());
    assert!(spread > 0.0, "the estimate is random");
}

#[test]
fn it_is_unbiased() {
    let rng = &mut rng(0);
    check((Elman::new(rng, 1, 2), Linear::new(rng, 2, 1)), 250, 0.06);
}

#[test]
fn it_is_unbiased_from_a_learned_start() {
    check(LearnedStart::new(Elman::new(&mut rng(0), 1, 2)), 250, 0.06);
}
