//! Cells, run over a sequence.

use bptt_autodiff::{Operand, Scan, Var};
use bptt_tensor::{Scalar, Shape, Tensor};

use crate::way::sequence_shape;
use crate::{Cell, State, Way};

/// The outputs and the last state.
#[track_caller]
pub(crate) fn run<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    way: Way<'_, T>,
) -> (Var<'t, T>, C::State<'t>) {
    let scanned = prepared(xs, &state.leaves(), way).run(|x, state| {
        let (y, next) = step(cell, x, state);
        (vec![y], next)
    });
    (scanned.outputs[0], State::from_leaves(&scanned.state))
}

/// The last output and the last state. The output is carried along with the state rather than kept at
/// every step; for its shape, the equations are recorded twice.
#[track_caller]
pub(crate) fn last<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    way: Way<'_, T>,
) -> (Var<'t, T>, C::State<'t>) {
    let mut state = state.leaves();
    let shapes = prepared(xs, &state, way).output_shapes(|x, state| {
        let (y, next) = step(cell, x, state);
        (vec![y], next)
    });
    // the output is part of the state, which stays where there is no input
    state.push(xs.tape().constant(Tensor::zeros(&shapes[0])));
    let mut scanned = prepared(xs, &state, way).run(|x, state| {
        let (&before, state) = state.split_last().expect("the output was added");
        let (y, mut next) = step(cell, x, state);
        next.push(match x {
            &[_, mask] => choose(mask, y, before),
            _ => y,
        });
        (vec![], next)
    });
    let last = scanned.state.pop().expect("the output was added");
    (last, State::from_leaves(&scanned.state))
}

/// How [`run`] would run the cell, as text.
#[track_caller]
pub(crate) fn plan<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    xs: Var<'t, T>,
    state: C::State<'t>,
    way: Way<'_, T>,
) -> String {
    prepared(xs, &state.leaves(), way).plan(|x, state| {
        let (y, next) = step(cell, x, state);
        (vec![y], next)
    })
}

/// One step, from an input and, behind it, its mask.
#[track_caller]
fn step<'t, T: Scalar, C: Cell<T>>(
    cell: &C,
    x: &[Var<'t, T>],
    state: &[Var<'t, T>],
) -> (Var<'t, T>, Vec<Var<'t, T>>) {
    let run = |x| {
        let (y, next) = cell.step(x, C::State::from_leaves(state));
        (y, next.leaves())
    };
    let &[x, mask] = x else { return run(x[0]) };
    // chosen before the step as well: a NaN would pass through a product with zeros
    let (y, next) = run(mask.select(x, 0.0));
    let next = next.iter().zip(state).map(|(&next, &state)| choose(mask, next, state)).collect();
    (choose(mask, y, 0.0), next)
}

/// Of a mask `[B, 1]` and values `[B, ..]`: `there` for the sequences that have a step, `else_` for the others.
#[track_caller]
fn choose<'t, T: Scalar>(
    mask: Var<'t, T>,
    there: Var<'t, T>,
    else_: impl Operand<'t, T>,
) -> Var<'t, T> {
    let (batch, axes) = (mask.shape()[0], there.shape().len());
    // axes are counted from the last, but the batch is the first
    let mask = match axes {
        2 => mask,
        _ => {
            mask.reshape((0..axes).map(|axis| if axis == 0 { batch } else { 1 }).collect::<Shape>())
        }
    };
    mask.select(there, else_)
}

/// Checks that a state is one of the batch of inputs `[T, B, I]`: that would else broadcast. A variable without
/// axes is shared by the batch.
#[track_caller]
pub(crate) fn assert_batch<T: Scalar>(xs: Var<'_, T>, state: &[Var<'_, T>]) {
    let [_, batch, _] = sequence_shape(xs);
    for (i, shape) in state.iter().map(|leaf| leaf.shape()).enumerate() {
        assert!(
            shape.first().is_none_or(|&extent| extent == batch),
            "variable {i} of the state is {shape}, for a batch of {}, but inputs {} are a batch of {batch}; start \
             from a state of the inputs' batch",
            shape[0],
            xs.shape()
        );
    }
}

/// The scan of a step on the inputs and, behind them, their mask.
#[track_caller]
fn prepared<'t, T: Scalar>(xs: Var<'t, T>, state: &[Var<'t, T>], way: Way<'_, T>) -> Scan<'t, T> {
    assert_batch(xs, state);
    let mut sequences = vec![xs];
    if let Some(mask) = way.mask {
        assert!(
            state.iter().all(|leaf| !leaf.shape().is_empty()),
            "a state without axes is shared by the batch, so it cannot stay for some sequences alone; make it \
             [B, 1], or use no mask and no lengths"
        );
        sequences.push(xs.tape().constant(mask.of(xs)));
    }
    let mut scan = xs.tape().scan(&sequences, state);
    if way.reversed {
        scan = scan.reversed();
    }
    match way.checkpoint {
        Some(checkpoint) => scan.checkpoint(checkpoint),
        None => scan,
    }
}
