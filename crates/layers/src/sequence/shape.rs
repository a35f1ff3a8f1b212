//! Shapes of sequences and states.

use bptt_autodiff::{Tree, Var};
use bptt_tensor::Scalar;

/// Returns the extents `[T, B, I]` of a sequence.
///
/// # Panics
///
/// If it does not have three axes.
#[track_caller]
#[inline(never)]
pub(crate) fn sequence_shape<T: Scalar>(xs: Var<'_, T>) -> [usize; 3] {
    let shape = xs.shape();
    let &[steps, batch, features] = &shape[..] else {
        panic!("a sequence is [T, B, I], not {shape}; reshape it");
    };
    [steps, batch, features]
}

/// Checks that a state has the batch of the inputs `[T, B, I]`. A state of another batch might broadcast silently. A
/// variable without axes is shared by the batch.
#[track_caller]
#[inline(never)]
pub(crate) fn assert_batch<'t, T: Scalar>(xs: Var<'t, T>, state: &impl Tree<'t, T>) {
    let [_, batch, _] = sequence_shape(xs);
    for (i, shape) in state.leaves().iter().map(|leaf| leaf.shape()).enumerate() {
        assert!(
            shape.first().is_none_or(|&extent| extent == batch),
            "`{}` is {shape}, for a batch of {}, but inputs {} are a batch of {batch}; start from a state of the \
             inputs' batch",
            state.paths("state")[i],
            shape[0],
            xs.shape()
        );
    }
}
