//! What holds of every loss: masks.

use bptt_autodiff::{Tape, Var};
use bptt_layers::loss::{self, CrossEntropy, Loss};
use bptt_tensor::Tensor;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A loss of outputs and something to compare them with, of the same shape.
type Take = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Loss<'t, f64>;

/// Those with kinks are taken on either side of them.
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

/// What stands at dropped positions, and which targets, changes nothing at all.
#[test]
fn masked_positions_change_nothing() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
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
