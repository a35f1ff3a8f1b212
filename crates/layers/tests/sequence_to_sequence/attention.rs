//! Attention.

use bptt_autodiff::Tape;
use bptt_layers::{Attention, Module};
use bptt_tensor::{Scalar, Tensor};

use crate::support::{Run, V, assert_near, distance, parameter, random, randomized, run, uniform};

const LENGTHS: [usize; 3] = [5, 1, 3];

/// Both kinds, for queries of 3 features and a memory of 4.
fn both_kinds() -> [Attention<f64>; 2] {
    let rng = &mut random(0);
    [Attention::additive(rng, 3, 4, 6), Attention::multiplicative(rng, 3, 4)]
        .map(|attention| randomized(attention, rng))
}

/// Queries `[T, B, Q]` and a memory `[S, B, M]`.
fn inputs() -> [Tensor<f64>; 2] {
    let rng = &mut random(1);
    [uniform([2, 3, 3], rng), uniform([5, 3, 4], rng)]
}

/// Contexts and weights.
fn attend<'t>(
    attention: &Attention<f64>,
    inputs: &[V<'t>],
    lengths: Option<&[usize]>,
) -> Vec<V<'t>> {
    let (contexts, weights) = attention.attend(inputs[0], &attention.memory(inputs[1], lengths));
    vec![contexts, weights]
}

fn attended(attention: &Attention<f64>, inputs: &[Tensor<f64>], lengths: &[usize]) -> Run {
    run(attention, inputs, |attention, inputs| attend(attention, inputs, Some(lengths)))
}

/// Returns the memory with this value after the end of each sequence.
fn padded(memory: &Tensor<f64>, with: f64) -> Tensor<f64> {
    Tensor::from_fn(memory.shape(), |i| {
        if i / 12 < LENGTHS[i / 4 % 3] { memory.as_slice()[i] } else { with }
    })
}

/// The score of one query and one entry, as published.
fn score(attention: &Attention<f64>, query: &[f64], entry: &[f64]) -> f64 {
    let product = |x: &[f64], name: &str| -> Vec<f64> {
        let x = Tensor::from_slice([1, x.len()], x);
        x.matmul(&parameter(attention, name)).to_vec()
    };
    let terms: Vec<f64> = match attention {
        Attention::Additive { .. } => {
            let sums = product(query, "w_q").into_iter().zip(product(entry, "w_m"));
            let units = sums.map(|(q, m)| (q + m).tanh());
            units.zip(parameter(attention, "v").to_vec()).map(|(unit, v)| unit * v).collect()
        }
        Attention::Multiplicative { .. } => {
            product(query, "w").iter().zip(entry).map(|(q, m)| q * m).collect()
        }
        other => panic!("no score by hand for {other:?}"),
    };
    terms.iter().sum()
}

