//! Layers compute the same a step at a time, in windows, and over the whole sequence.

use bptt_autodiff::{Recompute, Tape, Tree};
use bptt_layers::{
    CarriedState, Cell, Dropout, Layer, LayerNorm, LearnedStart, Linear, Module, Recurrence,
    RecurrentDropout, Residual, Stack, Stepwise, Truncation, VariationalDropout, WeightDropout,
    Zoneout, scan, stepper,
};
use bptt_tensor::Tensor;
use rand::Rng;

use crate::support::{
    Above, Random, Run, Sizes, V, assert_near, distance, random, random_cell, randomized, run,
    uniform,
};

const SIZES: Sizes = Sizes { steps: 6, batch: 2, input: 4, hidden: 4, output: 4 };

/// Defines tests of every kind of `Stepwise` layer. `check(layer, rng)` gets a random one.
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
    for (j, leaf) in last.leaves().into_iter().enumerate() {
        let state = Tensor::from_slice(leaf.shape(), online.state(j));
        assert_near(&[state], &[leaf.value()], 1e-13);
    }
    // sequence 1 starts anew, from where the layer does, and sequence 0 goes on
    online.reset(&[1]);
    online.step(&[xs.index_first(0).as_slice()]);
    assert_near(&[rows(&online).index_first(1)], &[ys.index_first(0).index_first(1)], 1e-13);
    let (gone_on, _) = Recurrence::new(layer).run(tape.constant(xs.slice(0, 0..1)), last.clone());
    let gone_on = gone_on.index_first(0).value();
    assert_near(&[rows(&online).index_first(0)], &[gone_on.index_first(0)], 1e-13);
    // a carried state can be continued
    let mut carried = CarriedState::new();
    carried.keep(&last);
    online.set_state(carried.values().expect("a state"));
    online.step(&[xs.index_first(0).as_slice()]);
    assert_near(&[rows(&online)], &[gone_on], 1e-13);
}

#[test]
fn steps_compute_what_the_layer_does() {
    for_layers!(steps_as_it_runs);
}

/// The windows of a layer cut the gradient of all its parts at the same step. They equal a loop over the layer's
/// steps that stops the gradient of the whole state. With lengths, masks and resets, this holds for each sequence by
/// itself.
fn cut_as_a_loop<L: Stepwise<f64> + Module<f64>>(layer: &L, rng: &mut Random) {
    let start = {
        let tape = Tape::new();
        let start = layer.start(&tape, SIZES.batch);
        start.leaves().into_iter().map(|leaf| uniform(leaf.shape(), rng)).collect::<Vec<_>>()
    };
    let inputs = [vec![uniform([SIZES.steps, SIZES.batch, SIZES.input], rng)], start].concat();
    let extents = [SIZES.steps, SIZES.batch];
    let all = (Tensor::ones(extents), Tensor::zeros(extents));
    let some = (Tensor::bernoulli(extents, 0.7, rng), Tensor::bernoulli(extents, 0.3, rng));
    for [every, reach] in [[1, 1], [2, 3], [4, 5], [6, 6]] {
        let truncation = Truncation::new(every, reach);
        let cut = run(layer, &inputs, |layer, x| {
            let state = layer.start(x[0].tape(), 1).with_leaves(&x[1..]);
            let (ys, last) = truncation.run(layer, x[0], state);
            [vec![ys], last.leaves()].concat()
        });
        assert_same(
            &cut,
            &run(layer, &inputs, |layer, x| in_windows(layer, x, [every, reach], &all)),
        );
        let (mask, resets) = &some;
        let together = run(layer, &inputs, |layer, x| {
            let state = || layer.start(x[0].tape(), 1).with_leaves(&x[1..]);
            let way = || {
                let way = Recurrence::new(layer).masked(mask).resets(resets);
                way.recompute(Recompute::Auto).truncated(truncation)
            };
            let (ys, last) = way().run(x[0], state());
            [vec![ys], last.leaves(), vec![way().last(x[0], state()).0]].concat()
        });
        assert_same(
            &together,
            &run(layer, &inputs, |layer, x| {
                let mut by_hand = in_windows(layer, x, [every, reach], &some);
                let of_sequence = |b: usize| {
                    let there = |t: &usize| mask.as_slice()[t * SIZES.batch + b] != 0.0;
                    let ys = by_hand[0].slice(1, b..b + 1);
                    match (0..SIZES.steps).rfind(there) {
                        Some(t) => ys.index_first(t),
                        None => ys.index_first(0) * 0.0,
                    }
                };
                by_hand.push(V::concat(&(0..SIZES.batch).map(of_sequence).collect::<Vec<_>>(), 0));
                by_hand
            }),
        );
        if inputs.len() > 1 && reach < SIZES.steps {
            let whole = run(layer, &inputs, |layer, x| in_windows(layer, x, [6, 6], &all));
            let differs = |(a, b): (&Tensor<f64>, &Tensor<f64>)| distance(a, b) > 1e-6;
            let pairs = cut.gradients.parameters.iter().zip(&whole.gradients.parameters);
            assert!(pairs.into_iter().any(differs), "nothing was cut");
        }
    }
}

