//! Layers without recurrence, and recurrences without a loop.

use bptt_gradcheck::{Domain, domains, function, model};
use bptt_layers::{
    AdaptiveSoftmax, BatchNorm, ChunkwiseCell, Conv1d, Conv2d, DeltaNet, Dropout, Embedding,
    LayerNorm, Linear, LinearCell, MLstm, MinGru, MinLstm, MixtureOfSoftmaxes, OutputToHidden,
    Rwkv7, linear_recurrence,
};
use bptt_tensor::Shape;
use proptest::prelude::*;

use crate::support::{random, sequence_and_state};

#[test]
fn linear() {
    let leading = prop::collection::vec(0..=2_usize, 0..=2);
    let shapes = leading.prop_map(|leading| vec![Shape::from([&leading[..], &[3]].concat())]);
    model(|rng| Linear::new(rng, 3, 2), |linear, _, x| linear.forward(x[0]))
        .shapes(shapes)
        .domain(domains())
        .check();
    let without_bias = |rng: &mut _| Linear::new(rng, 3, 2).bias(false);
    model(without_bias, |linear, _, x| linear.forward(x[0])).inputs([[2, 3]]).check();
}

/// Where all features of a position are nearly equal, its normalisation turns from −1 to 1 within less than
/// differences resolve: no values that are tiny or all zero.
#[test]
fn layer_norm() {
    for domain in [Domain::Ordinary, Domain::Distinct, Domain::Saturated] {
        model(|_| LayerNorm::new(3), |layer, _, x| layer.forward(x[0]))
            .inputs([[2, 2, 3]])
            .domain(Just(domain))
            .cases(8)
            .check();
    }
}

/// In evaluation the running averages are constants.
#[test]
fn batch_norm() {
    let domain = || prop_oneof![Just(Domain::Ordinary), Just(Domain::Distinct)];
    model(|_| BatchNorm::new(2), |norm, _, x| norm.in_training(x[0], None).0)
        .inputs([[3, 2, 2]])
        .domain(domain())
        .check();
    let norm = BatchNorm::new(2);
    function(|x| norm.forward(x[0])).inputs([[3, 2, 2]]).check();
}

#[test]
fn conv1d() {
    let conv = |rng: &mut _| Conv1d::new(rng, 2, 2, 2).dilation(2).stride(2).same();
    model(conv, |conv, _, x| conv.forward(x[0])).inputs([[4, 2, 2]]).check();
}

/// The patches that it reads overlap, and are cut off at the border.
#[test]
fn conv2d() {
    let conv = |rng: &mut _| Conv2d::new(rng, 2, 2, [2, 3]).stride([2, 1]).padding([1, 2]);
    model(conv, |conv, _, x| conv.forward(x[0])).inputs([[2, 3, 2, 2]]).cases(8).check();
}

#[test]
fn pooling() {
    function(|x| x[0].reshape([2, 2, 2, 1, 2, 2]).max(&[2, 4])).inputs([[2, 4, 2, 2]]).check();
}

#[test]
fn embedding() {
    let symbols = [3, 0, 3, 3, 1, 0]; // one recurs, one is missing
    model(|rng| Embedding::new(rng, 5, 3), |table, tape, _| table.forward(tape, &symbols, [3, 2]))
        .domain(domains())
        .check();
}

#[test]
fn embedding_dropout() {
    let symbols = [3, 0, 3, 3, 1, 0];
    let dropout = Dropout::new(0.4);
    model(
        |rng| Embedding::new(rng, 5, 3),
        |table, tape, _| table.in_training(&mut random(1), tape, &symbols, [3, 2], &dropout),
    )
    .check();
}

/// The table is read twice: for the inputs and for the logits.
#[test]
fn tied_embedding() {
    let symbols = [3, 0, 3, 3, 1, 0];
    model(
        |rng| Embedding::new(rng, 5, 3),
        |table, tape, x| table.logits(table.forward(tape, &symbols, [3, 2]) + x[0]),
    )
    .inputs([[3, 2, 3]])
    .check();
}

