//! Gradients with respect to the state after each step.

use bptt_autodiff::Tape;
use bptt_layers::{
    Cell, Costates, Layer, LearnedStart, Linear, Recurrence, Stack, State, Tree, Zoneout,
};
use bptt_tensor::Tensor;

use crate::support::{
    Random, Sizes, TestCell, V, assert_near, loss_of, random, random_cell, randomized, uniform,
};

/// Returns the gradient of a loss of the outputs and the last state, with respect to the state after step `t`. A loop
/// that starts there from variables computes it, for sequences of equal length.
fn by_a_loop<C: TestCell>(cell: &C, inputs: &[Tensor<f64>], t: usize) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let x: Vec<_> = inputs.iter().map(|input| tape.constant(input.clone())).collect();
    let mut state = <C as Cell<f64>>::State::from_leaves(&x[1..]);
    let mut output = None;
    for k in 0..=t {
        let (y, next) = cell.step(x[0].index_first(k), state);
        output = next.leaves().iter().position(|leaf| y.is(*leaf));
        state = next;
    }
    let after: Vec<_> = state.leaves().into_iter().map(|s| tape.variable(s.value())).collect();
    let mut ys: Vec<_> = output.map(|leaf| after[leaf]).into_iter().collect();
    let mut state = <C as Cell<f64>>::State::from_leaves(&after);
    for k in t + 1..inputs[0].shape()[0] {
        let (y, next) = cell.step(x[0].index_first(k), state);
        ys.push(y);
        state = next;
    }
    ys.extend(state.leaves());
    if ys.is_empty() {
        return vec![];
    }
    let gradients = tape.backward(loss_of(&ys));
    let gradient = |s: &V<'_>| gradients.get_wrt(*s).cloned();
    after.iter().map(|s| gradient(s).unwrap_or_else(|| Tensor::zeros(s.shape()))).collect()
}

/// The costates of a run for a loss of the outputs and the last state.
fn costates_of<L: Layer<f64>>(
    layer: &L,
    inputs: &[Tensor<f64>],
    way: impl for<'r> Fn(Recurrence<'r, f64, L>) -> Recurrence<'r, f64, L>,
) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let x: Vec<_> = inputs.iter().map(|input| tape.constant(input.clone())).collect();
    let state = || layer.start(x[0].tape(), 1).with_leaves(&x[1..]);
    let costates = Costates::new();
    let (ys, last) = way(Recurrence::new(layer)).costates(&costates).run(x[0], state());
    let (plain, _) = way(Recurrence::new(layer)).run(x[0], state());
    assert_near(&[ys.value()], &[plain.value()], 1e-14);
    let loss = loss_of(&[vec![ys], last.leaves()].concat());
    let found = costates.of(&tape.backward(loss));
    let one = tape.constant(Tensor::ones(loss.shape()));
    let recorded = tape.vjp(&[(loss, one)], &costates.variables(&tape));
    let recorded: Vec<_> = recorded.iter().map(|gradient| gradient.value()).collect();
    assert_near(&recorded, &found, 1e-11);
    found
}

fn at(all: &[Tensor<f64>], t: usize) -> Vec<Tensor<f64>> {
    all.iter().map(|costate| costate.index_first(t)).collect()
}

/// The costates of every cell, forward and reversed.
fn of_a_loop<C: TestCell>(make: impl Fn(&mut Random, Sizes) -> C, sizes: Sizes, rng: &mut Random) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let ahead = costates_of(&cell, &inputs, |way| way);
    let mut turned = inputs.clone();
    let rows: Vec<_> = (0..sizes.steps).rev().map(|t| inputs[0].index_first(t).to_vec()).collect();
    turned[0] = Tensor::from_vec(inputs[0].shape(), rows.concat());
    let back = costates_of(&cell, &turned, |way| way.reversed());
    for t in 0..sizes.steps {
        let expected = by_a_loop(&cell, &inputs, t);
        assert_near(&at(&ahead, t), &expected, 1e-11);
        assert_near(&at(&back, sizes.steps - 1 - t), &expected, 1e-11);
    }
}

for_every_cell!(of_a_loop, 4);

const SIZES: Sizes = Sizes { steps: 5, batch: 3, input: 4, hidden: 4, output: 4 };

