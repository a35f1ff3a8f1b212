//! Boxed layers compute the same as their inner layers, bit for bit.

use std::fmt::Debug;

use bptt_autodiff::{Param, Tape, Tree};
use bptt_layers::{
    BoxedLayer, CarriedState, Dropout, EchoState, Layer, LearnedStart, Linear, Module, Recurrence,
    RecurrentDropout, Residual, Stack, Stepwise, Truncation, VariationalDropout, WeightDropout,
    Zoneout, stepper,
};
use bptt_tensor::Tensor;

use crate::support::{Random, Run, Sizes, parameter, random, random_cell, randomized, run};
use crate::wrappers::{inputs_of, recurrence_run};

const SIZES: Sizes = Sizes { steps: 6, batch: 2, input: 4, hidden: 4, output: 4 };

/// Returns a run with noise, a mask and resets.
fn noisy<'r, L: Layer<f64>>(layer: &'r L, rng: &'r mut Random) -> Recurrence<'r, f64, L> {
    let extents = [SIZES.steps, SIZES.batch];
    let [mask, resets] = [0.7, 0.3].map(|rate| Tensor::bernoulli(extents, rate, &mut random(7)));
    Recurrence::new(layer).masked(&mask).resets(&resets).training(rng)
}

/// Returns values and gradients of runs with every option: direction, mask, resets, noise, windows, steps.
fn computed<L: Stepwise<f64> + Module<f64>>(layer: &L) -> Vec<Tensor<f64>> {
    let inputs = inputs_of(layer, &mut random(5), SIZES);
    let runs = [
        run(layer, &inputs, |_, x| recurrence_run(layer, noisy(layer, &mut random(6)), x)),
        run(layer, &inputs, |_, x| {
            recurrence_run(layer, noisy(layer, &mut random(6)).reversed(), x)
        }),
        run(layer, &inputs, |_, x| {
            let rng = &mut random(6);
            let windows = noisy(layer, rng).truncated(Truncation::new(2, 3));
            recurrence_run(layer, windows, x)
        }),
        run(layer, &inputs, |_, x| {
            let state = layer.start(x[0].tape(), 1).with_leaves(&x[1..]);
            let (y, state) = noisy(layer, &mut random(6)).last(x[0], state);
            [vec![y], state.leaves()].concat()
        }),
        run(layer, &inputs, |_, x| {
            let (mut ys, mut state) = (vec![], layer.start(x[0].tape(), SIZES.batch));
            for t in 0..SIZES.steps {
                let (y, next) = layer.advance(x[0].index_first(t), state);
                ys.push(y);
                state = next;
            }
            [ys, state.leaves()].concat()
        }),
    ];
    let of_run = |run: Run| [run.values, run.gradients.inputs, run.gradients.parameters].concat();
    runs.into_iter().flat_map(of_run).collect()
}

fn assert_same<L>(layer: &L)
where
    L: Stepwise<f64> + Module<f64> + Clone + Debug + Send + Sync + 'static,
{
    let boxed = BoxedLayer::new(layer.clone());
    assert_eq!(computed(&boxed), computed(layer), "{layer:?}");
    assert_eq!(format!("{boxed:#?}"), format!("{layer:#?}"));
    let parameters = |module: &dyn Module<f64>| -> Vec<(String, Tensor<f64>)> {
        let own = |(name, param): (String, &Param<f64>)| (name, param.value().clone());
        module.parameters().into_iter().map(own).collect()
    };
    assert_eq!(parameters(&boxed), parameters(layer));
}

#[test]
fn a_boxed_layer_is_the_layer_within() {
    let rng = &mut random(11);
    let lstm = random_cell::lstm(rng, SIZES);
    let [some, none] = [0.4, 0.0].map(Dropout::new);
    assert_same(&lstm);
    assert_same(&random_cell::gru_above_lstm(rng, SIZES));
    assert_same(&randomized(Linear::new(rng, 4, 3), rng)); // without a state
    assert_same(&randomized(EchoState::new(rng, 4, 4), rng));
    assert_same(&randomized(LearnedStart::new(Residual::new(lstm.clone())), rng));
    assert_same(&Stack::new(vec![lstm.clone(), lstm.clone()]).dropout(some));
    assert_same(&Zoneout::new(lstm.clone(), &[0.2, 0.6]));
    assert_same(&VariationalDropout::new(lstm.clone(), some, &[some, none]));
    assert_same(&RecurrentDropout::new(lstm.clone(), &[none, some]));
    assert_same(&WeightDropout::new(lstm, some, &["w_hh"]));
}

/// Boxes of different kinds have one type. A stack of them, with a learned start, is the tuple of the inner layers.
#[test]
fn boxes_of_two_kinds() {
    let rng = &mut random(12);
    let (lstm, gru) = (random_cell::lstm(rng, SIZES), random_cell::gru_after(rng, SIZES));
    let tuple = (Residual::new(lstm.clone()), gru.clone());
    let boxes = Stack::new(vec![BoxedLayer::new(Residual::new(lstm)), BoxedLayer::new(gru)]);
    let tuple = randomized(LearnedStart::new(tuple), &mut random(13));
    let boxes = randomized(LearnedStart::new(boxes), &mut random(13));
    assert_eq!(computed(&boxes), computed(&tuple));
    assert_eq!(in_pieces(&boxes), in_pieces(&tuple));
}

/// Returns the outputs of a layer with a carried state, and those of a stepper that goes on from it.
fn in_pieces<L: Stepwise<f64>>(layer: &L) -> [Vec<f64>; 2] {
    let tape = Tape::new();
    let mut carried = CarriedState::new();
    let mut piece = || carried.run(layer, tape.constant(Tensor::ones([3, 2, 4]))).value();
    let _first = piece();
    let second = piece();
    let mut online = stepper(layer, [2, 4]);
    online.set_state(carried.values().expect("a state"));
    online.step(&[&[0.5; 8]]);
    [second.to_vec(), online.output(0).to_vec()]
}

/// Mutable visits reach the parameters of the inner layer.
#[test]
fn parameters_change_within_a_box() {
    let rng = &mut random(14);
    let mut boxed = BoxedLayer::new(random_cell::lstm(rng, SIZES));
    boxed.for_each_parameter_mut(|_, param| param.set(Tensor::ones(param.shape())));
    assert_eq!(parameter(&boxed, "w_hh"), Tensor::ones([4, 16]));
}