#[test]
fn dropout() {
    function(|x| Dropout::new(0.4).apply(&mut random(1), x[0])).inputs([[4, 3]]).check();
    let locked = Dropout::new(0.4).locked();
    function(move |x| locked.apply(&mut random(1), x[0])).inputs([[4, 2, 3]]).check();
}

#[test]
fn linear_recurrences() {
    let shapes = (0..=9_usize, 0..=2_usize, 1..=2_usize).prop_map(|(steps, batch, units)| {
        let all = Shape::from([steps, batch, units]);
        vec![all.clone(), all, Shape::from([batch, units])]
    });
    function(|x| linear_recurrence(x[0], x[1], x[2])).shapes(shapes).domain(domains()).check();
}

#[test]
fn linear_cells_in_parallel() {
    model(|rng| MinGru::new(rng, 2, 2), |cell, _, x| cell.parallel(x[0], x[1]))
        .shapes(sequence_and_state(1))
        .check();
    model(|rng| MinLstm::new(rng, 2, 2), |cell, _, x| cell.parallel(x[0], x[1]))
        .shapes(sequence_and_state(1))
        .check();
}

#[test]
fn cells_in_chunks() {
    // inputs `[T, B, 2]` and the variables of a state, of 2 heads of 2 features
    let shapes = |sizes: &'static [usize]| {
        (1..=20_usize, 1..=2_usize).prop_map(move |(steps, batch)| {
            let state = sizes.iter().map(|&size| Shape::from([batch, size]));
            std::iter::once(Shape::from([steps, batch, 2])).chain(state).collect()
        })
    };
    model(
        |rng| MLstm::new(rng, 2, 4, 2),
        |cell, _, x| cell.chunks_of(8, x[0], (x[1], x[2], x[3])).0,
    )
    .shapes(shapes(&[8, 4, 2]))
    .check();
    model(|rng| DeltaNet::gated(rng, 2, 4, 2), |cell, _, x| cell.chunks_of(8, x[0], x[1]).0)
        .shapes(shapes(&[8]))
        .check();
}

#[test]
fn rwkv7_in_chunks() {
    let shapes = (1..=3_usize, 1..=2_usize)
        .prop_map(|(steps, batch)| vec![Shape::from([steps, batch, 2]), Shape::from([batch, 8])]);
    model(|rng| Rwkv7::new(rng, 2, 4, 2), |cell, _, x| cell.chunks_of(2, x[0], x[1]).0)
        .shapes(shapes)
        .check();
}

#[test]
fn mixture_of_softmaxes() {
    model(
        |rng| (MixtureOfSoftmaxes::new(rng, 3, 2, 3), Linear::new(rng, 2, 4)),
        |(mixture, output), _, x| mixture.forward(x[0], |z| output.forward(z)),
    )
    .inputs([[2, 2, 3]])
    .domain(domains())
    .check();
}

/// One cluster has targets, the other has none.
#[test]
fn adaptive_softmax() {
    let make = |rng: &mut _| AdaptiveSoftmax::new(rng, 4, 7, &[2, 4], 2);
    model(make, |softmax, _, x| softmax.log_probabilities(x[0])).inputs([[2, 2, 4]]).check();
    let targets = [5, 0, 6, 1];
    model(make, |softmax, _, x| softmax.loss(x[0], &targets).per_position())
        .inputs([[2, 2, 4]])
        .check();
}

/// Inputs, targets, and what the first step reads.
#[test]
fn teacher_forcing() {
    let shapes = (0..=3_usize, 0..=2_usize).prop_map(|(steps, batch)| {
        [[steps, batch, 3].into(), [steps, batch, 2].into(), [batch, 2].into()].to_vec()
    });
    model(
        |rng| OutputToHidden::new(rng, 3, 4, 2),
        |cell, _, x| cell.teacher_forced(x[0], x[1], x[2]),
    )
    .shapes(shapes)
    .check();
}
