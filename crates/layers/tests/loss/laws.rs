//! Properties of every loss: masks, weights, means over no positions and over large losses.

use bptt_autodiff::{Tape, Var};
use bptt_layers::loss::{self, CrossEntropy, Loss};
use bptt_tensor::Tensor;

/// A loss of outputs and targets of the same shape.
type Take = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Loss<'t, f64>;

/// The losses. Those with kinks are evaluated on both sides of a kink.
const LOSSES: [Take; 9] = [
    |x, _| loss::cross_entropy(x, &targets(x)),
    |x, _| {
        let classes = x.shape()[x.shape().len() - 1];
        let weights: Vec<f64> = (0..classes).map(|class| 1.0 + class as f64).collect();
        let options = CrossEntropy::new().label_smoothing(0.2).class_weights(&weights);
        options.of(x, &targets(x))
    },
    |x, _| CrossEntropy::new().label_smoothing(0.2).of_log_probabilities(x, &targets(x)),
    |x, y| loss::squared_error(x, y),
    |x, y| loss::mean_squared_error(y, x),
    |x, y| loss::huber(x, y, 30.0),
    |x, y| loss::huber(x, y + 20.0, 1.0),
    |x, y| loss::euclidean_distance(x, y + 20.0),
    |x, y| loss::binary_cross_entropy(x, y),
];

fn targets(x: Var<'_, f64>) -> Vec<usize> {
    let classes = x.shape()[x.shape().len() - 1];
    (0..x.shape().elements() / classes).map(|i| i % classes).collect()
}

/// Outputs and targets at dropped positions change nothing.
#[test]
fn masked_positions_change_nothing() {
    let mut rng = bptt_layers::rng(3);
    let clean = Tensor::<f64>::normal([2, 3, 4], 0.0, 1.0, &mut rng);
    let mask = Tensor::from_vec([2, 3], vec![1.0, 0.5, 2.0, 1.0, 0.0, 0.0]);
    let mut padded = clean.clone();
    let fill = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    padded.as_mut_slice()[16..20].copy_from_slice(&fill);
    padded.as_mut_slice()[20..].fill(f64::NAN);

    for take in LOSSES {
        let evaluate = |values: &Tensor<f64>| {
            let tape = Tape::new();
            let x = tape.variable(values.clone());
            let mean = take(x, tape.constant(values.map(|x| 0.5 * x))).masked(&mask).mean();
            let [first] = tape.grad(mean, [x]);
            let [second] = tape.grad(first.square().sum_all(), [x]);
            [mean, first, second].map(|var| var.value().to_vec())
        };
        let [mean, first, second] = evaluate(&padded);
        assert_eq!(first[16..], [0.0; 8]);
        assert_eq!(second[16..], [0.0; 8]);
        assert_eq!([mean, first, second], evaluate(&clean));
    }
}

#[test]
fn a_mask_weights_positions() {
    let tape = Tape::new();
    let output = tape.constant(Tensor::from_vec([3, 1], vec![1.0, 2.0, 3.0]));
    let loss = loss::mean_squared_error(output, &Tensor::zeros([3, 1]));
    assert_eq!(loss.clone().mean().item(), 14.0 / 3.0);
    let weighted = loss.masked(&Tensor::from_vec([3], vec![3.0, 0.0, 0.5]));
    assert_eq!(weighted.clone().sum().item(), 7.5);
    assert_eq!(weighted.mean().item(), 7.5 / 3.5);
}

/// Weights of either sign multiply the losses. The mean divides by the number of positions.
#[test]
fn weights_multiply_and_do_not_count() {
    let tape = Tape::new();
    let output = tape.variable(Tensor::from_vec([4, 1], vec![1.0, 2.0, 3.0, f64::NAN]));
    let weights = Tensor::from_vec([4], vec![3.0, -1.0, 0.0, 5.0]);
    let loss = loss::mean_squared_error(output, &Tensor::zeros([4, 1])).weighted(&weights);
    let loss = loss.masked(&Tensor::from_vec([4], vec![1.0, 0.5, 0.5, 0.0]));
    assert_eq!(loss.weight(), 2.0);
    assert_eq!(loss.clone().per_position().value().to_vec(), [3.0, -2.0, 0.0, 0.0]);
    let mean = loss.clone().mean();
    assert_eq!(mean.item(), 0.5);
    let gradient = tape.backward(mean).wrt(output).to_vec();
    assert_eq!(gradient, [3.0, -1.0, 0.0, 0.0]);
    let twice = loss.weighted(&Tensor::full([4], -2.0));
    assert_eq!(twice.per_position().value().to_vec(), [-6.0, 4.0, 0.0, 0.0]);
}

/// REINFORCE (Williams 1992): `∂/∂o −(1/N) Σ R log π(a) = (1/N) Σ R (π − 1_a)`. With a weight of 0, the loss of an
/// impossible action is 0.
#[test]
fn the_gradient_of_a_policy() {
    let mut rng = bptt_layers::rng(8);
    let mut values = Tensor::<f64>::normal([3, 2, 4], 0.0, 1.0, &mut rng);
    values.as_mut_slice()[20] = f64::NEG_INFINITY;
    let actions = [3, 1, 0, 2, 2, 0];
    let returns = vec![2.0, -1.5, 0.25, -4.0, 1.0, 0.0];
    let tape = Tape::new();
    let policy = tape.variable(values.clone());
    let loss = loss::cross_entropy(policy, &actions);
    let mean = loss.weighted(&Tensor::from_vec([3, 2], returns.clone())).mean();
    let gradient = tape.backward(mean).wrt(policy).to_vec();
    let (probabilities, mut value) = (values.softmax(-1).to_vec(), 0.0);
    for (i, &slope) in gradient.iter().enumerate() {
        let (position, action) = (i / 4, i % 4);
        let taken = action == actions[position];
        if taken && returns[position] != 0.0 {
            value -= returns[position] * probabilities[i].ln() / 6.0;
        }
        let exact = returns[position] * (probabilities[i] - f64::from(taken)) / 6.0;
        assert!((slope - exact).abs() < 1e-15, "{slope} and {exact} at {i}");
    }
    assert!((mean.item() - value).abs() < 1e-15);
}

