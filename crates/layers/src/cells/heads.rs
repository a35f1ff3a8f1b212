//! Heads: the features of a head are an axis of their own.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

/// Returns the size of a head.
#[track_caller]
pub(super) fn head_size(hidden_size: usize, heads: usize) -> usize {
    assert!(
        heads > 0 && hidden_size.is_multiple_of(heads),
        "the hidden size is a multiple of the number of heads: {hidden_size} is not one of {heads}"
    );
    hidden_size / heads
}

/// Returns vectors `[B, H]` as rows of heads, `[B, E, 1, H/E]`.
pub(super) fn rows<T: Scalar>(x: Var<'_, T>, heads: usize) -> Var<'_, T> {
    let [batch, size] = x.shape()[..] else { unreachable!("[B, H]") };
    x.reshape([batch, heads, 1, size / heads])
}

/// Returns vectors `[B, H]` as columns of heads, `[B, E, H/E, 1]`.
pub(super) fn columns<T: Scalar>(x: Var<'_, T>, heads: usize) -> Var<'_, T> {
    let [batch, size] = x.shape()[..] else { unreachable!("[B, H]") };
    x.reshape([batch, heads, size / heads, 1])
}

/// Returns a state `[B, E·M·N]` as a matrix of each head, `[B, E, M, N]`.
pub(super) fn matrices<T: Scalar>(s: Var<'_, T>, [heads, rows, columns]: [usize; 3]) -> Var<'_, T> {
    s.reshape([s.shape()[0], heads, rows, columns])
}

/// Returns the values of all heads as a vector: `[B, ..]` as `[B, H]`.
pub(super) fn flat<T: Scalar>(x: Var<'_, T>) -> Var<'_, T> {
    let batch = x.shape()[0];
    let features = x.shape()[1..].iter().product();
    x.reshape([batch, features])
}

/// Returns rows of norm 1: `x / √(Σ x² + 1e-6)`.
pub(super) fn unit_rows<T: Scalar>(x: Var<'_, T>) -> Var<'_, T> {
    x / (x.square().sum_keep(&[-1]) + 1e-6).sqrt()
}

/// Returns vectors of several steps, `[C, B, H]`, as matrices of heads, `[B, E, C, H/E]`.
pub(super) fn steps<T: Scalar>(x: Var<'_, T>, heads: usize) -> Var<'_, T> {
    let [steps, batch, size] = x.shape()[..] else { unreachable!("[C, B, H]") };
    x.reshape([steps, batch, heads, size / heads]).permute(&[1, 2, 0, 3])
}

/// Returns the vectors `[C, B, H]` of all steps, from matrices of heads, `[B, E, C, H/E]`.
pub(super) fn of_steps<T: Scalar>(y: Var<'_, T>) -> Var<'_, T> {
    let [batch, heads, steps, size] = y.shape()[..] else { unreachable!("[B, E, C, H/E]") };
    y.permute(&[2, 0, 1, 3]).reshape([steps, batch, heads * size])
}

/// Returns the best number of steps of a chunk, for heads of this size. Within a chunk, a step costs as many products
/// as the chunk has steps, and the memory as many as its size; a chunk also has a cost of its own. The bounds are
/// measured (`docs/performance.md`).
pub(super) fn chunk_size(head_size: usize) -> usize {
    head_size.clamp(32, 64)
}

/// Returns matrices `[.., C, V]` with a column of ones behind the others.
pub(super) fn with_ones<T: Scalar>(v: Var<'_, T>) -> Var<'_, T> {
    let mut shape = v.shape().to_vec();
    shape[v.rank() - 1] = 1;
    Var::concat(&[v, v.tape().constant(Tensor::ones(shape))], -1)
}