#[test]
fn attention_is_the_mean_by_the_softmax_of_the_scores() {
    let [queries, memory] = inputs();
    for attention in both_kinds() {
        let run = attended(&attention, &[queries.clone(), memory.clone()], &LENGTHS);
        let row = |x: &Tensor<f64>, i: usize, b: usize| x.index_first(i).index_first(b).to_vec();
        for (t, b) in (0..2).flat_map(|t| (0..3).map(move |b| (t, b))) {
            let entries: Vec<_> = (0..LENGTHS[b]).map(|s| row(&memory, s, b)).collect();
            let query = row(&queries, t, b);
            let exponentials: Vec<_> =
                entries.iter().map(|entry| score(&attention, &query, entry).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            let mut context = vec![0.0; 4];
            let mut weights = vec![0.0; 5];
            for (s, entry) in entries.iter().enumerate() {
                weights[s] = exponentials[s] / sum;
                context.iter_mut().zip(entry).for_each(|(c, m)| *c += weights[s] * m);
            }
            for (computed, expected) in run.values.iter().zip([context, weights]) {
                let expected = Tensor::from_slice([expected.len()], &expected);
                let computed = computed.index_first(t).index_first(b);
                assert!(distance(&computed, &expected) < 1e-14, "{computed:?}, not {expected:?}");
            }
        }
    }
}

/// This holds in both precisions, for masked scores of any size.
#[test]
fn weights_sum_to_one_and_are_zero_in_the_padding() {
    fn check<T: Scalar>(epsilon: f64) {
        let rng = &mut random(2);
        let attention = Attention::<T>::multiplicative(rng, 3, 4);
        for scale in [1.0, 1e4] {
            let tape = Tape::<T>::checking();
            let queries = tape.variable(Tensor::normal([2, 3, 3], 0.0, scale, rng));
            let memory = tape.variable(Tensor::normal([5, 3, 4], 0.0, scale, rng));
            let memory = attention.memory(memory, Some(&LENGTHS));
            let (contexts, weights) = attention.attend(queries, &memory);
            let _ = tape.backward((contexts.sum_all() + weights.square().sum_all()).square());
            for (i, row) in weights.value().as_slice().chunks(5).enumerate() {
                let (there, behind) = row.split_at(LENGTHS[i % 3]);
                let sum: f64 = there.iter().map(|weight| weight.as_f64()).sum();
                assert!((sum - 1.0).abs() < epsilon, "{sum}");
                assert!(behind.iter().all(|&weight| weight == T::zero()), "{behind:?}");
            }
        }
    }
    check::<f64>(1e-14);
    check::<f32>(1e-6);
}

#[test]
fn padding_of_the_memory_reaches_neither_values_nor_gradients() {
    let [queries, memory] = inputs();
    for attention in both_kinds() {
        let of = |with| attended(&attention, &[queries.clone(), padded(&memory, with)], &LENGTHS);
        let (zeros, nan) = (of(0.0), of(f64::NAN));
        assert_eq!(zeros.values, nan.values);
        assert_eq!(zeros.gradients.inputs, nan.gradients.inputs);
        assert_eq!(zeros.gradients.parameters, nan.gradients.parameters);
        let of_memory = &nan.gradients.inputs[1];
        assert_eq!(padded(of_memory, 0.0), *of_memory);
    }
}

#[test]
fn a_batch_attends_as_each_sequence_alone() {
    let inputs = inputs();
    for attention in both_kinds() {
        let batch = attended(&attention, &inputs, &LENGTHS);
        let mut of_parameters: Vec<Tensor<f64>> = Vec::new();
        for (b, &length) in LENGTHS.iter().enumerate() {
            let one = |x: &Tensor<f64>| x.slice(1, b..b + 1);
            let alone = [one(&inputs[0]), one(&inputs[1]).slice(0, 0..length)];
            let alone =
                run(&attention, &alone, |attention, inputs| attend(attention, inputs, None));
            let weights = one(&batch.values[1]).slice(2, 0..length);
            assert_near(&[one(&batch.values[0]), weights], &alone.values, 1e-14);
            let gradients = &batch.gradients.inputs;
            let gradients = [one(&gradients[0]), one(&gradients[1]).slice(0, 0..length)];
            assert_near(&gradients, &alone.gradients.inputs, 1e-14);
            of_parameters = match of_parameters.is_empty() {
                true => alone.gradients.parameters,
                false => {
                    let sums = of_parameters.iter().zip(&alone.gradients.parameters);
                    sums.map(|(sum, of_one)| sum + of_one).collect()
                }
            };
        }
        assert_near(&batch.gradients.parameters, &of_parameters, 1e-14);
    }
}

#[test]
fn permuting_the_memory_permutes_the_weights() {
    let [queries, memory] = inputs();
    let order = [3, 0, 4, 2, 1];
    for attention in both_kinds() {
        let of = |memory: Tensor<f64>| {
            run(&attention, &[queries.clone(), memory], |attention, x| attend(attention, x, None))
        };
        let (plain, permuted) = (of(memory.clone()), of(memory.gather_rows(&order)));
        assert_near(&permuted.values[..1], &plain.values[..1], 1e-14);
        let weights = plain.values[1].permute(&[2, 0, 1]).gather_rows(&order);
        assert_near(&[permuted.values[1].permute(&[2, 0, 1])], &[weights], 1e-14);
    }
}

#[test]
fn parameters_of_attention() {
    let [additive, multiplicative] = both_kinds();
    assert_eq!(additive.parameter_count(), 6 * (3 + 4 + 1));
    assert_eq!(multiplicative.parameter_count(), 3 * 4);
}

fn of_shapes(queries: [usize; 3], memory: [usize; 3], lengths: Option<&[usize]>) {
    let [attention, _] = both_kinds();
    let tape = Tape::new();
    let [queries, memory] = [queries, memory].map(|shape| tape.constant(Tensor::zeros(shape)));
    let _ = attend(&attention, &[queries, memory], lengths);
}

#[test]
#[should_panic(
    expected = "attention: a sequence of length 0 has nothing to attend to (memory [5, 3, 4], \
        lengths Some([5, 0, 3])); leave it out of the batch"
)]
fn a_sequence_of_no_entry() {
    of_shapes([2, 3, 3], [5, 3, 4], Some(&[5, 0, 3]));
}

#[test]
#[should_panic(
    expected = "attention: a sequence of length 0 has nothing to attend to (memory [0, 3, 4], \
        lengths None); leave it out of the batch"
)]
fn a_memory_of_no_entry() {
    of_shapes([2, 3, 3], [0, 3, 4], None);
}

#[test]
#[should_panic(
    expected = "lengths: inputs of shape [5, 3, 4] need 3 lengths of at most 5, not [5, 6, 3]"
)]
fn a_length_beyond_the_memory() {
    of_shapes([2, 3, 3], [5, 3, 4], Some(&[5, 6, 3]));
}

#[test]
#[should_panic(
    expected = "attention: queries [2, 1, 3] and a memory [5, 3, 4] are of different batches"
)]
fn queries_of_another_batch() {
    of_shapes([2, 1, 3], [5, 3, 4], None);
}
