//! Layers a step at a time: what the whole sequence computes, by steps and in windows.

use bptt_autodiff::Tape;
use bptt_layers::{
    CarriedState, Dropout, Layer, LayerNorm, LearnedStart, Linear, Module, Recurrence, Residual,
    Stack, Stepwise, Truncation, VariationalDropout, Zoneout, scan, stepper,
};
use bptt_tensor::Tensor;

use crate::support::{
    Above, Random, Sizes, V, assert_near, distance, random, random_cell, randomized, run, uniform,
};

const SIZES: Sizes = Sizes { steps: 6, batch: 2, input: 4, hidden: 4, output: 4 };

/// Tests of layers of every kind that can be stepped: `check(layer, rng)` gets one at random.
macro_rules! for_layers {
    ($check:ident) => {{
        let rng = &mut random(11);
        let lstm = |rng: &mut Random| random_cell::lstm(rng, SIZES);
        let elman = |rng: &mut Random| random_cell::elman(rng, SIZES);
        let readout = |rng: &mut Random| randomized(Linear::new(rng, 4, 3), rng);
        let learned = |rng: &mut Random| {
            let stack = Stack::new(vec![lstm(rng), lstm(rng)]);
            randomized(LearnedStart::new(stack), rng)
        };
        $check(&lstm(rng), rng);
        $check(&readout(rng), rng);
        $check(&(randomized(LayerNorm::new(4), rng), elman(rng)), rng);
        $check(&(lstm(rng), readout(rng)), rng);
        $check(&Stack::new(vec![lstm(rng), lstm(rng), lstm(rng)]).dropout(Dropout::new(0.5)), rng);
        $check(&(Stack::new(vec![lstm(rng), lstm(rng)]), readout(rng)), rng);
        $check(&Stack::new(vec![(elman(rng), Residual::new(lstm(rng)))]), rng);
        $check(&(learned(rng), readout(rng)), rng);
        $check(&Zoneout::new(lstm(rng), &[0.2, 0.6]), rng);
        let dropout = Dropout::new(0.3);
        $check(&Residual::new(VariationalDropout::new(elman(rng), dropout, &[dropout])), rng);
    }};
}

fn steps_as_it_runs<L: Stepwise<f64> + Module<f64>>(layer: &L, rng: &mut Random) {
    let xs = uniform([SIZES.steps, SIZES.batch, SIZES.input], rng);
    let tape = Tape::new();
    let (ys, last) = layer.forward(tape.constant(xs.clone()));
    let ys = ys.value();
    let mut online = stepper(layer, [SIZES.batch, SIZES.input]);
    let rows = |online: &bptt_autodiff::Stepper<f64>| {
        Tensor::from_slice(ys.shape().without(0), online.output(0))
    };
    for t in 0..SIZES.steps {
        online.step(&[xs.index_first(t).as_slice()]);
        assert_near(&[rows(&online)], &[ys.index_first(t)], 1e-13);
    }
    for (j, leaf) in layer.leaves(&last).into_iter().enumerate() {
        let state = Tensor::from_slice(leaf.shape(), online.state(j));
        assert_near(&[state], &[leaf.value()], 1e-13);
    }
    // sequence 1 starts anew, from where the layer does, and sequence 0 goes on
    online.reset(&[1]);
    online.step(&[xs.index_first(0).as_slice()]);
    assert_near(&[rows(&online).index_first(1)], &[ys.index_first(0).index_first(1)], 1e-13);
    let (gone_on, _) =
        Recurrence::new(layer).run(tape.constant(xs.slice_first(0..1)), last.clone());
    let gone_on = gone_on.index_first(0).value();
    assert_near(&[rows(&online).index_first(0)], &[gone_on.index_first(0)], 1e-13);
    // and a state that was carried is one to go on from
    let mut carried = CarriedState::new();
    carried.keep(layer, &last);
    online.set_state(carried.values().expect("a state"));
    online.step(&[xs.index_first(0).as_slice()]);
    assert_near(&[rows(&online)], &[gone_on], 1e-13);
}

#[test]
fn steps_compute_what_the_layer_does() {
    for_layers!(steps_as_it_runs);
}

/// Windows of a layer are cut through all that it is made of at the same step: they are those of the loop over
/// its steps in which the whole state is stopped.
fn cut_as_a_loop<L: Stepwise<f64> + Module<f64>>(layer: &L, rng: &mut Random) {
    let start = {
        let tape = Tape::new();
        let start = layer.start(&tape, SIZES.batch);
        layer.leaves(&start).into_iter().map(|leaf| uniform(leaf.shape(), rng)).collect::<Vec<_>>()
    };
    let inputs = [vec![uniform([SIZES.steps, SIZES.batch, SIZES.input], rng)], start].concat();
    for [every, reach] in [[1, 1], [2, 3], [4, 5], [6, 6]] {
        let cut = run(layer, &inputs, |layer, x| {
            let state = layer.rebuild(&mut x[1..].iter().copied());
            let (ys, last) = Truncation::new(every, reach).run(layer, x[0], state);
            [vec![ys], layer.leaves(&last)].concat()
        });
        let by_hand = run(layer, &inputs, |layer, x| in_windows(layer, x, [every, reach]));
        assert_near(&cut.values, &by_hand.values, 1e-13);
        assert_near(&cut.gradients.inputs, &by_hand.gradients.inputs, 1e-11);
        assert_near(&cut.gradients.parameters, &by_hand.gradients.parameters, 1e-11);
        let whole = run(layer, &inputs, |layer, x| in_windows(layer, x, [6, 6]));
        let remembers = inputs.len() > 1;
        if remembers && reach < SIZES.steps {
            let differs = |(a, b): (&Tensor<f64>, &Tensor<f64>)| distance(a, b) > 1e-6;
            let pairs = cut.gradients.parameters.iter().zip(&whole.gradients.parameters);
            assert!(pairs.into_iter().any(differs), "nothing was cut");
        }
    }
}

