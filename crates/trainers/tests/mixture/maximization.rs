//! Steps of expectation maximization.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Adam, Linear, Module, Sgd, Xoshiro256PlusPlus};
use bptt_tensor::Tensor;
use bptt_trainers::mixture::{
    ClassOutputs, ExpectationMaximization, GaussianOutputs, InputTable, Sequences,
};
use bptt_trainers::{FirstOrder, HessianFree, parameters_to_vector};

use crate::support::{
    Numbers, Tables, assert_close, climb, feature_data, networks, noisy_parity, number_data,
    softmax, symbol_data, symbols, tables, total,
};

#[test]
fn with_tables_the_likelihood_never_falls() {
    for seed in 0..4 {
        let rng = &mut bptt_layers::rng(seed);
        let lengths = [12, 7, 12];
        let data = symbol_data(rng, [2, 3], &lengths);
        let mut classes = tables(rng, 3, 2, 3);
        let [first, last] = climb(ExpectationMaximization::new(), &mut classes, &data, 100);
        assert!(last > first + 0.2, "{first} to {last}");

        let series = number_data(rng, Tensor::zeros([12, 3, 1]), &lengths).outputs().clone();
        let data = Sequences::new(symbols(rng, 36, 2), series, &lengths).unwrap();
        let outputs = GaussianOutputs::new(InputTable::new(rng, 2, 3 * 2), 2).least_variance(0.01);
        let mut numbers = Numbers::new(InputTable::new(rng, 2, 9), outputs);
        let [first, last] = climb(ExpectationMaximization::new(), &mut numbers, &data, 100);
        assert!(last > first + 0.2, "{first} to {last}");
        assert!(numbers.outputs.variances().iter().all(|&v| v >= 0.01 * (1.0 - 1e-12)));
    }
}

#[test]
fn with_networks_the_likelihood_never_falls() {
    let rng = &mut bptt_layers::rng(5);
    let data = feature_data(rng, 2, &[8, 5]);
    let trainer = ExpectationMaximization::with_trainer(HessianFree::new().iterations(6));
    let [first, last] = climb(trainer, &mut networks(rng, 2, 2, 2), &data, 100);
    assert!(last > first + 0.1, "{first} to {last}");
    for _ in 0..2 {
        let trainer = ExpectationMaximization::with_trainer(FirstOrder::new(Sgd::new(5.0)));
        let mut model = networks(rng, 2, 2, 2);
        let [first, last] = climb(trainer, &mut model, &data, 100);
        assert!(last > first + 0.1, "{first} to {last}");
    }
}

#[test]
fn with_networks_of_means_the_likelihood_never_falls() {
    let rng = &mut bptt_layers::rng(6);
    let inputs = Tensor::normal([8, 2, 2], 0.0, 1.0, rng);
    let data = number_data(rng, inputs, &[8, 5]);
    let mut network = |size| Linear::new(rng, 2, size);
    let mut model = Numbers::new(network(4), GaussianOutputs::new(network(4), 2));
    let [first, last] = climb(ExpectationMaximization::new(), &mut model, &data, 30);
    assert!(last > first + 0.2, "{first} to {last}");
}

/// Steps that are too long are halved. Those that are too long even then are not made.
#[test]
fn steps_that_are_too_long_are_not_made() {
    let rng = &mut bptt_layers::rng(5);
    let data = feature_data(rng, 2, &[8, 5]);
    let model = networks(rng, 2, 2, 2);
    for (rate, is_made) in [(1e3, true), (1e9, false), (1e200, false)] {
        let trainer = ExpectationMaximization::with_trainer(FirstOrder::new(Sgd::new(rate)));
        let mut trainer = trainer.trainer_steps(2);
        let progress = trainer.step(&mut model.clone(), &data).unwrap();
        assert_eq!(progress.trainer_steps > 0, is_made, "{rate}: {progress:?}");
        let mut trained = model.clone();
        let mut start = model.clone();
        let [first, last] = climb(trainer, &mut trained, &data, 10);
        assert_eq!(last > first + 0.01, is_made, "{rate}: {first} to {last}");
        if !is_made {
            start.start = trained.start.clone(); // it has a closed form
            assert_eq!(
                parameters_to_vector(&trained).to_vec(),
                parameters_to_vector(&start).to_vec()
            );
        }
    }
}

