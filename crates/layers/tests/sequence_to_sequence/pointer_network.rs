//! Pointer networks.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{
    Adam, Attention, Cell, Gru, Lstm, Module, Optimizer, PointerNetwork, Stepwise, loss,
};
use bptt_tensor::Tensor;

use crate::support::{Random, V, assert_near, random, randomized, run, uniform};

const HIDDEN: usize = 4;

type Network<L> = PointerNetwork<f64, L, L>;

/// A random network over elements of two features.
fn network<L: Module<f64>>(
    rng: &mut Random,
    mut layer: impl FnMut(&mut Random) -> L,
) -> Network<L> {
    let network = PointerNetwork {
        encoder: layer(rng),
        decoder: layer(rng),
        first: Param::new(Tensor::zeros([2])),
        attention: Attention::additive(rng, HIDDEN, HIDDEN, 3),
        permutes: false,
    };
    randomized(network, rng)
}

fn of_grus() -> Network<Gru<f64>> {
    network(&mut random(0), |rng| Gru::new(rng, 2, HIDDEN))
}

/// Three sequences, `[S, B, I]`, and their target pointers, `[T, B]`.
fn inputs() -> Tensor<f64> {
    uniform([4, 3, 2], &mut random(1))
}

const LENGTHS: [usize; 3] = [4, 2, 3];
const TARGETS: [usize; 9] = [3, 0, 2, 0, 1, 1, 3, 0, 0];

/// Sequence `b` of a batch `[T, B]`.
fn pointers(batch: &[usize], b: usize) -> Vec<usize> {
    batch.iter().skip(b).step_by(3).copied().collect()
}

fn padded(xs: &Tensor<f64>, with: f64) -> Tensor<f64> {
    Tensor::from_fn(
        xs.shape(),
        |i| {
            if i / 6 < LENGTHS[i / 2 % 3] { xs.as_slice()[i] } else { with }
        },
    )
}

fn teacher_forced<'t, L: Stepwise<f64>>(network: &Network<L>, xs: V<'t>) -> V<'t> {
    network.teacher_forced(xs, Some(&LENGTHS), &TARGETS)
}

#[test]
fn teacher_forcing_is_the_equations_step_by_step() {
    let network = of_grus();
    let tape = Tape::new();
    let xs = tape.constant(inputs());
    let logits = teacher_forced(&network, xs);
    for (b, length) in LENGTHS.into_iter().enumerate() {
        let element = |s: usize| xs.index_first(s).slice(0, b..b + 1);
        let mut h = tape.constant(Tensor::zeros([1, HIDDEN]));
        let mut memory = Vec::new();
        for s in 0..length {
            (_, h) = network.encoder.step(element(s), h);
            memory.push(h);
        }
        let memory = network.attention.memory(Var::stack(&memory, 0), None);
        let mut z = tape.param(&network.first).reshape([1, 2]);
        for (t, pointer) in pointers(&TARGETS, b).into_iter().enumerate() {
            (_, h) = network.decoder.step(z, h);
            let expected = network.attention.scores(h.reshape([1, 1, HIDDEN]), &memory);
            let computed = logits.slice(0, t..t + 1).slice(1, b..b + 1).slice(2, 0..length);
            assert_near(&[computed.value()], &[expected.value()], 1e-13);
            z = element(pointer);
        }
    }
}

#[test]
fn no_pointer_leads_beyond_the_end() {
    let network = of_grus();
    let of = |with| {
        run(&network, &[padded(&inputs(), with)], |network, xs| {
            vec![teacher_forced(network, xs[0]).softmax(-1)]
        })
    };
    let (zeros, nan) = (of(0.0), of(f64::NAN));
    assert_eq!(zeros.values, nan.values);
    assert_eq!(zeros.gradients.inputs, nan.gradients.inputs);
    assert_eq!(zeros.gradients.parameters, nan.gradients.parameters);
    assert_eq!(padded(&nan.gradients.inputs[0], 0.0), nan.gradients.inputs[0]);
    for (i, row) in nan.values[0].as_slice().chunks(4).enumerate() {
        let (there, behind) = row.split_at(LENGTHS[i % 3]);
        assert!(there.iter().all(|&p| p > 0.0) && behind.iter().all(|&p| p == 0.0), "{row:?}");
    }
    let tape = Tape::new();
    let greedy = |with| {
        let xs = tape.constant(padded(&inputs(), with));
        network.greedy(xs, Some(&LENGTHS), 8)
    };
    let pointed = greedy(f64::NAN);
    assert_eq!(pointed, greedy(0.0));
    assert!(pointed.iter().enumerate().all(|(i, &pointer)| pointer < LENGTHS[i % 3]));
}

#[test]
fn a_batch_points_as_each_sequence_alone() {
    let network = of_grus();
    // scores after the end do not enter the loss
    let log_probabilities = |logits: V<'_>, targets: &[usize]| {
        loss::cross_entropy(logits, targets).per_position().value()
    };
    let tape = Tape::new();
    let xs = tape.constant(inputs());
    let batch = log_probabilities(teacher_forced(&network, xs), &TARGETS);
    let greedy = network.greedy(xs, Some(&LENGTHS), 5);
    for (b, length) in LENGTHS.into_iter().enumerate() {
        let one = xs.slice(0, 0..length).slice(1, b..b + 1);
        let targets = pointers(&TARGETS, b);
        let alone = log_probabilities(network.teacher_forced(one, None, &targets), &targets);
        assert_near(&[batch.slice(1, b..b + 1)], &[alone], 1e-13);
        assert_eq!(pointers(&greedy, b), network.greedy(one, None, 5));
    }
}