#[track_caller]
fn assert_same(left: &Run, right: &Run) {
    assert_near(&left.values, &right.values, 1e-13);
    assert_near(&left.gradients.inputs, &right.gradients.inputs, 1e-11);
    assert_near(&left.gradients.parameters, &right.gradients.parameters, 1e-11);
}

/// Runs each sequence by itself, and each of its windows in a loop over the unmasked steps, with resets. A window
/// starts from the stopped state of the loop over all earlier steps.
fn in_windows<'t, L: Stepwise<f64>>(
    layer: &L,
    x: &[V<'t>],
    truncation: [usize; 2],
    (mask, resets): &(Tensor<f64>, Tensor<f64>),
) -> Vec<V<'t>> {
    let of_sequence = |b: usize| {
        let is = |mask: &Tensor<f64>, t: usize| mask.as_slice()[t * SIZES.batch + b] != 0.0;
        let xs = x[0].slice(1, b..b + 1);
        let first: Vec<_> = x[1..].iter().map(|leaf| leaf.slice(0, b..b + 1)).collect();
        loop_over_windows(&first, truncation, |t, mut leaves| {
            if is(mask, t) && is(resets, t) {
                leaves = layer.start(xs.tape(), 1).leaves();
            }
            let state = layer.start(xs.tape(), 1).with_leaves(&leaves);
            let (y, next) = layer.advance(xs.index_first(t), state);
            if is(mask, t) { (y, next.leaves()) } else { (y * 0.0, leaves) }
        })
    };
    let of_all: Vec<Vec<V<'t>>> = (0..SIZES.batch).map(of_sequence).collect();
    let together = |i: usize| {
        let parts: Vec<_> = of_all.iter().map(|outputs| outputs[i]).collect();
        V::concat(&parts, if i == 0 { 1 } else { 0 })
    };
    (0..x.len()).map(together).collect()
}

/// Returns the outputs of all steps and the last state of a loop in windows, from the function of a step.
fn loop_over_windows<'t>(
    first: &[V<'t>],
    [every, reach]: [usize; 2],
    step: impl Fn(usize, Vec<V<'t>>) -> (V<'t>, Vec<V<'t>>),
) -> Vec<V<'t>> {
    let walk = |from: usize, to: usize, mut state: Vec<V<'t>>| {
        let mut ys = Vec::new();
        for t in from..to {
            let (y, next) = step(t, state);
            ys.push(y);
            state = next;
        }
        (ys, state)
    };
    let (mut outputs, mut last) = (Vec::new(), Vec::new());
    for chunk in (0..SIZES.steps).step_by(every) {
        let end = SIZES.steps.min(chunk + every);
        let start = end.saturating_sub(reach);
        let before = match start {
            0 => first.to_vec(),
            _ => walk(0, start, first.to_vec()).1.into_iter().map(V::stop_gradient).collect(),
        };
        let (ys, after) = walk(start, end, before);
        outputs.extend_from_slice(&ys[chunk - start..]);
        last = after;
    }
    [vec![V::stack(&outputs, 0)], last].concat()
}