/// Each of several sequences of different lengths has its own costates, and a missing step passes its costate on.
/// After a reset, costates do not depend on earlier steps, nor earlier costates on later steps.
#[test]
fn of_lengths_and_resets() {
    let rng = &mut random(31);
    let lstm = random_cell::lstm(rng, SIZES);
    let inputs = SIZES.inputs(&lstm, rng);
    let lengths = [5, 2, 4];
    let found = costates_of(&lstm, &inputs, |way| way.lengths(&[5, 2, 4]));
    for (b, length) in lengths.into_iter().enumerate() {
        let own = |all: &[Tensor<f64>]| -> Vec<_> {
            all.iter().map(|value| value.slice(0, b..b + 1)).collect()
        };
        let xs: Vec<_> =
            (0..length).map(|t| own(&[inputs[0].index_first(t)])[0].to_vec()).collect();
        let xs = Tensor::from_vec([length, 1, 4], xs.concat());
        let alone = [vec![xs], own(&inputs[1..])].concat();
        for t in 0..length {
            assert_near(&own(&at(&found, t)), &by_a_loop(&lstm, &alone, t), 1e-11);
        }
        for t in length..5 {
            // a loss of the last state alone, not of an output
            let tape = Tape::new();
            let [xs, h, c] = [0, 1, 2].map(|i| tape.constant(alone[i].clone()));
            let (_, last) = Recurrence::new(&lstm).run(xs, (h, c));
            let of_last: Vec<_> = last.values().iter().map(|s| s.map(|s| s + 1.0)).collect();
            assert_near(&own(&at(&found, t)), &of_last, 1e-11);
        }
    }
    let resets = Tensor::from_fn([5, 3], |i| f64::from(u8::from(i / 3 == 3)));
    let found = costates_of(&lstm, &inputs, |way| way.resets(&resets));
    let mut first = inputs.clone();
    first[0] = inputs[0].slice(0, 0..3);
    for t in 0..3 {
        let tape = Tape::new();
        let x: Vec<_> = first.iter().map(|input| tape.constant(input.clone())).collect();
        let costates = Costates::new();
        let way = Recurrence::new(&lstm).costates(&costates);
        let (ys, _) = way.run(x[0], (x[1], x[2]));
        let expected = costates.of(&tape.backward(loss_of(&[ys])));
        assert_near(&at(&found, t), &at(&expected, t), 1e-11);
    }
}

/// In a stack, the costate of a layer includes the paths through the layers and the readout above.
#[test]
fn of_layers_above_one_another() {
    let rng = &mut random(32);
    let [below, above] = [(); 2].map(|()| random_cell::elman(rng, SIZES));
    let output = randomized(Linear::new(rng, 4, 2), rng);
    let model = (LearnedStart::new(Stack::new(vec![below, above])), output);
    let inputs = vec![uniform([5, 3, 4], rng), uniform([3, 4], rng), uniform([3, 4], rng)];
    let found = costates_of(&model, &inputs, |way| way);

    let tape = Tape::new();
    let x: Vec<_> = inputs.iter().map(|input| tape.constant(input.clone())).collect();
    let [below, above] = model.0.layer.layers() else { panic!("two") };
    let (mut lower, mut upper) = (x[1], x[2]);
    let (mut ys, mut added) = (vec![], vec![]);
    for t in 0..5 {
        let zero = || tape.variable(Tensor::zeros([3, 4]));
        let zeros = [zero(), zero()];
        lower = below.step(x[0].index_first(t), lower).0 + zeros[0];
        upper = above.step(lower, upper).0 + zeros[1];
        ys.push(model.1.forward(upper));
        added.push(zeros);
    }
    let gradients = tape.backward(loss_of(&[V::stack(&ys, 0), lower, upper]));
    for (t, zeros) in added.into_iter().enumerate() {
        let expected = zeros.map(|zero| gradients.wrt(zero).clone());
        assert_near(&at(&found, t), &expected, 1e-11);
    }
}

/// `grad` with respect to the outputs returns the direct term alone, and the costate adds the rest. With noise,
/// costates belong to the noise that was drawn. No costate of one run remains for the next.
#[test]
fn costates_differ_from_the_gradient_of_the_outputs() {
    let rng = &mut random(33);
    let elman = random_cell::elman(rng, SIZES);
    let tape = Tape::new();
    let [xs, h] = [vec![5, 3, 4], vec![3, 4]].map(|shape| tape.constant(uniform(shape, rng)));
    let costates = Costates::new();
    for _ in 0..2 {
        let (ys, _) = Recurrence::new(&elman).costates(&costates).run(xs, h);
        let loss = ys.index_first(3).sum_all();
        let [direct] = tape.grad(loss, [ys]);
        let [total] = &costates.of(&tape.backward(loss))[..] else { panic!("one variable") };
        let direct = direct.value();
        for t in 0..5 {
            let is = |t: usize| f64::from(u8::from(t == 3));
            assert_eq!(direct.index_first(t), Tensor::full([3, 4], is(t)));
            assert_eq!(*total.index_first(t).shape(), [3, 4]);
        }
        let w_hh = elman.w_hh.value();
        let slope = ys.index_first(3).value().map(|y| 1.0 - y * y);
        let one_before = slope.matmul(&w_hh.permute(&[1, 0]));
        assert_near(&[total.index_first(2)], &[one_before], 1e-13);
        assert_eq!(total.index_first(4), Tensor::zeros([3, 4]));
    }
    let zoneout = Zoneout::new(elman, &[0.5]);
    let seed = rng.clone();
    let loss = |costates: &Costates<f64>, xs: V<'_>| {
        let mut draws = seed.clone();
        let way = Recurrence::new(&zoneout).training(&mut draws).costates(costates);
        let (ys, _) = way.run(xs, xs.tape().constant(h.value()));
        xs.tape().backward(loss_of(&[ys]))
    };
    let found = costates.of(&loss(&costates, xs));
    assert_eq!(*found[0].shape(), [5, 3, 4]);
    assert!(found[0].as_slice().iter().all(|g| g.is_finite()));
}

/// The step is still compiled.
#[test]
fn it_is_compiled() {
    let rng = &mut random(34);
    let lstm = random_cell::lstm(rng, SIZES);
    let tape = Tape::new();
    let xs = tape.constant(Tensor::zeros([5, 3, 4]));
    let costates = Costates::new();
    let plan = Recurrence::new(&lstm).costates(&costates).plan(xs, lstm.start(&tape, 3));
    assert!(plan.contains("each step:") && !plan.contains("operation by operation"), "{plan}");
}