/// Where expectation maximization changes nothing, the likelihood has no slope, also beside probabilities of 0.
#[test]
fn at_a_fixed_point_the_gradient_vanishes() {
    for seed in 0..2 {
        let rng = &mut bptt_layers::rng(seed);
        let data = symbol_data(rng, [2, 3], &[10, 6]);
        let mut model = tables(rng, 2, 2, 3);
        let mut trainer = ExpectationMaximization::new();
        for _ in 0..400 {
            trainer.step(&mut model, &data).unwrap();
        }
        let before = parameters_to_vector(&model);
        trainer.step(&mut model, &data).unwrap();
        let moved = |(a, b): (&f64, &f64)| if a == b { 0.0 } else { (a.exp() - b.exp()).abs() };
        let after = parameters_to_vector(&model);
        let change = before.iter().zip(after.iter()).map(moved);
        assert!(change.fold(0.0, f64::max) < 1e-9, "this is a fixed point");
        let tape = Tape::new();
        let gradients = tape.backward(model.log_likelihood(&tape, &data).unwrap().sum_all());
        assert!(gradients.norm() < 1e-6, "{}", gradients.norm());
        let is_excluded = |x: &f64| *x == f64::NEG_INFINITY || *x < -50.0;
        assert!(before.iter().any(is_excluded), "some probability is 0");
    }
}