#[test]
fn greedy_pointers_are_the_likeliest() {
    let network = of_grus();
    let tape = Tape::new();
    let xs = tape.constant(inputs());
    let found = network.greedy(xs, Some(&LENGTHS), 5);
    let logits = network.teacher_forced(xs, Some(&LENGTHS), &found);
    assert_eq!(logits.value().argmax(-1), found);
    assert!(network.greedy(xs, None, 0).is_empty());
    assert!(network.greedy(tape.constant(Tensor::zeros([4, 0, 2])), Some(&[]), 5).is_empty());
}

/// Positions that are left have the logits of a network that may repeat. The others have no probability.
#[test]
fn a_permutation_has_no_repetition() {
    const ORDERS: [usize; 12] = [3, 1, 2, 0, 0, 0, 2, 0, 1, 1, 0, 0];
    let mut network = of_grus();
    let tape = Tape::new();
    let xs = tape.constant(inputs());
    let free = network.teacher_forced(xs, Some(&LENGTHS), &ORDERS).value();
    network.permutes = true;
    let logits = network.teacher_forced(xs, Some(&LENGTHS), &ORDERS);
    let probabilities = logits.softmax(-1).value();
    let greedy = network.greedy(xs, Some(&LENGTHS), 4);
    for (b, length) in LENGTHS.into_iter().enumerate() {
        let order = pointers(&ORDERS, b);
        for (t, s) in (0..length).flat_map(|t| (0..length).map(move |s| (t, s))) {
            if order[..t].contains(&s) {
                assert_eq!(probabilities[[t, b, s]], 0.0);
            } else {
                assert_eq!(logits.value()[[t, b, s]], free[[t, b, s]]);
            }
        }
        let mut pointed = pointers(&greedy, b)[..length].to_vec();
        pointed.sort_unstable();
        assert_eq!(pointed, Vec::from_iter(0..length));
    }
    let read = network.teacher_forced(xs, Some(&LENGTHS), &greedy).value();
    assert_eq!(read.argmax(-1), greedy);
}

#[test]
#[should_panic(
    expected = "pointer 2 at step 1 of sequence 1 is not one of its 2 positions, which count from 0"
)]
fn a_pointer_beyond_the_end() {
    let tape = Tape::new();
    let mut targets = TARGETS;
    targets[4] = 2;
    let _ = of_grus().teacher_forced(tape.constant(inputs()), Some(&LENGTHS), &targets);
}

/// Returns all permutations of three or four different numbers, `[S, B, 1]`, their lengths, and the positions `[T, B]`
/// of the numbers in ascending order.
fn to_sort() -> (Tensor<f32>, Vec<usize>, Vec<usize>) {
    let orders = |length: usize| {
        (0..length.pow(length as u32))
            .map(move |code| (0..length).map(|s| code / length.pow(s as u32) % length).collect())
            .filter(move |ranks: &Vec<usize>| (0..length).all(|rank| ranks.contains(&rank)))
    };
    let ranks: Vec<Vec<usize>> = orders(3).chain(orders(4)).collect();
    let batch = ranks.len();
    let lengths = ranks.iter().map(Vec::len).collect();
    let at = |i: usize| ranks[i % batch].get(i / batch).map_or(0.0, |&rank| rank as f32 / 4.0);
    let position =
        |i: usize| ranks[i % batch].iter().position(|&rank| rank == i / batch).unwrap_or(0);
    (Tensor::from_fn([4, batch, 1], at), lengths, (0..4 * batch).map(position).collect())
}

#[test]
fn learns_to_sort() {
    let rng = &mut random(3);
    let mut network = PointerNetwork {
        encoder: Lstm::<f32>::new(rng, 1, 16),
        decoder: Lstm::new(rng, 1, 16),
        first: Param::new(Tensor::zeros([1])),
        attention: Attention::additive(rng, 16, 16, 16),
        permutes: false,
    };
    let (numbers, lengths, sorted) = to_sort();
    let batch = lengths.len();
    assert_eq!(batch, 6 + 24);
    let is_there = |i: usize| i / batch < lengths[i % batch];
    let there = Tensor::from_fn([4, batch], |i| f32::from(u8::from(is_there(i))));
    let mut optimizer = Adam::new(0.02);
    for _ in 0..70 {
        let tape = Tape::new();
        let xs = tape.constant(numbers.clone());
        let logits = network.teacher_forced(xs, Some(&lengths), &sorted);
        let loss = loss::cross_entropy(logits, &sorted).masked(&there).mean();
        let gradients = tape.backward(loss);
        optimizer.step(&mut network, &gradients);
    }
    let tape = Tape::new();
    let pointed = network.greedy(tape.constant(numbers), Some(&lengths), 4);
    for i in (0..4 * batch).filter(|&i| is_there(i)) {
        assert_eq!(pointed[i], sorted[i], "step {} of sequence {}", i / batch, i % batch);
    }
}