#[test]
fn windows_cut_the_whole_layer() {
    for_layers!(cut_as_a_loop);
}

/// For any windows, a truncated run has the noise of the whole run: the noise of each step, of each sequence and
/// between layers.
fn noise_of_the_whole<L: Stepwise<f64> + Module<f64>>(layer: &L, rng: &mut Random) {
    let tape = Tape::new();
    let xs = tape.constant(uniform([SIZES.steps, SIZES.batch, SIZES.input], rng));
    let seed = rng.clone();
    let whole = &mut bptt_layers::rng(seed.clone().next_u64());
    let resets = Tensor::bernoulli([SIZES.steps, SIZES.batch], 0.3, rng);
    let run = |way: Recurrence<'_, f64, L>| {
        let way = way.lengths(&[6, 4]).resets(&resets);
        way.run(xs, layer.start(&tape, SIZES.batch)).0.value()
    };
    let whole = run(Recurrence::new(layer).training(whole));
    for [every, reach] in [[1, 1], [1, 4], [2, 3], [4, 5]] {
        let draws = &mut seed.clone();
        let way = Recurrence::new(layer).training(draws);
        let cut = run(way.truncated(Truncation::new(every, reach)));
        assert_near(&[cut], std::slice::from_ref(&whole), 1e-13);
    }
}

#[test]
fn a_truncated_run_has_the_noise_of_the_whole() {
    for_layers!(noise_of_the_whole);
    let rng = &mut random(15);
    let lstm = random_cell::lstm(rng, SIZES);
    let [half, none] = [0.5, 0.0].map(Dropout::new);
    noise_of_the_whole(&RecurrentDropout::new(lstm.clone(), &[none, half]), rng);
    noise_of_the_whole(&VariationalDropout::new(lstm.clone(), half, &[half, none]), rng);
    noise_of_the_whole(&WeightDropout::new(lstm, half, &["w_hh"]), rng);
}

/// With noise, the gradient also equals that of a loop in windows with the same draws.
#[test]
fn windows_with_noise() {
    let rng = &mut random(16);
    let elman = |rng: &mut Random| Zoneout::new(random_cell::elman(rng, SIZES), &[0.4]);
    let model = Stack::new(vec![elman(rng), elman(rng)]).dropout(Dropout::new(0.5));
    let inputs = [[6, 2, 4].to_vec(), vec![2, 4], vec![2, 4]].map(|shape| uniform(shape, rng));
    let seed = rng.clone();
    let draws = &mut bptt_layers::rng(seed.clone().next_u64());
    let [kept, handed_up, kept_above] = [0.4, 0.5, 0.4]
        .map(|rate| Tensor::<f64>::bernoulli([SIZES.steps, SIZES.batch, 4], rate, draws));
    for truncation in [[1, 2], [2, 3], [3, 5]] {
        let [every, reach] = truncation;
        let cut = run(&model, &inputs, |model, x| {
            let draws = &mut seed.clone();
            let way = Recurrence::new(model).training(draws);
            let way = way.truncated(Truncation::new(every, reach));
            let (ys, last) = way.run(x[0], vec![x[1], x[2]]);
            [vec![ys], last].concat()
        });
        let by_hand = run(&model, &inputs, |model, x| {
            let [below, above] = model.layers() else { panic!("two") };
            let tape = x[0].tape();
            let entry = |mask: &Tensor<f64>, t: usize| tape.constant(mask.index_first(t));
            loop_over_windows(&x[1..], truncation, |t, state| {
                let (h, _) = below.cell.step(x[0].index_first(t), state[0]);
                let h = entry(&kept, t).select(state[0], h);
                let (o, _) = above.cell.step(h * entry(&handed_up, t) * 2.0, state[1]);
                let o = entry(&kept_above, t).select(state[1], o);
                (o, vec![h, o])
            })
        });
        assert_same(&cut, &by_hand);
    }
}

/// An output layer with feedback, in three lines, equals the loop over the equations.
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

/// A tuple runs like its parts, with their noise. As a cell it runs without noise.
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

/// A user's cell may consist of other cells, readouts included.
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
