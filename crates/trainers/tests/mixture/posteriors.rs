//! Likelihoods, posteriors and gradients.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{Linear, Module};
use bptt_tensor::Tensor;
use bptt_trainers::mixture::{
    ClassOutputs, GaussianOutputs, InputNetwork, InputOutputHmm, InputTable, OutputDistribution,
    Sequences,
};
use bptt_trainers::{parameters_to_vector, vector_to_parameters};

use crate::support::{
    Numbers, Tables, assert_close, feature_data, networks, number_data, softmax, symbol_data,
    symbols, tables, total,
};

/// Sums over all paths of states, with plain probabilities.
#[test]
fn posteriors_are_those_of_all_paths() {
    let (n, classes, lengths) = (3, 4, [6, 4]);
    for seed in 0..3 {
        let rng = &mut bptt_layers::rng(seed);
        let model = tables(rng, n, 2, classes);
        let data = symbol_data(rng, [2, classes], &lengths);
        let (us, ys) = (data.input_symbols(2).unwrap(), data.output_symbols(classes).unwrap());
        let probabilities = |table: &InputTable<f64>, row: usize, size: usize| {
            softmax(&table.rows.value().as_slice()[row * size..][..size])
        };
        let posteriors = model.posteriors(&data).unwrap();
        let on_tape = model.log_likelihood(&Tape::inference(), &data).unwrap().value();
        let mut start = vec![0.0; 2 * n];
        let mut states = vec![0.0; 6 * 2 * n];
        let mut transitions = vec![0.0; 6 * 2 * n * n];
        for (b, length) in lengths.into_iter().enumerate() {
            let mut evidence = 0.0;
            let mut paths = Vec::new();
            for code in 0..n.pow(length as u32 + 1) {
                let path: Vec<usize> = (0..=length).map(|t| code / n.pow(t as u32) % n).collect();
                let mut p = softmax(model.start.value().as_slice())[path[0]];
                for t in 0..length {
                    let (u, y, (j, i)) = (us[t * 2 + b], ys[t * 2 + b], (path[t], path[t + 1]));
                    p *= probabilities(&model.transitions, u * n + j, n)[i];
                    p *= probabilities(&model.outputs.network, u * n + i, classes)[y];
                }
                evidence += p;
                paths.push((path, p));
            }
            for (path, p) in paths {
                start[b * n + path[0]] += p / evidence;
                for t in 0..length {
                    let at = t * 2 + b;
                    states[at * n + path[t + 1]] += p / evidence;
                    transitions[at * n * n + path[t] * n + path[t + 1]] += p / evidence;
                }
            }
            assert_close(&[posteriors.log_likelihoods[b]], &[evidence.ln()], 1e-12);
            assert_close(&[on_tape.as_slice()[b]], &[evidence.ln()], 1e-12);
        }
        assert_close(posteriors.start.as_slice(), &start, 1e-12);
        assert_close(posteriors.states.as_slice(), &states, 1e-12);
        assert_close(posteriors.transitions.as_slice(), &transitions, 1e-12);
    }
}

/// The gradient by back-propagation through time is that of the expected log-likelihood (Fisher's identity), and that by
/// differences of the log-likelihood.
fn gradients_are_those_of_posteriors<P, O>(model: &InputOutputHmm<f64, P, O>, data: &Sequences<f64>)
where
    P: InputNetwork<f64> + Clone,
    O: OutputDistribution<f64> + Clone,
{
    let posteriors = model.posteriors(data).unwrap();
    let tape = Tape::new();
    let through_time = tape.backward(model.log_likelihood(&tape, data).unwrap().sum_all());
    let tape = Tape::new();
    let of_posteriors =
        tape.backward(model.expected_log_likelihood(&tape, data, &posteriors).unwrap());
    let mut count = 0;
    for (name, parameter) in model.parameters() {
        let (actual, expected) = (&through_time[parameter], &of_posteriors[parameter]);
        assert!(expected.iter().any(|x| x.abs() > 1e-3), "{name} has a gradient");
        assert_close(actual.as_slice(), expected.as_slice(), 1e-11);
        count += 1;
    }
    assert!(count > 2);
    let vector = parameters_to_vector(model);
    let gradients = model.parameters().into_iter().flat_map(|(_, p)| through_time[p].to_vec());
    let mut moved = model.clone();
    for (place, gradient) in gradients.enumerate() {
        let [above, below] = [1e-5, -1e-5].map(|change| {
            let mut vector = vector.clone();
            vector.as_mut_slice()[place] += change;
            vector_to_parameters(&vector, &mut moved);
            total(&moved, data)
        });
        assert_close(&[(above - below) / 2e-5], &[gradient], 1e-7);
    }
}

