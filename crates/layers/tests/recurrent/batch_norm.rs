//! Batch normalization, against its equations as loops.

use bptt_autodiff::Tape;
use bptt_layers::BatchNorm;
use bptt_layers::weights::{Unmatched, keras, pytorch};
use bptt_tensor::Tensor;

use crate::support::{assert_near, parameter, random, randomized, uniform};

/// Returns mean and variance of each feature, over the rows that count.
fn moments(x: &Tensor<f64>, counts: &[bool]) -> [Vec<f64>; 2] {
    let features = x.shape()[x.rank() - 1];
    let rows: Vec<_> =
        x.as_slice().chunks(features).zip(counts).filter(|(_, c)| **c).map(|(r, _)| r).collect();
    let mean_of =
        |f: &dyn Fn(&[f64]) -> f64| rows.iter().map(|row| f(row)).sum::<f64>() / rows.len() as f64;
    let mean: Vec<_> = (0..features).map(|i| mean_of(&|row| row[i])).collect();
    let variance = (0..features).map(|i| mean_of(&|row| (row[i] - mean[i]).powi(2))).collect();
    [mean, variance]
}

fn normalized(
    norm: &BatchNorm<f64>,
    x: &Tensor<f64>,
    [mean, variance]: &[Vec<f64>; 2],
) -> Tensor<f64> {
    let [gain, bias] = ["gain", "bias"].map(|name| parameter(norm, name));
    let features = mean.len();
    Tensor::from_fn(x.shape(), |i| {
        let f = i % features;
        (x.as_slice()[i] - mean[f]) / (variance[f] + norm.epsilon).sqrt() * gain.as_slice()[f]
            + bias.as_slice()[f]
    })
}

fn random_norm() -> (BatchNorm<f64>, Tensor<f64>) {
    let rng = &mut random(0);
    let mut norm = randomized(BatchNorm::new(3), rng).epsilon(1e-3);
    norm.variance.set(Tensor::from_vec([3], vec![0.5, 1.0, 2.0]));
    (norm, uniform([4, 2, 3], rng))
}

#[test]
fn training_and_evaluation() {
    let (mut norm, x) = random_norm();
    let tape = Tape::new();
    let batch = moments(&x, &[true; 8]);
    let (y, statistics) = norm.in_training(tape.constant(x.clone()), None);
    assert_near(&[y.value()], &[normalized(&norm, &x, &batch)], 1e-13);

    let before = [norm.mean.value().to_vec(), norm.variance.value().to_vec()];
    norm.update(&statistics, 0.1);
    for (i, factor) in [1.0, 8.0 / 7.0].into_iter().enumerate() {
        let moved: Vec<_> =
            before[i].iter().zip(&batch[i]).map(|(a, b)| 0.9 * a + 0.1 * factor * b).collect();
        let average = if i == 0 { &norm.mean } else { &norm.variance };
        assert_near(&[average.value().clone()], &[Tensor::from_vec([3], moved)], 1e-14);
    }
    let averages = [norm.mean.value().to_vec(), norm.variance.value().to_vec()];
    let y = norm.forward(tape.constant(x.clone())).value();
    assert_near(&[y], &[normalized(&norm, &x, &averages)], 1e-13);
}

/// Masked positions may hold any values, and have no gradient.
#[test]
fn padding_does_not_count() {
    let (norm, mut x) = random_norm();
    let counts = [true, true, true, false, true, false, true, false];
    for (row, _) in counts.iter().enumerate().filter(|(_, counts)| !**counts) {
        x.as_mut_slice()[row * 3..][..3].fill(f64::NAN);
    }
    let present = Tensor::from_fn([4, 2], |i| f64::from(u8::from(counts[i])));
    let tape = Tape::new();
    let xs = tape.variable(x.clone());
    let (ys, _) = norm.in_training(xs, Some(&present));
    let kept = tape.constant(present.reshape([4, 2, 1])).select(ys, 0.0);
    let expected = normalized(&norm, &x, &moments(&x, &counts));
    let gradients = tape.backward(kept.square().sum_all());
    for (row, counts) in counts.into_iter().enumerate() {
        let of = |tensor: &Tensor<f64>| Tensor::from_slice([3], &tensor.as_slice()[row * 3..][..3]);
        if counts {
            assert_near(&[of(&kept.value())], &[of(&expected)], 1e-13);
            assert!(of(gradients.wrt(xs)).as_slice().iter().all(|g| g.is_finite() && *g != 0.0));
        } else {
            assert_eq!(of(gradients.wrt(xs)).to_vec(), [0.0; 3]);
        }
    }
}

/// The running averages have no gradient in training or evaluation. Batches without statistics do not move them.
#[test]
fn averages_are_not_trained() {
    let (mut norm, x) = random_norm();
    let tape = Tape::new();
    let xs = tape.constant(x.clone());
    let loss = (norm.forward(xs) + norm.in_training(xs, None).0).square().sum_all();
    let gradients = tape.backward(loss);
    assert!(gradients.get(&norm.mean).is_none() && gradients.get(&norm.variance).is_none());
    assert!(gradients.get(&norm.gain).is_some() && gradients.get(&norm.bias).is_some());

    let before = [norm.mean.value().clone(), norm.variance.value().clone()];
    let nothing = norm.in_training(xs, Some(&Tensor::zeros([4, 2]))).1;
    norm.update(&nothing, 0.5);
    assert_eq!([norm.mean.value().clone(), norm.variance.value().clone()], before);
    let one = norm.in_training(xs.slice(0, 0..1).slice(1, 0..1), None).1;
    norm.update(&one, 1.0);
    assert_eq!(norm.mean.value().to_vec(), x.as_slice()[..3]);
    assert_eq!(norm.variance.value(), &before[1]);
}

#[test]
fn weights_of_others() {
    let (norm, _) = random_norm();
    let mut torch = pytorch::archive(&norm);
    assert_eq!(torch.tensor("running_var").unwrap(), norm.variance.value());
    torch.insert("num_batches_tracked", Tensor::zeros([])); // a counter, which PyTorch saves besides
    let mut other = BatchNorm::new(3).epsilon(1e-3);
    pytorch::load(&mut other, &torch).unwrap();
    assert_eq!(pytorch::load_matching(&mut other, &torch).unwrap(), Unmatched::default());
    torch.insert("momentum", Tensor::zeros([]));
    assert!(pytorch::load(&mut other, &torch).is_err());
    assert_eq!(parameter(&other, "mean"), parameter(&norm, "mean"));
    let keras = keras::archive(&norm);
    assert_eq!(keras.tensor("moving_mean").unwrap(), norm.mean.value());
    assert!(keras::load(&mut BatchNorm::new(3), &keras).is_err(), "another ε");
}

#[test]
#[should_panic(expected = "batch_norm: features [4, 2, 3] need a mask of shape [4, 2], not [2, 4]")]
fn a_mask_of_another_shape() {
    let (norm, x) = random_norm();
    let tape = Tape::new();
    let _ = norm.in_training(tape.constant(x), Some(&Tensor::ones([2, 4])));
}
