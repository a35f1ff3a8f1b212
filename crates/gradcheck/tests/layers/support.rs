//! What the tests share.

use bptt_autodiff::{Tree, Var};
use bptt_gradcheck::Law;
use bptt_layers::{Layer, Recurrence};
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) type V<'t> = Var<'t, f64>;

pub(crate) type Random = bptt_layers::Xoshiro256PlusPlus;

/// The laws of products with Jacobians, which hold for a gradient that is cut off on purpose as well: it is a
/// linear map, but not the slope of the values.
pub(crate) const OF_PRODUCTS: [Law; 9] = [
    Law::Adjoint,
    Law::Linear,
    Law::Zero,
    Law::EachOutput,
    Law::RowsAreColumns,
    Law::GaussNewton,
    Law::Accumulated,
    Law::Repeatable,
    Law::Threads,
];

/// The same random numbers each time: noise that is drawn from them is part of the function.
pub(crate) fn random(seed: u64) -> Random {
    bptt_layers::rng(seed)
}

/// The elements of several variables in a row: a function has one output.
pub(crate) fn in_a_row<'t>(outputs: &[V<'t>]) -> V<'t> {
    let rows: Vec<_> = outputs.iter().map(|y| y.reshape([y.shape().elements()])).collect();
    Var::concat(&rows, 0)
}

/// Random [`shapes`], now and then of no steps or no sequences.
pub(crate) fn sequence_and_state(variables: usize) -> impl Strategy<Value = Vec<Shape>> {
    (select(vec![3, 3, 2, 1, 0]), select(vec![2, 1, 1, 0]))
        .prop_map(move |(steps, batch)| shapes([steps, batch], variables))
}

/// A sequence `[T, B, 2]` and a state of so many variables `[B, 2]`.
pub(crate) fn shapes([steps, batch]: [usize; 2], variables: usize) -> Vec<Shape> {
    let state = std::iter::repeat_n(Shape::from([batch, 2]), variables);
    std::iter::once(Shape::from([steps, batch, 2])).chain(state).collect()
}

/// The outputs and the last state of a layer over the sequence `x[0]`, from the state that the others are.
pub(crate) fn run<'t, L: Layer<f64>>(
    layer: &L,
    recurrence: Recurrence<'_, f64, L>,
    x: &[V<'t>],
) -> V<'t> {
    let state = layer.start(x[0].tape(), 1).with_leaves(&x[1..]);
    let (ys, last) = recurrence.run(x[0], state);
    in_a_row(&[vec![ys], last.leaves()].concat())
}

/// Likewise with the last output alone.
pub(crate) fn last<'t, L: Layer<f64>>(
    layer: &L,
    recurrence: Recurrence<'_, f64, L>,
    x: &[V<'t>],
) -> V<'t> {
    let state = layer.start(x[0].tape(), 1).with_leaves(&x[1..]);
    let (y, last) = recurrence.last(x[0], state);
    in_a_row(&[vec![y], last.leaves()].concat())
}

/// NaN where there is no input: what must not be read.
pub(crate) fn padded<'t>(xs: V<'t>, mask: &Tensor<f64>) -> V<'t> {
    let [steps, batch] = mask.shape()[..] else { panic!("[T, B]") };
    xs.tape().constant(mask.reshape([steps, batch, 1])).select(xs, f64::NAN)
}