#[test]
fn a_generator_is_recovered() {
    let logs = |rows: &[[f64; 4]]| {
        let rows: Vec<f64> = rows.iter().flatten().map(|p| p.ln()).collect();
        InputTable::from_values(Tensor::from_vec([rows.len() / 4, 4], rows))
    };
    let mut generator = Tables::new(
        logs(&[[0.98, 0.02, 0.02, 0.98], [0.02, 0.98, 0.98, 0.02]]),
        ClassOutputs::new(logs(&[[0.9, 0.1, 0.1, 0.9]; 2]), 2),
    );
    generator.start = Param::new(Tensor::from([0.0, f64::NEG_INFINITY]));
    let rng = &mut bptt_layers::rng(7);
    let (data, held_out) = (noisy_parity(rng, 1000), noisy_parity(rng, 1000));
    let best = (0..2)
        .map(|_| {
            let mut model = tables(rng, 2, 2, 2);
            let [_, last] = climb(ExpectationMaximization::new(), &mut model, &data, 30);
            (last, model)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap();
    let (per_step, entropy) =
        (total(&best.1, &held_out) / 1000.0, total(&generator, &held_out) / 1000.0);
    assert!(entropy > -0.5 && (per_step - entropy).abs() < 0.01, "{per_step}, {entropy}");
    // up to the names of the states, the probabilities are those of the generator
    let read = softmax(&best.1.outputs.network.rows.value().as_slice()[..2])[0];
    let flips = softmax(&best.1.transitions.rows.value().as_slice()[4..6])[1];
    assert!((read - 0.9).abs().min((read - 0.1).abs()) < 0.05, "{read}");
    assert!((flips - 0.98).abs() < 0.05, "{flips}");
}

/// The first state is known, and inputs of 2 do not occur.
#[test]
fn what_no_data_reach_stays() {
    let rng = &mut bptt_layers::rng(2);
    let mut model = tables(rng, 2, 3, 3);
    model.start.set(Tensor::from([0.0, f64::NEG_INFINITY]));
    let rows = model.transitions.rows.value_mut().as_mut_slice();
    rows[..8].copy_from_slice(&[
        0.0,
        f64::NEG_INFINITY,
        0.3,
        0.4,
        0.0,
        f64::NEG_INFINITY,
        0.5,
        0.6,
    ]);
    let before = model.clone();
    let data = symbol_data(rng, [2, 3], &[30, 20]);
    for _ in 0..3 {
        ExpectationMaximization::new().step(&mut model, &data).unwrap();
    }
    let [now, then] = [&model, &before].map(|model| model.transitions.rows.value().to_vec());
    assert_eq!(now[8..], then[8..], "an input that does not occur");
    assert_eq!((&now[2..4], &now[6..8]), (&then[2..4], &then[6..8]), "a state that is not reached");
    assert_eq!((&now[..2], &now[4..6]), (&then[..2], &then[4..6]), "what is impossible");
    let [now, then] = [&model, &before].map(|model| model.outputs.network.rows.value().to_vec());
    assert_eq!(now[3..6], then[3..6], "outputs of a state that is not reached");
    assert_eq!(now[12..], then[12..], "outputs for an input that does not occur");
    assert_ne!(now[..3], then[..3]);
    assert_eq!(model.start.value().to_vec(), [0.0, f64::NEG_INFINITY]);

    let outputs = GaussianOutputs::new(InputTable::new(rng, 3, 2), 1);
    let mut model = Numbers::new(before.transitions.clone(), outputs);
    model.start.set(Tensor::from([0.0, f64::NEG_INFINITY]));
    let [means, variances] =
        [model.outputs.network.rows.value(), &model.outputs.variances()].map(Tensor::to_vec);
    let numbers = Tensor::normal([50, 1, 1], 5.0, 1.0, rng);
    let data = Sequences::new(symbols(rng, 50, 2), numbers, &[50]).unwrap();
    ExpectationMaximization::new().step(&mut model, &data).unwrap();
    let now = model.outputs.network.rows.value().to_vec();
    assert_eq!((now[1], now[3], &now[4..]), (means[1], means[3], &means[4..]));
    assert_eq!(model.outputs.variances().to_vec()[1], variances[1]);
    assert!((now[0] - 5.0).abs() < 1.0);
}

/// A Gaussian of one state is the Gaussian of the data. A fixed variance is no parameter.
#[test]
fn variances_are_fitted_or_fixed() {
    let rng = &mut bptt_layers::rng(4);
    let mut network = |size| Linear::new(rng, 1, size);
    let fixed = GaussianOutputs::new(network(4), 2).fixed_variance(0.25);
    let mut model = Numbers::new(network(4), fixed);
    let count = model.parameter_count();
    let data = number_data(rng, Tensor::ones([6, 1, 1]), &[6]);
    let [first, last] = climb(ExpectationMaximization::new(), &mut model, &data, 5);
    assert!(last > first);
    assert_close(model.outputs.variances().as_slice(), &[0.25; 4], 1e-15);
    assert_eq!(count, 2 + 8 + 8);

    let series = data.outputs().clone();
    let data = Sequences::new([0; 6], series, &[6]).unwrap();
    let table = |size| InputTable::from_values(Tensor::zeros([1, size]));
    let mut model = Numbers::new(table(1), GaussianOutputs::new(table(2), 2));
    assert_eq!(model.parameter_count(), 1 + 1 + 2 + 2);
    ExpectationMaximization::new().step(&mut model, &data).unwrap();
    let numbers = data.output_features(2).unwrap();
    let mean = numbers.mean(&[0, 1]);
    assert_close(model.outputs.network.rows.value().as_slice(), mean.as_slice(), 1e-14);
    let variance = (numbers - &mean).square().mean(&[0, 1]);
    assert_close(model.outputs.variances().as_slice(), variance.as_slice(), 1e-14);

    let data = Sequences::new([0; 6], Tensor::ones([6, 1, 2]), &[6]).unwrap(); // no variance at all
    model.outputs = model.outputs.least_variance(0.04);
    ExpectationMaximization::new().step(&mut model, &data).unwrap();
    assert_close(model.outputs.variances().as_slice(), &[0.04; 2], 1e-14);
}

/// The parity of each string is given at its end, as in the experiments of Bengio and Frasconi. Longer strings follow.
#[test]
fn parity_is_learned_from_targets_at_the_end() {
    let rng = &mut bptt_layers::rng(3);
    let strings = |rng: &mut Xoshiro256PlusPlus, steps: usize, lengths: &[usize]| {
        let batch = lengths.len();
        let inputs = symbols(rng, steps * batch, 2);
        let mut outputs = inputs.clone(); // the parity so far
        (batch..outputs.len()).for_each(|p| outputs[p] ^= outputs[p - batch]);
        let is_last = |p: usize| p / batch + 1 == lengths[p % batch];
        let observed: Vec<bool> = (0..outputs.len()).map(is_last).collect();
        let data = Sequences::new(inputs, outputs.clone(), lengths).unwrap();
        (data.observed_at(&observed).unwrap(), outputs)
    };
    let lengths: Vec<usize> = (0..40).map(|string| 1 + string % 6).collect();
    let (data, _) = strings(rng, 6, &lengths);
    let start = |_| {
        let mut model = tables(rng, 2, 2, 2);
        let [_, last] = climb(ExpectationMaximization::new(), &mut model, &data, 60);
        (last, model)
    };
    let (last, model) = (0..8).map(start).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    assert!(last > -1e-3, "{last}");
    let (long, parities) = strings(rng, 50, &[50; 8]);
    let blind = long.observed_at(&[false; 400]).unwrap();
    let predicted = model.predict(&blind).unwrap();
    for (p, odd) in predicted.as_slice().chunks(2).map(|p| p[1]).enumerate() {
        assert!((odd - parities[p] as f64).abs() < 0.1, "{odd} at {p}");
    }
}

#[test]
fn a_restored_trainer_continues_to_the_bit() {
    let rng = &mut bptt_layers::rng(0);
    let data = feature_data(rng, 2, &[6, 6]);
    let mut model = networks(rng, 2, 2, 2);
    let fresh = || ExpectationMaximization::with_trainer(FirstOrder::new(Adam::new(0.05)));
    let mut trainer = fresh();
    climb(trainer.clone(), &mut model.clone(), &data, 3);
    for _ in 0..3 {
        trainer.step(&mut model, &data).unwrap();
    }
    let mut copy = model.clone();
    let mut restored = fresh();
    restored.restore(&copy, &trainer.state(&model)).unwrap();
    for _ in 0..3 {
        trainer.step(&mut model, &data).unwrap();
        restored.step(&mut copy, &data).unwrap();
    }
    assert_eq!(parameters_to_vector(&model).to_vec(), parameters_to_vector(&copy).to_vec());
    let other = ExpectationMaximization::with_trainer(HessianFree::new());
    assert!(restored.restore(&copy, &other.state(&model)).is_err());
}
