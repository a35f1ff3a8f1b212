//! Invalid options.

use bptt_autodiff::Tape;
use bptt_layers::{
    Dropout, Gate, Gru, Init, Layer, LayerNorm, LayerNormGru, Lstm, Recurrence, RecurrentDropout,
    VariationalDropout, WeightDropout,
};

use super::{blames_the_caller, panic_of, zeros};
use crate::support::random;

#[test]
fn of_noise_without_an_effect() {
    let (rng, tape) = (&mut random(0), &Tape::new());
    let xs = zeros(tape, [6, 2, 3]);
    let [half, none] = [0.5, 0.0].map(Dropout::new);
    let lstm = Lstm::new(rng, 3, 4);
    let layer = VariationalDropout::new(&lstm, none, &[none, half]);
    let start = || layer.start(tape, 2);
    let message =
        "variational dropout: no product reads variable 1 of the state; give it a rate of 0";
    blames_the_caller(
        || Recurrence::new(&layer).training(&mut random(0)).run(xs, start()),
        message,
    );
    blames_the_caller(
        || Recurrence::new(&layer).training(&mut random(0)).last(xs, start()),
        message,
    );
    let layer = RecurrentDropout::new(&lstm, &[half, none]);
    let message = "recurrent dropout: no candidate is written into variable 0 of the state; give it a rate of 0";
    blames_the_caller(
        || Recurrence::new(&layer).training(&mut random(0)).run(xs, start()),
        message,
    );
    let message = "recurrent dropout: a state of 2 variables needs a rate for each, not 1";
    blames_the_caller(|| RecurrentDropout::new(&lstm, &[half]), message);
    let message = "weight dropout: the layer has no parameter `v`, but [\"w_ih\", \"w_hh\", \"b\"]";
    blames_the_caller(|| WeightDropout::new(lstm.clone(), half, &["v"]), message);
    let message =
        "substitute: a variable of shape [2, 3] cannot replace a parameter of shape [3, 16]";
    blames_the_caller(|| tape.substitute(&lstm.w_ih, xs.index_first(0)), message);
}

#[test]
fn of_starting_values() {
    let rng = &mut random(0);
    let message = "Xavier is a distribution of matrices [I, O], not of shape [3]";
    blames_the_caller(|| Init::Xavier.tensor::<f64>(rng, [3]), message);
    let init = Init::Orthogonal { gain: 1.0 };
    let message = "Orthogonal { gain: 1.0 } is a distribution of matrices [I, O], not of shape \
                   [2, 3, 4]";
    blames_the_caller(|| init.tensor::<f64>(rng, [2, 3, 4]), message);
    let (message, file, _) = panic_of(|| init.gates::<f64>(rng, 0, [2, 3]));
    assert!(file.ends_with("configuration.rs"), "{message}");

    let lstm = Lstm::<f64>::new(rng, 3, 4).bias(false);
    let message = "gate_bias: this cell has no biases of Forget";
    blames_the_caller(|| lstm.clone().forget_bias(1.0), message);
    blames_the_caller(|| lstm.clone().unit_biases(Gate::Forget, &[1.0]), message);
    let message =
        "gate_bias: this cell has no part Reset; its parts are [Input, Forget, Candidate, Output]";
    blames_the_caller(|| lstm.clone().gate_bias(Gate::Reset, 1.0), message);
    let gru = Gru::<f64>::new(rng, 3, 4);
    let message = "unit_biases: 4 units need a bias each, not 3";
    blames_the_caller(|| gru.clone().unit_biases(Gate::Reset, &[1.0, 2.0, 3.0]), message);
    let message = "Xavier is a distribution of matrices [I, O], not of shape [12]";
    blames_the_caller(|| gru.clone().bias_init(rng, Init::Xavier), message);
    let message = "an epsilon is positive and finite, not 0";
    blames_the_caller(|| LayerNorm::<f64>::new(3).epsilon(0.0), message);
    blames_the_caller(|| LayerNormGru::<f64>::new(rng, 3, 4).epsilon(0.0), message);
}
