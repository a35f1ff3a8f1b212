//! What is put around layers: directions, stacks, residuals, starts, noise.

use bptt_autodiff::Tree;
use bptt_gradcheck::model;
use bptt_layers::{
    Activation, Bidirectional, BoxedLayer, CarriedState, Dropout, Elman, Gru, Layer, LayerNorm,
    LearnedStart, Linear, Lstm, MemoryBlocks, Module, Recurrence, RecurrentDropout, Reset,
    Residual, Reversed, Stack, VariationalDropout, WeightDropout, Zoneout,
};
use bptt_tensor::Tensor;

use crate::support::{Random, V, in_a_row, last, random, run, sequence_and_state, shapes};

fn elman(rng: &mut Random) -> Elman<f64> {
    Elman::new(rng, 2, 2)
}

fn lstm(rng: &mut Random) -> Lstm<f64> {
    Lstm::new(rng, 2, 2)
}

#[derive(Clone, Copy)]
enum Mode {
    Evaluation,
    Training,
}

/// A layer with a state of so many variables: all its outputs, and the last.
fn check<L>(mode: Mode, variables: usize, make: impl Fn(&mut Random) -> L + Sync)
where
    L: Layer<f64> + Module<f64> + 'static,
{
    let ways: [Run<L>; 2] = [run, last];
    for way in ways {
        model(&make, |layer, _, x| {
            let rng = &mut random(7);
            let recurrence = match mode {
                Mode::Evaluation => Recurrence::new(layer),
                Mode::Training => Recurrence::new(layer).training(rng),
            };
            way(layer, recurrence, x)
        })
        .shapes(sequence_and_state(variables))
        .cases(5)
        .check();
    }
}

