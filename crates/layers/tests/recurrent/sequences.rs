//! The laws of recurrence, for every cell.

use bptt_autodiff::{Tape, Var};
use bptt_layers::{Cell, Recurrence, Stack, State, StateSizes, Tree, unroll};
use bptt_tensor::Tensor;

use crate::support::{
    Above, Random, Run, Sizes, TestCell, V, assert_near, distance, loss_of, random, random_cell,
    run, slopes, uniform, unrolled,
};

/// A sequence of no steps has outputs of the right shape and leaves the state as it was.
fn no_steps<C: TestCell>(make: impl Fn(&mut Random, Sizes) -> C, sizes: Sizes, rng: &mut Random) {
    let cell = make(rng, sizes);
    let one_step = run(&cell, &Sizes { steps: 1, ..sizes }.inputs(&cell, rng), unrolled);
    let inputs = Sizes { steps: 0, ..sizes }.inputs(&cell, rng);
    let Run { values, gradients } = run(&cell, &inputs, unrolled);
    assert_eq!(values[0].shape(), &one_step.values[0].shape().with(0, 0));
    assert_eq!(values[1..], inputs[1..]);
    let state_gradients: Vec<_> = inputs[1..].iter().map(|s| s.map(|s| 1.0 + s)).collect();
    assert_near(&gradients.inputs[1..], &state_gradients, 1e-14);
    assert!(gradients.parameters.iter().all(|g| g.as_slice().iter().all(|&g| g == 0.0)));
}

for_every_cell!(no_steps, 4);

/// A batch of no sequences has a result.
fn no_sequences<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let full = run(&cell, &sizes.inputs(&cell, rng), unrolled);
    let sizes = Sizes { batch: 0, ..sizes };
    let empty = run(&cell, &sizes.inputs(&cell, rng), unrolled);
    assert_eq!(empty.values[0].shape(), &full.values[0].shape().with(1, 0));
    for (empty, full) in empty.values[1..].iter().zip(&full.values[1..]) {
        assert_eq!(empty.shape(), &full.shape().with(0, 0));
    }
}

for_every_cell!(no_sequences, 4);

/// [`unrolled`] in two windows, the gradient stopped in between.
fn in_windows<'t, C: Cell<f64>>(cell: &C, inputs: &[V<'t>], first: usize) -> Vec<V<'t>> {
    let steps = inputs[0].shape()[0];
    let state = State::from_leaves(&inputs[1..]);
    let (early, state) = unroll(cell, inputs[0].slice(0, 0..first), state);
    let leaves: Vec<_> = state.leaves().into_iter().map(V::stop_gradient).collect();
    let state = State::from_leaves(&leaves);
    let (late, state) = unroll(cell, inputs[0].slice(0, first..steps), state);
    [vec![Var::concat(&[early, late], 0)], state.leaves()].concat()
}

/// Windows on their own tapes each start from the final values of the last one. They equal one graph with the gradient
/// stopped in between, and not the whole gradient.
fn windows<C: TestCell>(make: impl Fn(&mut Random, Sizes) -> C, sizes: Sizes, rng: &mut Random) {
    let sizes = Sizes { steps: 4, hidden: 3, ..sizes };
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let whole = run(&cell, &inputs, unrolled);
    let stopped = run(&cell, &inputs, |cell, x| in_windows(cell, x, 2));
    assert_eq!(stopped.values, whole.values);

    let mut carried = inputs[1..].to_vec();
    let mut ys = Vec::new();
    for window in [0..2, 2..4] {
        let tape = Tape::new();
        let xs = tape.constant(inputs[0].slice(0, window));
        let (y, state) = unroll(&cell, xs, C::State::from_values(&tape, &carried));
        ys.push(y.value());
        carried = state.values();
    }
    assert_eq!(Tensor::concat(&[&ys[0], &ys[1]], 0), whole.values[0]);
    assert_eq!(carried, whole.values[1..]);

    // the early loss includes the outputs of its window, and the late one also the last state
    let early = [vec![inputs[0].slice(0, 0..2)], inputs[1..].to_vec()].concat();
    let states = run(&cell, &early, unrolled).values[1..].to_vec();
    let late = [vec![inputs[0].slice(0, 2..4)], states].concat();
    let early = slopes(&cell, &early, |cell, x| loss_of(&unrolled(cell, x)[..1]));
    let late = run(&cell, &late, unrolled).gradients;
    let sum: Vec<_> =
        early.parameters.iter().zip(&late.parameters).map(|(early, late)| early + late).collect();
    assert_near(&stopped.gradients.parameters, &sum, 1e-11);
    let inputs = Tensor::concat(&[&early.inputs[0], &late.inputs[0]], 0);
    assert_near(&stopped.gradients.inputs[..1], std::slice::from_ref(&inputs), 1e-11);

    let pairs = sum.iter().zip(&whole.gradients.parameters);
    let mut pairs = pairs.chain([(&inputs, &whole.gradients.inputs[0])]);
    assert!(pairs.any(|(cut, whole)| distance(cut, whole) > 1e-4), "the windows cut no gradient");
}

