//! Saturation of gates and states.

use bptt_analysis::dynamics::{Saturation, Thresholds};
use bptt_autodiff::Tape;
use bptt_layers::{Gate, Layer, Lstm, Recurrence};
use bptt_tensor::Tensor;

use super::systems::assert_close;

/// Of two units at three steps of two sequences.
fn values() -> Tensor<f64> {
    Tensor::from([
        [[0.95, 0.5], [0.05, 0.5]],
        [[0.92, 0.5], [0.5, 0.5]],
        [[0.91, 0.5], [0.99, 0.5]],
    ])
}

#[test]
fn shares_are_counted_over_steps_and_sequences() {
    let saturation = Saturation::of(&values(), Thresholds::SIGMOID);
    assert_eq!(saturation.count(), 6);
    assert_eq!(saturation.left(), [1.0 / 6.0, 0.0]);
    assert_eq!(saturation.right(), [4.0 / 6.0, 0.0]);
    assert_close(saturation.share(), 5.0 / 12.0, 1e-15);
    assert_close(saturation.means()[0], 4.32 / 6.0, 1e-15);
    assert_eq!(saturation.variances()[1], 0.0);
    assert_eq!(saturation.dead_units(1e-12), [1]);
    assert_eq!(saturation.thresholds(), Thresholds { left: 0.1, right: 0.9 });
}

#[test]
fn steps_that_a_mask_leaves_out_do_not_count() {
    let mask = Tensor::from([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]);
    let saturation = Saturation::of_masked(&values(), &mask, Thresholds::SIGMOID);
    assert_eq!(saturation.count(), 3);
    assert_eq!((saturation.left()[0], saturation.right()[0]), (0.0, 1.0));
}

#[test]
fn a_value_at_a_threshold_is_not_saturated() {
    let values = Tensor::from([[[0.9_f64, -0.9]], [[-0.91, 0.91]]]);
    let saturation = Saturation::of(&values, Thresholds::TANH);
    assert_eq!((saturation.left(), saturation.right()), ([0.5, 0.0].as_ref(), [0.0, 0.5].as_ref()));
}

#[test]
fn an_lstm_with_a_large_forget_bias_keeps_its_gate_open() {
    let mut rng = bptt_layers::rng(0);
    let lstm = Lstm::<f32>::new(&mut rng, 2, 3).gate_bias(Gate::Forget, 20.0);
    let tape = Tape::inference();
    let probes = tape.probes();
    let xs = tape.constant(Tensor::normal([9, 2, 2], 0.0, 1.0, &mut rng));
    let _ = Recurrence::new(&lstm).run(xs, lstm.start(&tape, 2));
    let of = |name| Saturation::of(&probes.get(name).value(), Thresholds::SIGMOID);
    assert_eq!(of("f").right(), [1.0; 3]);
    assert_eq!(of("f").dead_units(1e-9), [0, 1, 2]);
    assert!(of("i").share() < 0.5);
    assert!(of("i").dead_units(1e-9).is_empty());
}

#[test]
#[should_panic(
    expected = "values of shape [3, 2, 2] need a mask of all their axes but the last, not [3]"
)]
fn a_mask_of_other_extents_is_refused() {
    let _ = Saturation::of_masked(&values(), &Tensor::ones([3]), Thresholds::SIGMOID);
}