/// A batch of padding alone, or of no sequence, changes nothing: neither value nor gradient.
#[test]
fn the_mean_of_nothing_is_zero() {
    let tape = Tape::checking();
    let zero = |x: Var<'_, f64>, loss: Loss<'_, f64>| {
        assert_eq!(loss.weight().to_bits(), 0.0_f64.to_bits());
        let mean = loss.mean();
        assert_eq!(mean.item(), 0.0);
        assert!(tape.backward(mean).wrt(x).to_vec().iter().all(|&slope| slope == 0.0));
    };
    let x = tape.variable(Tensor::full([2, 3, 4], 1.5));
    let none = tape.variable(Tensor::zeros([2, 0, 4]));
    for take in LOSSES {
        zero(x, take(x, x * 0.5).masked(&Tensor::zeros([2, 3])));
        zero(none, take(none, none));
    }
    zero(x, CrossEntropy::new().ignored_index(9).of(x, &[9; 6]));
    let weightless = CrossEntropy::new().class_weights(&[0.0, 1.0, 1.0, 1.0]);
    zero(x, weightless.clone().of(x, &[0; 6]));
    zero(x, weightless.label_smoothing(0.1).of(x, &[0; 6]));
    zero(x, loss::ctc(x, &[2; 3], &[[1], [2], [3]], 0).masked(&Tensor::zeros([3])));
    zero(none, loss::ctc(none, &[], &[[0; 0]; 0], 0));
}

/// Losses whose sum overflows have a mean.
#[test]
fn means_near_the_end_of_single_precision() {
    let tape = Tape::checking();
    let extreme = |rows: usize, row: &[f32]| {
        let x = tape.variable(Tensor::from_vec([rows, row.len()], row.repeat(rows)));
        (x, tape.constant(Tensor::zeros([rows, row.len()])))
    };
    let check = |x: Var<'_, f32>, loss: Loss<'_, f32>, exact: f32, slopes: &[f32]| {
        let mean = loss.mean();
        assert_eq!(mean.item(), exact);
        assert_eq!(tape.backward(mean).wrt(x).to_vec()[..slopes.len()], *slopes);
    };
    let (x, zeros) = extreme(2, &[1e38, -1e38]);
    check(x, loss::cross_entropy(x, &[1, 1]), 2e38, &[0.5, -0.5]);
    let weights = CrossEntropy::new().class_weights(&[1.0, 1.5]);
    check(x, weights.of(x, &[1, 1]), 2e38, &[0.5, -0.5]);
    let mask = Tensor::from_vec([2], vec![16.0, 16.0]);
    check(x, loss::cross_entropy(x, &[1, 1]).masked(&mask), 2e38, &[0.5, -0.5]);
    check(x, loss::huber(x, zeros, 2.0), 2e38, &[0.5, -0.5]);
    let (x, zeros) = extreme(4, &[3e38, 3e38]);
    check(x, loss::binary_cross_entropy(x, zeros), 3e38, &[0.125, 0.125]);
    let (x, zeros) = extreme(2, &[3e19, 0.0, 0.0, 0.0]);
    check(x, loss::mean_squared_error(x, zeros), 3e19 * (3e19 / 4.0), &[7.5e18, 0.0]);
    check(x, loss::huber(x, zeros, 1e30), 3e19 * (3e19 / 8.0), &[3.75e18, 0.0]);
    let (x, zeros) = extreme(4, &[2.5e19]);
    check(x, loss::squared_error(x, zeros), 3.125e38, &[2.5e19 / 4.0]);
    let (logits, _) = extreme(1, &[3e38, 0.0, 3e38, 0.0]);
    let logits = logits.reshape([1, 2, 2]);
    assert_eq!(loss::ctc(logits, &[1, 1], &[[1], [1]], 0).mean().item(), 3e38);
}

/// The loss is 0 and not −0, which is printed with its sign.
#[test]
fn certainty_costs_nothing() {
    let tape = Tape::new();
    let certain = tape.constant(Tensor::<f64>::from_vec([1, 1, 2], vec![2e3, 0.0]));
    let only = tape.constant(Tensor::<f64>::from_vec([1, 1, 1], vec![3.0]));
    let log_probabilities = certain.log_softmax(-1);
    let losses = [
        loss::cross_entropy(certain, &[0]),
        loss::cross_entropy(only, &[0]),
        CrossEntropy::new().class_weights(&[2.0, 1.0]).of(certain, &[0]),
        loss::negative_log_likelihood(log_probabilities, &[0]),
        loss::ctc(certain, &[1], &[[0; 0]], 0),
        loss::ctc(certain, &[1], &[[0]], 1),
    ];
    for (i, loss) in losses.into_iter().enumerate() {
        let mean = loss.mean().item();
        assert!(mean == 0.0 && mean.is_sign_positive(), "loss {i}: {mean:?}");
    }
}