for_every_cell!(windows, 8);

/// A stack, run layer by layer, is the composed cell, run step by step.
fn layers<C: TestCell>(make: impl Fn(&mut Random, Sizes) -> C, sizes: Sizes, rng: &mut Random) {
    let sizes = Sizes { input: sizes.hidden, output: sizes.hidden, ..sizes };
    let cells = [make(rng, sizes), make(rng, sizes), make(rng, sizes)];
    let states = cells[0].state_sizes().len();
    let mut inputs = sizes.inputs(&cells[0], rng);
    for cell in &cells[1..] {
        inputs.extend(sizes.inputs(cell, rng).split_off(1));
    }
    let composed = ((cells[0].clone(), cells[1].clone()), cells[2].clone());
    let composed = run(&composed, &inputs, unrolled);
    let stacked = run(&Stack::new(cells.to_vec()), &inputs, |stack, x| {
        let states = x[1..].chunks(states).map(State::from_leaves).collect();
        let (ys, last) = Recurrence::new(stack).run(x[0], states);
        [vec![ys], last.leaves()].concat()
    });
    assert_near(&stacked.values, &composed.values, 1e-12);
    assert_near(&stacked.gradients.inputs, &composed.gradients.inputs, 1e-10);
    assert_near(&stacked.gradients.parameters, &composed.gradients.parameters, 1e-10);
}

for_every_cell!(layers, 8);

/// The gradients of a model are its own: a clone has the same values, but its own parameters.
fn clones<C: TestCell>(make: impl Fn(&mut Random, Sizes) -> C, sizes: Sizes, rng: &mut Random) {
    let cell = make(rng, sizes);
    let clone = cell.clone();
    let inputs = Sizes { steps: 2, ..sizes }.inputs(&cell, rng);
    assert_eq!(run(&clone, &inputs, unrolled).values, run(&cell, &inputs, unrolled).values);

    let tape = Tape::new();
    let x: Vec<_> = inputs.into_iter().map(|input| tape.constant(input)).collect();
    let gradients = tape.backward(loss_of(&unrolled(&cell, &x)));
    for ((name, original), (_, clone)) in cell.parameters().into_iter().zip(clone.parameters()) {
        assert_ne!(original.id(), clone.id(), "{name}");
        assert!(gradients.get(original).is_some(), "{name}");
        assert!(gradients.get(clone).is_none(), "{name}");
    }
}

for_every_cell!(clones, 4);