#[test]
fn gradients_through_time_are_those_of_the_posteriors() {
    let rng = &mut bptt_layers::rng(3);
    let lengths = [9, 0, 5, 1];
    let data = symbol_data(rng, [2, 3], &lengths);
    gradients_are_those_of_posteriors(&tables(rng, 3, 2, 3), &data);
    let data = feature_data(rng, 4, &lengths);
    gradients_are_those_of_posteriors(&networks(rng, 3, 4, 2), &data);
    let inputs = Tensor::normal([9, 4, 4], 0.0, 1.0, rng);
    let data = number_data(rng, inputs, &lengths);
    let mut network = |size| Linear::new(rng, 4, size);
    let model = Numbers::new(network(9), GaussianOutputs::new(network(6), 2));
    gradients_are_those_of_posteriors(&model, &data);
}

#[test]
fn long_sequences_neither_underflow_nor_overflow() {
    let rng = &mut bptt_layers::rng(0);
    let length = 10_000;
    let data = symbol_data(rng, [2, 3], &[length]);
    let mut model = tables(rng, 2, 2, 3);
    for scale in [1.0, 300.0] {
        for parameter in [&mut model.transitions.rows, &mut model.outputs.network.rows] {
            let scaled = parameter.value() * scale;
            parameter.set(scaled);
        }
        let posteriors = model.posteriors(&data).unwrap();
        let log_likelihood = posteriors.log_likelihoods[0];
        assert!(log_likelihood.is_finite() && log_likelihood < -0.9 * length as f64);
        for (t, states) in posteriors.states.as_slice().chunks(2).enumerate() {
            assert!((states.iter().sum::<f64>() - 1.0).abs() < 1e-10, "{states:?} at {t}");
            let pairs = &posteriors.transitions.as_slice()[t * 4..][..4];
            assert!((pairs.iter().sum::<f64>() - 1.0).abs() < 1e-10, "{pairs:?} at {t}");
        }
        let tape = Tape::new();
        let on_tape = model.log_likelihood(&tape, &data).unwrap().sum_all();
        assert_close(&[on_tape.item()], &[log_likelihood], 1e-12);
        let gradients = tape.backward(on_tape);
        assert!(gradients.norm().is_finite() && gradients.norm() > 1.0);
    }
}

/// In single precision, the evidence of a step is as exact at the end of a long sequence as at its beginning.
#[test]
fn single_precision_is_enough_for_long_sequences() {
    let rng = &mut bptt_layers::rng(0);
    let data = symbol_data(rng, [2, 3], &[3000]);
    let model = tables(rng, 2, 2, 3);
    let narrow = InputOutputHmm::<f32, _, _>::new(
        InputTable::from_values(model.transitions.rows.value().cast()),
        ClassOutputs::new(InputTable::from_values(model.outputs.network.rows.value().cast()), 3),
    );
    let wide = Tables { start: Param::new(Tensor::zeros([2])), ..model };
    let [us, ys] = [data.input_symbols(2).unwrap(), data.output_symbols(3).unwrap()];
    let narrow_data = Sequences::new(us, ys, &[3000]).unwrap();
    let tape = Tape::inference();
    let on_tape = narrow.log_likelihood(&tape, &narrow_data).unwrap().sum_all();
    assert_close(&[f64::from(on_tape.item())], &[total(&wide, &data)], 1e-6);
    let states = narrow.posteriors(&narrow_data).unwrap().states;
    assert_close(states.as_slice(), wide.posteriors(&data).unwrap().states.as_slice(), 1e-5);
}

