//! The sparse approximation is its published definition.

use bptt_autodiff::{Gradients, Tape, Tree};
use bptt_layers::{
    Activation, Elman, Gru, IndRnn, LearnedStart, Linear, Lru, Lstm, MLstm, MinGru, Module,
    Stepwise, rng,
};
use bptt_tensor::Tensor;
use bptt_trainers::online::Snap1;

use super::by_hand::{Matrix, Step, product, vector_product};
use super::support::{assert_close, drawn, forward_in_time, inputs, through_time};

/// `Π ← M ⊙ (J Π + I)` with dense matrices, where `M` is the union of the entries of `I` that are not zero.
fn dense<L: Stepwise<f64> + Module<f64>>(layer: &L, xs: &Tensor<f64>) -> Gradients<f64> {
    let tape = Tape::new();
    let mut state = layer.start(&tape, 1).values();
    let size = state.iter().map(Tensor::len).sum();
    let mut influence: Matrix = vec![vec![0.0; layer.parameter_count()]; size];
    let mut pattern = vec![vec![false; layer.parameter_count()]; size];
    let mut sum = vec![0.0; layer.parameter_count()];
    for t in 0..xs.shape()[0] {
        let step = Step::new(layer, &xs.index_first(t), &state, t);
        let past = vector_product(&step.of_state, &influence);
        for (sum, (past, direct)) in sum.iter_mut().zip(past.iter().zip(&step.direct)) {
            *sum += past + direct;
        }
        influence = product(&step.jacobian, &influence);
        for (i, row) in influence.iter_mut().enumerate() {
            for (p, entry) in row.iter_mut().enumerate() {
                pattern[i][p] |= step.immediate[i][p] != 0.0;
                *entry = if pattern[i][p] { *entry + step.immediate[i][p] } else { 0.0 };
            }
        }
        state = step.next;
    }
    let (mut gradients, mut rest) = (Gradients::default(), &sum[..]);
    for (_, parameter) in layer.parameters() {
        let (own, after) = rest.split_at(parameter.value().len());
        gradients.insert(parameter, Tensor::from_slice(parameter.shape(), own));
        rest = after;
    }
    gradients
}

#[track_caller]
fn check_definition<L: Stepwise<f64> + Module<f64>>(layer: L) {
    let layer = drawn(layer, 3);
    let xs = inputs([7, 1, 2], 4);
    let (_, found) = forward_in_time(&mut Snap1::new(), &layer, &xs);
    assert_close(&layer, &found, &dense(&layer, &xs), 1e-12);
    // the comparison sees the pattern: without it the gradient is another
    let (_, exact) = through_time(&layer, &xs);
    let is_other = layer.parameters().into_iter().any(|(_, own)| {
        (&found[own] - &exact[own]).iter().any(|difference| difference.abs() > 1e-4)
    });
    assert!(is_other, "the approximation is exact here");
}

#[test]
fn it_is_the_definition() {
    let rng = &mut rng(0);
    check_definition(Elman::new(rng, 2, 3));
    check_definition(Gru::new(rng, 2, 3));
    check_definition(Lstm::new(rng, 2, 2));
    check_definition((Gru::new(rng, 2, 2), Linear::new(rng, 2, 2)));
    check_definition((Elman::new(rng, 2, 2), Elman::new(rng, 2, 2)));
    check_definition(Lru::new(rng, 2, 2)); // an input reaches the imaginary part in two steps
}

#[track_caller]
fn check_exact<L: Stepwise<f64> + Module<f64>>(layer: L) {
    let layer = drawn(layer, 5);
    for batch in [1, 3] {
        let xs = inputs([7, batch, 2], 6);
        let (_, expected) = through_time(&layer, &xs);
        let (_, found) = forward_in_time(&mut Snap1::new(), &layer, &xs);
        assert_close(&layer, &found, &expected, 1e-10);
    }
}

#[test]
fn it_is_exact_for_element_wise_recurrences() {
    let rng = &mut rng(0);
    check_exact(IndRnn::new(rng, 2, 3).activation(Activation::Tanh));
    check_exact((MinGru::new(rng, 2, 3), Linear::new(rng, 3, 2)));
    check_exact(MLstm::new(rng, 2, 2, 1)); // each parameter influences all that it ever does at once
    check_exact(LearnedStart::new(MinGru::new(rng, 2, 3)));
}