/// The upper of two composed cells reads the outputs of the lower one.
#[test]
fn composition_is_one_above_the_other() {
    let rng = &mut random(5);
    let sizes = Sizes { steps: 5, batch: 2, input: 3, hidden: 4, output: 2 };
    let cell = random_cell::gru_above_lstm(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let composed = run(&cell, &inputs, unrolled);
    let by_hand = run(&cell, &inputs, |Above(lstm, gru), x| {
        let (ys, (h, c)) = unroll(lstm, x[0], (x[1], x[2]));
        let (ys, above) = unroll(gru, ys, x[3]);
        vec![ys, h, c, above]
    });
    assert_eq!(composed.values, by_hand.values);
    assert_near(&composed.gradients.inputs, &by_hand.gradients.inputs, 1e-11);
    assert_near(&composed.gradients.parameters, &by_hand.gradients.parameters, 1e-11);
}

/// The tape knows the running step, so that it can report the step of a fault. It also knows the end of the sequence.
#[test]
fn faults_name_their_step() {
    struct FailsAt(f64);

    impl Cell<f64> for FailsAt {
        type State<'t> = V<'t>;

        fn step<'t>(&self, x: V<'t>, h: V<'t>) -> (V<'t>, V<'t>) {
            ((h - self.0).ln() * 0.0 + x, h - 1.0)
        }
    }

    let tape = Tape::new();
    let xs = tape.constant(uniform([6, 1, 1], &mut random(0)));
    let (ys, _) = unroll(&FailsAt(2.5), xs, tape.constant(Tensor::full([1, 1], 6.0)));
    let fault = tape.first_non_finite().expect("the logarithm of a negative number");
    assert_eq!((fault.operation(), fault.step()), ("ln", Some(4)));

    let tape = Tape::new();
    let xs = tape.constant(ys.value().map(|_| 1.0));
    let (ys, _) = unroll(&FailsAt(-1.0), xs, tape.constant(Tensor::full([1, 1], 6.0)));
    let _ = (ys - 2.0).ln();
    assert_eq!(tape.first_non_finite().map(|fault| fault.step()), Some(None));

    // a loop over time within a step of another leaves the outer step as it was
    let tape = Tape::new();
    assert_eq!(tape.set_step(Some(7)), None);
    let xs = tape.constant(Tensor::ones([6, 1, 1]));
    let _ = unroll(&FailsAt(-1.0), xs, tape.constant(Tensor::full([1, 1], 6.0)));
    assert_eq!(tape.set_step(None), Some(7));
}

/// Fast weights: a state `[B, I, I]`, of three axes.
struct FastWeights;

impl Cell<f64> for FastWeights {
    type State<'t> = V<'t>;

    fn step<'t>(&self, x: V<'t>, m: V<'t>) -> (V<'t>, V<'t>) {
        let [batch, features] = x.shape()[..] else { panic!("[B, I]") };
        let (row, column) = (x.reshape([batch, 1, features]), x.reshape([batch, features, 1]));
        let m = m * 0.5 + row * column;
        ((m * row).sum(&[2]), m)
    }
}

impl StateSizes for FastWeights {
    fn state_sizes(&self) -> Vec<usize> {
        vec![3]
    }
}

/// Lengths select sequences for states of any number of axes, also where a feature axis is as long as the batch.
#[test]
fn lengths_with_a_state_of_three_axes() {
    let rng = &mut random(7);
    let (xs, first) = (uniform([4, 3, 3], rng), uniform([3, 3, 3], rng));
    let lengths = [2, 4, 0];
    let tape = Tape::new();
    let (xs, first) = (tape.constant(xs), tape.constant(first));
    let recurrence = || Recurrence::new(&FastWeights).lengths(&lengths);
    let (ys, together) = recurrence().run(xs, first);
    let (last, _) = recurrence().last(xs, first);
    for (b, length) in lengths.into_iter().enumerate() {
        let own = xs.slice(1, b..b + 1).slice(0, 0..length);
        let (alone, state) = unroll(&FastWeights, own, first.slice(0, b..b + 1));
        assert_near(&[together.slice(0, b..b + 1).value()], &[state.value()], 1e-14);
        let of_sequence = ys.slice(1, b..b + 1);
        assert_near(&[of_sequence.slice(0, 0..length).value()], &[alone.value()], 1e-14);
        assert_eq!(of_sequence.slice(0, length..4).value(), Tensor::zeros([4 - length, 1, 3]));
        let expected = match length {
            0 => Tensor::zeros([1, 3]),
            _ => alone.index_first(length - 1).value(),
        };
        assert_near(&[last.slice(0, b..b + 1).value()], &[expected], 1e-14);
    }
}