#[test]
fn a_batch_is_its_sequences_alone() {
    let rng = &mut bptt_layers::rng(1);
    let (model, lengths, steps) = (networks(rng, 3, 2, 2), [4, 0, 1, 7], 7);
    let mut inputs = Tensor::normal([steps, 4, 2], 0.0, 1.0, rng);
    let mut outputs = symbols(rng, steps * 4, 2);
    for p in (0..steps * 4).filter(|p| p / 4 >= lengths[p % 4]) {
        inputs.as_mut_slice()[2 * p..][..2].fill(f64::NAN);
        outputs[p] = 99;
    }
    let data = Sequences::new(inputs.clone(), &outputs[..], &lengths).unwrap();
    let batch = model.posteriors(&data).unwrap();
    let tape = Tape::new();
    let on_tape = model.log_likelihood(&tape, &data).unwrap();
    let gradient = tape.backward(on_tape.sum_all());
    let mut sum = vec![0.0; model.parameter_count()];
    for (b, length) in lengths.into_iter().enumerate() {
        let own: Vec<usize> = (0..length).map(|t| t * 4 + b).collect();
        let features = own.iter().flat_map(|p| inputs.as_slice()[2 * p..][..2].to_vec());
        let features = Tensor::from_vec([length, 1, 2], features.collect());
        let targets: Vec<usize> = own.iter().map(|&p| outputs[p]).collect();
        let alone = Sequences::new(features, targets, &[length]).unwrap();
        let posteriors = model.posteriors(&alone).unwrap();
        assert_close(&[batch.log_likelihoods[b]], &posteriors.log_likelihoods, 1e-14);
        assert_close(&[on_tape.value().as_slice()[b]], &posteriors.log_likelihoods, 1e-14);
        assert_close(&batch.start.as_slice()[3 * b..][..3], posteriors.start.as_slice(), 1e-14);
        for t in 0..steps {
            let states = &batch.states.as_slice()[3 * (t * 4 + b)..][..3];
            let pairs = &batch.transitions.as_slice()[9 * (t * 4 + b)..][..9];
            let (expected_states, expected_pairs) = match t < length {
                true => (
                    posteriors.states.as_slice()[3 * t..][..3].to_vec(),
                    posteriors.transitions.as_slice()[9 * t..][..9].to_vec(),
                ),
                false => (vec![0.0; 3], vec![0.0; 9]),
            };
            assert_close(states, &expected_states, 1e-14);
            assert_close(pairs, &expected_pairs, 1e-14);
        }
        let tape = Tape::new();
        let gradient = tape.backward(model.log_likelihood(&tape, &alone).unwrap().sum_all());
        let none = |p: &Param<f64>| Tensor::zeros(p.shape().clone()); // a sequence without steps
        let own = model
            .parameters()
            .into_iter()
            .flat_map(|(_, p)| gradient.get(p).cloned().unwrap_or_else(|| none(p)).to_vec());
        sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    let whole: Vec<f64> =
        model.parameters().iter().flat_map(|(_, p)| gradient[*p].to_vec()).collect();
    assert_close(&whole, &sum, 1e-12);
    assert_eq!(batch.log_likelihoods[1], 0.0);
}

/// An output that is not observed is summed over: without it, the likelihood is the sum over all classes there.
#[test]
fn outputs_that_are_not_observed_are_summed_over() {
    let rng = &mut bptt_layers::rng(8);
    let (model, classes, lengths) = (tables(rng, 3, 2, 4), 4, [5, 3]);
    let inputs = symbols(rng, 10, 2);
    let outputs = symbols(rng, 10, classes);
    for hidden in [0, 4, 5, 8] {
        let (step, sequence) = (hidden / 2, hidden % 2);
        let mut observed = [true; 10];
        observed[hidden] = false;
        let with = |class: usize| {
            let mut outputs = outputs.clone();
            outputs[hidden] = class;
            Sequences::<f64>::new(&inputs[..], outputs, &lengths).unwrap()
        };
        let data = with(77).observed_at(&observed).unwrap();
        let likelihood_of =
            |data: &Sequences<f64>| model.posteriors(data).unwrap().log_likelihoods[sequence].exp();
        let each: Vec<f64> = (0..classes).map(|class| likelihood_of(&with(class))).collect();
        let sum: f64 = each.iter().sum();
        assert_close(&[likelihood_of(&data)], &[sum], 1e-14);
        let on_tape = model.log_likelihood(&Tape::inference(), &data).unwrap().value();
        assert_close(&[on_tape.as_slice()[sequence].exp()], &[sum], 1e-14);
        let predicted = model.predict(&data).unwrap();
        assert_eq!(predicted.shape()[..], [5, 2, classes]);
        let predicted = &predicted.as_slice()[(step * 2 + sequence) * classes..][..classes];
        let expected: Vec<f64> = each.iter().map(|each| each / sum).collect();
        assert_close(predicted, &expected, 1e-13);
        gradients_are_those_of_posteriors(&model, &data);
    }
}

/// A predicted number is the mean of the states' means, and 0 after the end.
#[test]
fn numbers_are_predicted() {
    let rng = &mut bptt_layers::rng(9);
    let inputs = Tensor::normal([4, 2, 3], 0.0, 1.0, rng);
    let data = number_data(rng, inputs, &[4, 2]);
    let mut network = |size| Linear::new(rng, 3, size);
    let model = Numbers::new(network(4), GaussianOutputs::new(network(4), 2));
    let data = data.observed_at(&[true, true, true, false, true, true, false, true]).unwrap();
    let predicted = model.predict(&data).unwrap();
    let states = model.posteriors(&data).unwrap().states;
    let inputs = data.input_features(3).unwrap().clone();
    let means = model.outputs.network.forward(Tape::inference().constant(inputs)).value();
    for place in 0..16 {
        let (position, feature) = (place / 2, place % 2);
        let of = |i: usize| {
            states.as_slice()[position * 2 + i] * means.as_slice()[position * 4 + i * 2 + feature]
        };
        assert_close(&[predicted.as_slice()[place]], &[of(0) + of(1)], 1e-14);
    }
    assert_eq!(predicted.as_slice()[10..12], [0.0, 0.0]);
    gradients_are_those_of_posteriors(&model, &data);
}
