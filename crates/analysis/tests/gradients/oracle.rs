//! The gradients by lag from plain loops over the steps.

use bptt_autodiff::{Tape, Tree};
use bptt_layers::{Cell, Module, StateSizes, Stepwise};
use bptt_tensor::Tensor;

use crate::models::V;

/// The loss of step `t`, which differs from step to step.
pub(crate) fn loss_of_step<'t>(t: usize, y: V<'t>) -> V<'t> {
    (y * (y * 0.5 + 1.0 / (1.0 + t as f64))).sum_all()
}

/// The sum of the losses of all steps of `ys: [T, B, O]`.
pub(crate) fn loss<'t>(ys: V<'t>) -> V<'t> {
    let losses = (0..ys.shape()[0]).map(|t| loss_of_step(t, ys.index_first(t)));
    losses.reduce(|sum, loss| sum + loss).expect("there are steps")
}

/// The parts of the gradient of each parameter, by lag. Every step of a loop has its own copy of the parameters, and
/// each step's loss is differentiated by itself.
pub(crate) fn parts_by_lag<M: Stepwise<f64> + Module<f64>>(
    model: &M,
    xs: &Tensor<f64>,
) -> Vec<Vec<Tensor<f64>>> {
    let (steps, parameters) = (xs.shape()[0], model.parameters());
    let zeros: Vec<_> = parameters.iter().map(|(_, param)| Tensor::zeros(param.shape())).collect();
    let mut parts = vec![zeros; steps];
    let tape = Tape::new();
    let xs = tape.constant(xs.clone());
    let mut copies: Vec<Vec<V<'_>>> = vec![];
    let mut state = None;
    for t in 0..steps {
        let own: Vec<_> =
            parameters.iter().map(|(_, param)| tape.variable(param.value().clone())).collect();
        let pairs = parameters.iter().zip(&own);
        let _copies: Vec<_> = pairs.map(|((_, param), own)| tape.substitute(param, *own)).collect();
        copies.push(own);
        // the first step reads the start
        let before = state.unwrap_or_else(|| model.start(&tape, xs.shape()[1]));
        let (y, next) = model.advance(xs.index_first(t), before);
        state = Some(next);
        let gradients = tape.backward(loss_of_step(t, y));
        for (k, own) in copies.iter().enumerate() {
            for (part, copy) in parts[t - k].iter_mut().zip(own) {
                if let Some(gradient) = gradients.get_wrt(*copy) {
                    *part += gradient;
                }
            }
        }
    }
    parts
}

/// The gradient of the loss of step `t` with respect to each variable of the state after step `k`, by a loop that starts
/// from that state. An output that is a variable of the state belongs to it.
pub(crate) fn of_state<C: Cell<f64> + StateSizes>(
    cell: &C,
    xs: &Tensor<f64>,
    [t, k]: [usize; 2],
) -> Vec<Tensor<f64>> {
    let tape = Tape::new();
    let xs = tape.constant(xs.clone());
    let mut state = cell.zero_state(&tape, xs.shape()[1]);
    let mut output = None;
    for step in 0..=k {
        let (y, next) = cell.step(xs.index_first(step), state);
        output = next.leaves().iter().position(|leaf| y.is(*leaf));
        state = next;
    }
    let after: Vec<_> = state.leaves().iter().map(|leaf| tape.variable(leaf.value())).collect();
    let mut y = output.map(|leaf| after[leaf]);
    let mut state = state.with_leaves(&after);
    for step in k + 1..=t {
        let (computed, next) = cell.step(xs.index_first(step), state);
        (y, state) = (Some(computed), next);
    }
    let gradients = y.map(|y| tape.backward(loss_of_step(t, y)));
    let of = |leaf: &V<'_>| gradients.as_ref().and_then(|all| all.get_wrt(*leaf)).cloned();
    after.iter().map(|leaf| of(leaf).unwrap_or_else(|| Tensor::zeros(leaf.shape()))).collect()
}

/// The largest difference of two tensors, relative to the largest element of the second.
#[track_caller]
pub(crate) fn assert_near(found: &Tensor<f64>, expected: &Tensor<f64>, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape());
    let scale = expected.iter().fold(0.0, |scale: f64, y| scale.max(y.abs()));
    let pairs = found.iter().zip(expected);
    let distance = pairs.fold(0.0, |most: f64, (x, y)| most.max((x - y).abs()));
    let is_finite = found.iter().all(|x| x.is_finite());
    assert!(
        is_finite && distance <= tolerance * scale,
        "off by {distance:e}, largest {scale:e}: {found:?}, not {expected:?}"
    );
}
