//! Steps that have no influence, and sequences that have the probability 0.

use bptt_autodiff::{Param, Tape};
use bptt_layers::Module;
use bptt_tensor::Tensor;
use bptt_trainers::mixture::{ExpectationMaximization, Sequences};

use crate::support::{assert_close, tables, total};

/// A second call can only remove marks.
#[test]
fn marks_only_remove() {
    let data = Sequences::<f64>::new([0; 3], [1; 3], &[3]).unwrap();
    let once = data.observed_at(&[true, false, true]).unwrap();
    let twice = once.observed_at(&[true, true, false]).unwrap();
    assert_eq!(twice.output_symbols(2).unwrap(), [1, 0, 0]);
    let model = tables(&mut bptt_layers::rng(0), 2, 1, 2);
    let first = Sequences::new([0], [1], &[1]).unwrap();
    assert_close(&[total(&model, &twice)], &[total(&model, &first)], 1e-14);
}

/// The likelihood is −∞, and its gradient is that of the steps before the first that is impossible.
#[test]
fn an_excluded_sequence_has_the_gradient_of_its_beginning() {
    let rng = &mut bptt_layers::rng(0);
    let mut model = tables(rng, 2, 1, 3);
    let never = f64::NEG_INFINITY;
    model.outputs.network.rows.set(Tensor::from([[0.0, never, 1.0, 0.5, never, -1.0]]));
    let of = |outputs: &[usize], length: usize| {
        let data = Sequences::new([0; 4], outputs, &[length]).unwrap();
        let tape = Tape::new();
        let log_likelihood = model.log_likelihood(&tape, &data).unwrap().sum_all();
        let gradients = tape.backward(log_likelihood);
        let none = |p: &Param<f64>| Tensor::zeros(p.shape().clone()); // a sequence without steps
        let parameters = model.parameters().into_iter();
        let gradient: Vec<f64> = parameters
            .flat_map(|(_, p)| gradients.get(p).cloned().unwrap_or_else(|| none(p)).to_vec())
            .collect();
        (log_likelihood.item(), gradient)
    };
    for excluded in 0..4 {
        let mut outputs = [0, 2, 0, 2];
        outputs[excluded] = 1;
        let (value, gradient) = of(&outputs, 4);
        assert_eq!(value, never);
        let (_, beginning) = of(&outputs, excluded);
        assert_close(&gradient, &beginning, 1e-14);
        assert_eq!(beginning.iter().any(|x| x.abs() > 0.01), excluded > 0);
    }
}

/// Symbol 0 stands after the end of a sequence. That the last state excludes it has no influence.
#[test]
fn what_is_impossible_after_the_end_does_not_matter() {
    let rng = &mut bptt_layers::rng(0);
    let mut model = tables(rng, 2, 1, 2);
    let never = f64::NEG_INFINITY;
    model.outputs.network.rows.set(Tensor::from([[never, 0.3, never, -0.2]]));
    let data = Sequences::new([0; 8], [1, 1, 1, 1, 1, 9, 1, 9], &[4, 2]).unwrap();
    let tape = Tape::new();
    let log_likelihood = model.log_likelihood(&tape, &data).unwrap();
    assert_close(log_likelihood.value().as_slice(), &[0.0; 2], 1e-14);
    let gradients = tape.backward(log_likelihood.sum_all());
    assert!(gradients.norm() < 1e-14, "{}", gradients.norm());
    assert_close(&model.posteriors(&data).unwrap().log_likelihoods, &[0.0; 2], 1e-14);
    let mut trainer = ExpectationMaximization::new();
    assert!(trainer.step(&mut model, &data).unwrap().loss.abs() < 1e-14);
}