/// Each window in a loop, from the state that the loop over all steps before has, stopped.
fn in_windows<'t, L: Stepwise<f64>>(
    layer: &L,
    x: &[V<'t>],
    [every, reach]: [usize; 2],
) -> Vec<V<'t>> {
    let walk = |from: usize, to: usize, leaves: Vec<V<'t>>| {
        let mut state = layer.rebuild(&mut leaves.into_iter());
        let mut ys = Vec::new();
        for t in from..to {
            let (y, next) = layer.advance(x[0].index_first(t), state);
            ys.push(y);
            state = next;
        }
        (ys, layer.leaves(&state))
    };
    let (mut outputs, mut last) = (Vec::new(), Vec::new());
    for chunk in (0..SIZES.steps).step_by(every) {
        let end = SIZES.steps.min(chunk + every);
        let start = end.saturating_sub(reach);
        let before = match start {
            0 => x[1..].to_vec(),
            _ => walk(0, start, x[1..].to_vec()).1.into_iter().map(V::stop_gradient).collect(),
        };
        let (ys, after) = walk(start, end, before);
        outputs.extend_from_slice(&ys[chunk - start..]);
        last = after;
    }
    [vec![V::stack(&outputs)], last].concat()
}

#[test]
fn windows_cut_the_whole_layer() {
    for_layers!(cut_as_a_loop);
}

/// A readout that feeds back: three lines, and what the loop over the equations says.
#[test]
fn a_readout_feeds_back() {
    let rng = &mut random(12);
    let model = (random_cell::lstm(rng, SIZES), randomized(Linear::new(rng, 4, 4), rng));
    let mut x = vec![0.1, -0.2, 0.3, 0.7];
    let tape = Tape::new();
    let first = tape.constant(Tensor::from_slice([1, 4], &x));
    let (mut fed_back, mut state) = (first, model.start(&tape, 1));

    let mut online = stepper(&model, [1, 4]);
    for _ in 0..8 {
        online.step(&[&x]);
        x.copy_from_slice(online.output(0));

        (fed_back, state) = model.advance(fed_back, state);
        assert_near(&[Tensor::from_slice([1, 4], &x)], &[fed_back.value()], 1e-13);
    }
}

/// A tuple is run as its parts are, with their noise, and as the cell that it is without.
#[test]
fn a_tuple_is_its_parts() {
    let rng = &mut random(13);
    let (below, above) = (random_cell::lstm(rng, SIZES), random_cell::gru_after(rng, SIZES));
    let (below, above) = (Zoneout::new(below, &[0.5, 0.5]), Zoneout::new(above, &[0.5]));
    let tape = Tape::new();
    let xs = tape.constant(uniform([SIZES.steps, SIZES.batch, SIZES.input], rng));
    let pair = (below, above);
    let start = || pair.start(&tape, SIZES.batch);
    let (evaluation, _) = pair.forward(xs);
    let (fused, _) = scan(&pair, xs, start());
    assert_near(&[fused.value()], &[evaluation.value()], 1e-13);
    let seed = rng.clone();
    let (noisy, _) = Recurrence::new(&pair).training(&mut seed.clone()).run(xs, start());
    let draws = &mut seed.clone();
    let (of_below, of_above) = start();
    let (hs, _) = Recurrence::new(&pair.0).training(draws).run(xs, of_below);
    let (ys, _) = Recurrence::new(&pair.1).training(draws).run(hs, of_above);
    assert_near(&[noisy.value()], &[ys.value()], 1e-13);
    assert!(distance(&noisy.value(), &evaluation.value()) > 1e-3);
    let lengths = [6, 2];
    let last = Recurrence::new(&pair).lengths(&lengths).last(xs, start()).0.value();
    let ys = Recurrence::new(&pair).lengths(&lengths).run(xs, start()).0.value();
    let ends = Tensor::from_vec(
        [2, 4],
        [ys.index_first(5).index_first(0).to_vec(), ys.index_first(1).index_first(1).to_vec()]
            .concat(),
    );
    assert_near(&[last], &[ends], 1e-13);
}

/// An author's cell may be made of others, readouts included.
#[test]
fn a_cell_of_cells() {
    let rng = &mut random(14);
    let sizes = Sizes { output: 2, ..SIZES };
    let elman = random_cell::elman(rng, sizes);
    let composed = Above(elman.clone(), randomized(Linear::new(rng, 4, 2), rng));
    let inputs = sizes.inputs(&composed, rng);
    let above = run(&composed, &inputs, crate::support::scanned);
    let by_hand = run(&composed, &inputs, |Above(elman, output), x| {
        let (hs, h) = scan(elman, x[0], x[1]);
        vec![output.forward(hs), h]
    });
    assert_near(&above.values, &by_hand.values, 1e-13);
    assert_near(&above.gradients.parameters, &by_hand.gradients.parameters, 1e-11);
}
