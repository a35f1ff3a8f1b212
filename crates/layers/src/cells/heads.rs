//! Heads: the features of a head are an axis of their own.

use bptt_autodiff::Var;
use bptt_tensor::Scalar;

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
