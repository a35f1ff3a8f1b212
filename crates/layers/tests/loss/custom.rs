//! Losses that are made from values at each position.

use bptt_autodiff::{Tape, Var};
use bptt_layers::loss::{self, Loss};
use bptt_tensor::Tensor;

/// Huber's loss by its definition, as a user writes it.
fn huber<'t>(output: Var<'t, f64>, targets: &Tensor<f64>, delta: f64) -> Loss<'t, f64> {
    let size = (output - targets).abs();
    let near = size.le(delta);
    let values = near.select(size.square() * 0.5, (size - 0.5 * delta) * delta);
    Loss::new(values.mean(&[-1]))
}

/// Outputs and targets `[T, B, F]` with errors on both sides of 1.
fn operands() -> [Tensor<f64>; 2] {
    let rng = &mut bptt_layers::rng(4);
    [(); 2].map(|()| Tensor::normal([5, 3, 4], 0.0, 2.0, rng))
}

fn assert_near(actual: &Tensor<f64>, expected: &Tensor<f64>) {
    assert_eq!(actual.shape(), expected.shape());
    for (actual, expected) in actual.as_slice().iter().zip(expected.as_slice()) {
        assert!((actual - expected).abs() < 1e-15, "{actual} and {expected}");
    }
}

/// With masks that differ in size and weights of both signs: sum, mean, values and weight, and the gradient of each.
#[test]
fn a_loss_of_values_equals_the_one_of_the_library() {
    let [output, targets] = operands();
    let mask = Tensor::from_vec([5, 3], (0..15).map(|i| f64::from(i % 4)).collect());
    let weights = Tensor::from_vec([5, 3], (0..15).map(|i| f64::from(i % 3) - 0.5).collect());
    let takes: [for<'t> fn(Loss<'t, f64>) -> Var<'t, f64>; 3] =
        [|loss| loss.sum(), |loss| loss.mean(), |loss| loss.per_position()];
    for take in takes {
        let of = |loss: for<'t> fn(Var<'t, f64>, &Tensor<f64>) -> Loss<'t, f64>| {
            let tape = Tape::new();
            let output = tape.variable(output.clone());
            let loss = loss(output, &targets).masked(&mask).weighted(&weights);
            let (weight, value) = (loss.weight(), take(loss));
            let gradient = tape.backward(value.sum_all()).wrt(output).clone();
            (weight, value.value(), gradient)
        };
        let own = of(|output, targets| huber(output, targets, 1.0));
        let library = of(|output, targets| loss::huber(output, targets, 1.0));
        assert_eq!(own.0, library.0);
        assert_near(&own.1, &library.1);
        assert_near(&own.2, &library.2);
    }
}

/// Values at dropped positions, and the operands that they come from, may be NaN or infinite.
#[test]
fn masked_operands_reach_neither_value_nor_gradient() {
    let mask = Tensor::from_vec([3, 1], vec![1.0, 0.0, 0.0]);
    let targets = Tensor::from_vec([3, 1, 1], vec![0.5, f64::NAN, f64::INFINITY]);
    let tape = Tape::new();
    let output = tape.variable(Tensor::zeros([3, 1, 1]));
    let loss = huber(output, &targets, 1.0).masked(&mask).mean();
    assert_eq!(loss.item(), 0.125);
    assert_eq!(tape.backward(loss).wrt(output).to_vec(), [-0.5, 0.0, 0.0]);
}

#[test]
fn a_mean_of_nothing_is_zero() {
    let tape = Tape::new();
    let values = tape.variable(Tensor::from_vec([2], vec![f64::NAN, 3.0]));
    let loss = Loss::new(values).masked(&Tensor::zeros([2])).mean();
    assert_eq!(loss.item(), 0.0);
    assert_eq!(tape.backward(loss).wrt(values).to_vec(), [0.0, 0.0]);
}

#[test]
#[should_panic(expected = "masked of [2] and [3, 1]: the shapes must be the same")]
fn a_mask_has_the_shape_of_the_values() {
    let tape = Tape::new();
    let _ = Loss::new(tape.variable(Tensor::<f64>::zeros([3, 1]))).masked(&Tensor::ones([2]));
}
