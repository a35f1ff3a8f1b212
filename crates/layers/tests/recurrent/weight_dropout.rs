//! Weight dropout: a layer whose weights are dropped is a layer with the dropped weights.

use bptt_autodiff::{Recompute, Tape, Tree};
use bptt_layers::{Bidirectional, Dropout, Layer, Recurrence, Stack, WeightDropout};
use bptt_tensor::Tensor;

use crate::noise::training;
use crate::support::{
    Random, Sizes, TestCell, V, assert_near, distance, random, random_cell, run, uniform,
};
use crate::wrappers::{SIZES, assert_same, layer_run, recurrence_run};

/// Whether a parameter is not a divisor.
fn may_be_zero(name: &str) -> bool {
    !["period", "open_share"].contains(&name)
}

/// A layer with weight dropout equals a layer with the dropped weights, at every step. Its gradients are those of
/// that layer, with the same entries dropped.
fn drops_weights<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let parameters = cell.parameters();
    let names = parameters.iter().map(|(name, _)| name.as_str()).filter(|name| may_be_zero(name));
    let names: Vec<_> = names.collect();
    let layer = WeightDropout::new(cell.clone(), Dropout::new(0.5), &names);
    let seed = rng.clone();
    let noisy = run(&layer, &inputs, |layer, x| {
        let last = training(layer, &mut seed.clone())
            .last(x[0], layer.start(x[0].tape(), 1).with_leaves(&x[1..]))
            .0;
        let every = Recompute::Every(2);
        let mut ys = recurrence_run(layer, training(layer, &mut seed.clone()).recompute(every), x);
        ys.push(last);
        ys
    });

    let drawn = &mut seed.clone();
    let mut masks = Vec::new();
    let mut dropped = cell.clone();
    dropped.for_each_parameter_mut(|name, weight| {
        masks.push(match may_be_zero(name) {
            true => Tensor::bernoulli(weight.shape(), 0.5, drawn) * 2.0,
            false => Tensor::ones(weight.shape()),
        });
        weight.set(weight.value() * &masks[masks.len() - 1]);
    });
    let by_hand = run(&dropped, &inputs, |cell, x| {
        let last =
            Recurrence::new(cell).last(x[0], cell.start(x[0].tape(), 1).with_leaves(&x[1..])).0;
        [layer_run(cell, x), vec![last]].concat()
    });
    assert_near(&noisy.values, &by_hand.values, 1e-13);
    assert_near(&noisy.gradients.inputs, &by_hand.gradients.inputs, 1e-11);
    let of_weights: Vec<_> =
        by_hand.gradients.parameters.iter().zip(&masks).map(|(g, mask)| g * mask).collect();
    assert_near(&noisy.gradients.parameters, &of_weights, 1e-11);

    // in evaluation, and after the run, the weights are complete
    assert_same(&run(&layer, &inputs, layer_run), &run(&cell, &inputs, layer_run));
}

for_every_cell!(drops_weights, 3);

/// The weights of one layer of a stack, and of one direction.
#[test]
fn weights_deep_within_are_dropped() {
    let rng = &mut random(12);
    let mut both = |input| {
        let sizes = Sizes { input, ..SIZES };
        Bidirectional::new(random_cell::lstm(rng, sizes), random_cell::gru_after(rng, sizes))
    };
    let stack = Stack::new(vec![both(4), both(8)]);
    let tape = Tape::new();
    let xs = tape.constant(uniform([SIZES.steps, SIZES.batch, SIZES.input], rng));
    let (whole, _) = stack.forward(xs);
    // both directions of the upper layer read the lower; within the upper, the other direction does not read it
    for (name, reaches_backward) in
        [("layers.0.forward.w_hh", true), ("layers.1.forward.w_hh", false)]
    {
        let layer = WeightDropout::new(stack.clone(), Dropout::new(0.5), &[name]);
        let (dropped, _) = training(&layer, rng).run(xs, layer.start(&tape, SIZES.batch));
        let moved = |units: std::ops::Range<usize>| {
            let of = |ys: V<'_>| ys.value().slice(-1, units.clone());
            distance(&of(dropped), &of(whole))
        };
        assert!(moved(0..4) > 1e-3, "{name}");
        assert_eq!(moved(4..8) > 0.0, reaches_backward, "{name}");
    }
}