type Run<L> = for<'t> fn(&L, Recurrence<'_, f64, L>, &[V<'t>]) -> V<'t>;

#[test]
fn stacks_with_dropout_between() {
    check(Mode::Training, 2, |rng| {
        Stack::new(vec![elman(rng), elman(rng)]).dropout(Dropout::new(0.4))
    });
}

#[test]
fn tuples_with_noise_within() {
    check(Mode::Training, 3, |rng| {
        let stack = Stack::new(vec![elman(rng), elman(rng)]).dropout(Dropout::new(0.4));
        (Zoneout::new(elman(rng), &[0.5]), (stack, Linear::new(rng, 2, 3)))
    });
}

#[test]
fn a_readout_below_and_above() {
    check(Mode::Evaluation, 1, |rng| {
        (LayerNorm::new(2), (elman(rng), Linear::new(rng, 2, 1).bias(false)))
    });
}

#[test]
fn boxed_layers() {
    check(Mode::Training, 3, |rng| {
        let below = BoxedLayer::new(Zoneout::new(lstm(rng), &[0.3, 0.6]));
        Stack::new(vec![below, BoxedLayer::new(Gru::new(rng, 2, 2))]).dropout(Dropout::new(0.4))
    });
}

#[test]
fn both_directions() {
    check(Mode::Evaluation, 2, |rng| Bidirectional::new(elman(rng), elman(rng)));
}

#[test]
fn around_a_layer() {
    check(Mode::Evaluation, 1, |rng| Residual::new(elman(rng)));
}

#[test]
fn against_time() {
    check(Mode::Evaluation, 1, |rng| Reversed::new(elman(rng)));
}

#[test]
fn wrappers_of_wrappers() {
    let layer = |rng: &mut Random, input| {
        let ahead = Residual::new(Elman::new(rng, input, input));
        Bidirectional::new(ahead, Reversed::new(Gru::new(rng, input, 2).reset(Reset::Before)))
    };
    model(
        |rng| LearnedStart::new(Stack::new(vec![layer(rng, 2), layer(rng, 4)])),
        |layer, _, x| {
            let (ys, state) = layer.forward(x[0]);
            in_a_row(&[vec![ys], state.leaves()].concat())
        },
    )
    .shapes(sequence_and_state(0))
    .cases(3)
    .check();
}

/// The gradient of a run whose sequences start anew within it includes all of them.
#[test]
fn a_learned_start_of_pieces() {
    let resets = Tensor::from_vec([3, 2], vec![0.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    model(
        |rng| LearnedStart::new(Bidirectional::new(lstm(rng), elman(rng))),
        |layer, tape, x| {
            let way = Recurrence::new(layer).resets(&resets);
            let (ys, state) = way.run(x[0], layer.start(tape, 2));
            in_a_row(&[vec![ys], state.leaves()].concat())
        },
    )
    .inputs(shapes([3, 2], 0))
    .cases(4)
    .check();
}

/// A carried state is a constant on the tape that it is carried to.
#[test]
fn from_a_carried_state() {
    let state = || vec![Tensor::full([2, 2], 0.3), Tensor::full([2, 2], -0.8)];
    model(lstm, |lstm, _, x| CarriedState::from_values(state()).run(lstm, x[0]))
        .inputs(shapes([3, 2], 0))
        .cases(4)
        .check();
}

#[test]
fn zoneout_of_all_variables() {
    check(Mode::Training, 2, |rng| Zoneout::new(lstm(rng), &[0.3, 0.6]));
}

#[test]
fn zoneout_in_evaluation() {
    check(Mode::Evaluation, 2, |rng| Zoneout::new(lstm(rng), &[0.3, 0.6]));
}

/// An output that is no variable of the state is computed of what the cell computes, not of what is kept.
#[test]
fn zoneout_beside_an_output() {
    check(Mode::Training, 1, |rng| {
        Zoneout::new(elman(rng).output(rng, 3, Activation::Identity), &[0.5])
    });
    model(
        |rng| {
            let blocks = MemoryBlocks::new(rng, 2, 1, 2).output(Linear::new(rng, 2, 2));
            Zoneout::new(blocks, &[0.4, 0.4])
        },
        |layer, tape, x| {
            let rng = &mut random(7);
            let recurrence = Recurrence::new(layer).training(rng);
            let (ys, state) = recurrence.run(x[0], layer.start(tape, 2));
            in_a_row(&[vec![ys], state.leaves()].concat())
        },
    )
    .inputs(shapes([3, 2], 0))
    .cases(4)
    .check();
}

#[test]
fn variational_dropout() {
    let [some, none] = [0.4, 0.0].map(Dropout::new);
    check(Mode::Training, 2, |rng| VariationalDropout::new(lstm(rng), some, &[some, none]));
}

#[test]
fn variational_dropout_of_a_state_that_is_carried() {
    let some = Dropout::new(0.4);
    for reset in [Reset::After, Reset::Before] {
        check(Mode::Training, 1, |rng| {
            VariationalDropout::new(Gru::new(rng, 2, 2).reset(reset), some, &[some])
        });
    }
}

#[test]
fn recurrent_dropout() {
    let [some, none] = [0.4, 0.0].map(Dropout::new);
    check(Mode::Training, 2, |rng| RecurrentDropout::new(lstm(rng), &[none, some]));
    check(Mode::Training, 1, |rng| {
        RecurrentDropout::new(Gru::new(rng, 2, 2).reset(Reset::Before), &[some])
    });
}

#[test]
fn weight_dropout() {
    check(Mode::Training, 2, |rng| WeightDropout::new(lstm(rng), Dropout::new(0.4), &["w_hh"]));
    check(Mode::Training, 2, |rng| {
        let stack = Stack::new(vec![elman(rng), elman(rng)]).dropout(Dropout::new(0.4));
        WeightDropout::new(
            stack,
            Dropout::new(0.4),
            &["layers.0.w_ih", "layers.1.w_ih", "layers.1.w_hh"],
        )
    });
}

/// A readout and a function of it, above a cell.
#[test]
fn output_layers() {
    check(Mode::Evaluation, 1, |rng| {
        let readout = Linear::new(rng, 2, 3);
        (Gru::new(rng, 2, 2), (readout, Activation::Softmax))
    });
}
