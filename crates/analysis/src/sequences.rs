//! Sequences `[T, B, F]`.

use bptt_tensor::{Scalar, Tensor};

/// Returns the extents `[T, B, F]` of sequences.
///
/// # Panics
///
/// If there are not three axes.
#[track_caller]
pub(crate) fn extents<T>(xs: &Tensor<T>) -> [usize; 3] {
    let &[steps, batch, features] = &xs.shape()[..] else {
        panic!("a sequence is [T, B, I], not {}; reshape it", xs.shape());
    };
    [steps, batch, features]
}

/// Returns one sequence `[T, F]` of a batch.
pub(crate) fn sequence<T: Scalar>(xs: &Tensor<T>, row: usize) -> Tensor<T> {
    let [steps, _, features] = extents(xs);
    xs.slice(1, row..row + 1).reshape([steps, features])
}
