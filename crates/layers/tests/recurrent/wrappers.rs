//! Wrappers around layers: directions, stacks, residuals, starts.

use std::collections::BTreeSet;

use bptt_autodiff::{Recompute, Tape, Tree};
use bptt_layers::{
    Bidirectional, CarriedState, Gru, Init, Layer, LearnedStart, Lstm, Recurrence, Residual,
    Reversed, Stack, State, unroll,
};
use bptt_tensor::Tensor;

use crate::support::{
    Random, Run, Sizes, V, assert_near, random, random_cell, randomized, run, uniform,
};

pub(crate) const SIZES: Sizes = Sizes { steps: 5, batch: 3, input: 4, hidden: 4, output: 4 };

type Deep = Stack<Bidirectional<Residual<Lstm<f64>>, Reversed<Gru<f64>>>>;

/// Two bidirectional layers. One direction is residual. The other is a reversed layer, and so runs forward.
fn deep(rng: &mut Random) -> Deep {
    let mut layer = |input| {
        let sizes = Sizes { input, hidden: input, ..SIZES };
        let lstm = Residual::new(random_cell::lstm(rng, sizes));
        Bidirectional::new(lstm, Reversed::new(random_cell::gru_after(rng, sizes)))
    };
    Stack::new(vec![layer(4), layer(8)])
}

/// Returns a layer's outputs and last state. The inputs are the sequence and the state.
pub(crate) fn layer_run<'t, L: Layer<f64>>(layer: &L, x: &[V<'t>]) -> Vec<V<'t>> {
    recurrence_run(layer, Recurrence::new(layer), x)
}

pub(crate) fn recurrence_run<'t, L: Layer<f64>>(
    layer: &L,
    recurrence: Recurrence<'_, f64, L>,
    x: &[V<'t>],
) -> Vec<V<'t>> {
    let state = layer.start(x[0].tape(), 1).with_leaves(&x[1..]);
    let (ys, state) = recurrence.run(x[0], state);
    [vec![ys], state.leaves()].concat()
}

/// A random sequence and state for a layer.
pub(crate) fn inputs_of<L: Layer<f64>>(
    layer: &L,
    rng: &mut Random,
    sizes: Sizes,
) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let start = layer.start(&tape, sizes.batch);
    let state = start.leaves().into_iter().map(|leaf| uniform(leaf.shape(), rng));
    let state: Vec<_> = state.collect();
    [vec![uniform([sizes.steps, sizes.batch, sizes.input], rng)], state].concat()
}

#[track_caller]
pub(crate) fn assert_same(left: &Run, right: &Run) {
    assert_near(&left.values, &right.values, 1e-13);
    assert_near(&left.gradients.inputs, &right.gradients.inputs, 1e-11);
    assert_near(&left.gradients.parameters, &right.gradients.parameters, 1e-11);
}

/// A sequence with its steps in the opposite order.
fn backwards(xs: V<'_>) -> V<'_> {
    let last = xs.shape()[0];
    xs.gather_rows(&(0..last).rev().collect::<Vec<_>>())
}

/// Two directions, residuals and stacks equal their definitions, written out with plain loops.
#[test]
fn layers_equal_plain_loops() {
    let rng = &mut random(0);
    let model = deep(rng);
    let inputs = inputs_of(&model, rng, SIZES);
    let composed = run(&model, &inputs, layer_run);
    let by_hand = run(&model, &inputs, |model, x| {
        let mut xs = x[0];
        let mut last = Vec::new();
        for (layer, state) in model.layers().iter().zip(x[1..].chunks(3)) {
            let lstm = &layer.forward.layer;
            let (ahead, ends) = unroll(lstm, xs, State::from_leaves(&state[..2]));
            let (also_ahead, end) = unroll(&layer.backward.layer, xs, state[2]);
            last.extend([ends.0, ends.1, end]);
            xs = V::concat(&[ahead + xs, also_ahead], -1);
        }
        [vec![xs], last].concat()
    });
    assert_same(&composed, &by_hand);
}

#[test]
fn the_backward_layer_reads_from_the_end() {
    let rng = &mut random(1);
    let [forward, backward] = [(); 2].map(|()| random_cell::gru_before(rng, SIZES));
    let model = Bidirectional::new(forward, backward);
    let inputs = inputs_of(&model, rng, SIZES);
    let composed = run(&model, &inputs, layer_run);
    let by_hand = run(&model, &inputs, |model, x| {
        let (ahead, end) = unroll(&model.forward, x[0], x[1]);
        let (back, start) = unroll(&model.backward, backwards(x[0]), x[2]);
        vec![V::concat(&[ahead, backwards(back)], -1), end, start]
    });
    assert_same(&composed, &by_hand);
}

/// Reversed twice is not reversed, whether a layer or the recurrence is.
#[test]
fn the_reverse_of_the_reverse() {
    let rng = &mut random(2);
    let lstm = random_cell::lstm(rng, SIZES);
    let inputs = inputs_of(&lstm, rng, SIZES);
    let plain = run(&lstm, &inputs, layer_run);
    let reversed = Reversed::new(lstm.clone());
    let twice = run(&reversed, &inputs, |layer, x| {
        recurrence_run(layer, Recurrence::new(layer).reversed(), x)
    });
    assert_same(&twice, &plain);
    let nested = run(&Reversed::new(reversed), &inputs, layer_run);
    assert_same(&nested, &plain);
    let by_data = run(&lstm, &inputs, |lstm, x| {
        let x = [vec![backwards(x[0])], x[1..].to_vec()].concat();
        let mut ys = recurrence_run(lstm, Recurrence::new(lstm).reversed(), &x);
        ys[0] = backwards(ys[0]);
        ys
    });
    assert_same(&by_data, &plain);
}

#[test]
fn the_batch_may_come_first() {
    let rng = &mut random(3);
    let model =
        Stack::new(vec![random_cell::gru_after(rng, SIZES), random_cell::gru_before(rng, SIZES)]);
    let xs = uniform([SIZES.batch, SIZES.steps, SIZES.input], rng);
    let lengths = [5, 2, 4];
    let first = run(&model, std::slice::from_ref(&xs), |model, x| {
        let way = || Recurrence::new(model).batch_first().lengths(&lengths);
        let start = || model.start(x[0].tape(), SIZES.batch);
        let (ys, states) = way().run(x[0], start());
        [vec![ys, way().last(x[0], start()).0], states].concat()
    });
    let by_hand = run(&model, &[xs], |model, x| {
        let xs = x[0].permute(&[1, 0, 2]);
        let way = || Recurrence::new(model).lengths(&lengths);
        let start = || model.start(xs.tape(), SIZES.batch);
        let (ys, states) = way().run(xs, start());
        [vec![ys.permute(&[1, 0, 2]), way().last(xs, start()).0], states].concat()
    });
    assert_same(&first, &by_hand);
}

/// Sequences of different lengths in one batch, with NaN as the padding, compute the same as each alone. This holds
/// through stacks, both directions and residuals, for all outputs and for the last.
#[test]
fn padded_sequences_compute_the_same_as_each_alone() {
    let rng = &mut random(4);
    let model = deep(rng);
    let inputs = inputs_of(&model, rng, SIZES);
    let lengths = [5, 2, 4];
    let mut padded = inputs.clone();
    for (b, &length) in lengths.iter().enumerate() {
        for t in length..SIZES.steps {
            let row = (t * SIZES.batch + b) * SIZES.input;
            padded[0].as_mut_slice()[row..row + SIZES.input].fill(f64::NAN);
        }
    }
    let together = run(&model, &padded, |model, x| {
        let way = || Recurrence::new(model).lengths(&lengths);
        let state = model.start(x[0].tape(), 1).with_leaves(&x[1..]);
        let (last, _) = way().last(x[0], state);
        [recurrence_run(model, way().recompute(Recompute::Every(2)), x), vec![last]].concat()
    });
    let alone = run(&model, &inputs, |model, x| {
        let rows = |b: usize| {
            let (xs, states) = x.split_first().expect("a sequence");
            let xs = xs.slice(1, b..b + 1).slice(0, 0..lengths[b]);
            let states = states.iter().map(|state| state.slice(0, b..b + 1));
            std::iter::once(xs).chain(states).collect::<Vec<_>>()
        };
        let runs: Vec<Vec<V<'_>>> = (0..lengths.len())
            .map(|b| {
                let mut outputs = layer_run(model, &rows(b));
                let ys = outputs[0];
                let nothing = [SIZES.steps - lengths[b], 1, ys.shape()[2]];
                let nothing = ys.tape().constant(Tensor::zeros(nothing));
                outputs.push(ys.index_first(lengths[b] - 1));
                outputs[0] = V::concat(&[ys, nothing], 0);
                outputs
            })
            .collect();
        (0..runs[0].len())
            .map(|i| {
                let parts: Vec<_> = runs.iter().map(|run| run[i]).collect();
                V::concat(&parts, if i == 0 { 1 } else { 0 })
            })
            .collect()
    });
    assert_same(&together, &alone);
}

/// The last output of a bidirectional layer concatenates the final output of each direction. This holds at the top of a
/// stack and for sequences of different lengths. A residual adds the input at the last step.
#[test]
fn the_last_of_both_directions() {
    let rng = &mut random(5);
    let mut elman = |input| random_cell::elman(rng, Sizes { input, ..SIZES });
    let below = Bidirectional::new(elman(4), elman(4));
    let above = Bidirectional::new(elman(8), elman(8));
    let model = Stack::new(vec![below, above]);
    let lengths = [5, 2, 4];
    let inputs = inputs_of(&model, rng, SIZES);
    let last = run(&model, &inputs, |model, x| {
        let state = model.start(x[0].tape(), 1).with_leaves(&x[1..]);
        vec![Recurrence::new(model).lengths(&lengths).last(x[0], state).0]
    });
    let of_outputs = run(&model, &inputs, |model, x| {
        let ys = recurrence_run(model, Recurrence::new(model).lengths(&lengths), x)[0];
        let rows = lengths.iter().enumerate().map(|(b, &length)| {
            let of_sequence = |t: usize| ys.index_first(t).slice(0, b..b + 1);
            let ahead = of_sequence(length - 1).slice(-1, 0..4);
            V::concat(&[ahead, of_sequence(0).slice(-1, 4..8)], -1)
        });
        vec![V::concat(&rows.collect::<Vec<_>>(), 0)]
    });
    assert_same(&last, &of_outputs);

    let residual = Residual::new(model.layers()[1].clone());
    let inputs = inputs_of(&residual, rng, Sizes { input: 8, ..SIZES });
    let around = run(&residual, &inputs, |residual, x| {
        vec![Recurrence::new(residual).lengths(&lengths).last(x[0], (x[1], x[2])).0]
    });
    let by_hand = run(&residual, &inputs, |residual, x| {
        let last = Recurrence::new(&residual.layer).lengths(&lengths).last(x[0], (x[1], x[2])).0;
        let rows = lengths.iter().enumerate();
        let rows = rows.map(|(b, &length)| x[0].index_first(length - 1).slice(0, b..b + 1));
        vec![last + V::concat(&rows.collect::<Vec<_>>(), 0)]
    });
    assert_same(&around, &by_hand);
}

/// The last output of a sequence without steps is zero, for every layer.
#[test]
fn the_last_output_of_no_steps_is_zero() {
    let rng = &mut random(5);
    let model = Stack::new(vec![Residual::new(random_cell::lstm(rng, SIZES))]);
    let tape = Tape::new();
    let (last, _) = Recurrence::new(&model)
        .last(tape.constant(Tensor::zeros([0, 3, 4])), model.start(&tape, 3));
    assert_eq!(last.value(), Tensor::zeros([3, 4]));
}

/// The gradient of a learned start adds up over the batch that shares it, for every layer and variable.
#[test]
fn a_learned_start_is_shared_by_the_batch() {
    let rng = &mut random(6);
    let model = randomized(LearnedStart::new(deep(rng)), rng);
    assert_eq!(model.initial.len(), 6);
    let xs = uniform([SIZES.steps, SIZES.batch, SIZES.input], rng);
    let learned = run(&model, std::slice::from_ref(&xs), |model, x| {
        let (ys, state) = model.forward(x[0]);
        [vec![ys], state.leaves()].concat()
    });
    let start = model
        .initial
        .iter()
        .map(|start| start.value().broadcast_to([SIZES.batch, start.shape()[1]]));
    let inputs: Vec<_> = std::iter::once(xs).chain(start).collect();
    let given = run(&model.layer, &inputs, layer_run);
    assert_near(&learned.values, &given.values, 1e-14);
    let (of_layer, of_start) =
        learned.gradients.parameters.split_at(given.gradients.parameters.len());
    assert_near(of_layer, &given.gradients.parameters, 1e-12);
    let sums: Vec<_> = given.gradients.inputs[1..].iter().map(|g| g.sum_keep(&[0])).collect();
    assert_near(of_start, &sums, 1e-12);
}

/// A random guess is drawn for each variable of the state, and runs start from it.
#[test]
fn a_learned_start_from_a_guess() {
    let rng = &mut random(9);
    let layers = vec![Lstm::<f64>::new(rng, 4, 30), Lstm::new(rng, 30, 30)];
    let guess = Init::Uniform { low: 0.2, high: 0.4 };
    let model = LearnedStart::new(Stack::new(layers)).start_init(rng, guess);
    let values: Vec<f64> = model.initial.iter().flat_map(|start| start.value().to_vec()).collect();
    assert_eq!(values.len(), 2 * 2 * 30);
    let distinct: BTreeSet<u64> = values.iter().map(|value| value.to_bits()).collect();
    assert_eq!(distinct.len(), values.len());
    assert!(values.iter().all(|value| (0.2..0.4).contains(value)));
    let tape = Tape::new();
    let start = model.start(&tape, 2);
    for (leaf, guess) in start.leaves().iter().zip(&model.initial) {
        assert_eq!(leaf.index_first(1).value().to_vec(), guess.value().to_vec());
    }
}

/// A sequence in pieces, each on its own tape, computes the same as the whole.
#[test]
fn a_carried_state_goes_on() {
    let rng = &mut random(7);
    let stack = Stack::new(vec![random_cell::lstm(rng, SIZES), random_cell::lstm(rng, SIZES)]);
    let xs = uniform([SIZES.steps, SIZES.batch, SIZES.input], rng);
    let tape = Tape::new();
    let (whole, last) = stack.forward(tape.constant(xs.clone()));
    let mut carried = CarriedState::new();
    for piece in [0..2, 2..2, 2..5] {
        let tape = Tape::new();
        let ys = carried.run(&stack, tape.constant(xs.slice(0, piece.clone())));
        assert_near(&[ys.value()], &[whole.value().slice(0, piece)], 1e-14);
    }
    let last: Vec<_> = last.leaves().into_iter().map(|leaf| leaf.value()).collect();
    assert_near(carried.values().expect("a state"), &last, 1e-14);
    let tape = Tape::new();
    let restored = CarriedState::from_values(last.clone()).state(&stack, &tape, SIZES.batch);
    let restored = restored.values();
    assert_eq!(restored, last);
    carried.reset();
    assert!(carried.values().is_none());
}
