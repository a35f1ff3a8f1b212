//! Cells whose state is linear, several steps at once.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use crate::core::cell::Cell;

/// A cell with a matrix memory that is linear in the state, and can therefore make many steps at once.
///
/// The loop over time becomes one over *chunks* of steps. Within a chunk, the outputs are products of matrices: each
/// step attends to the steps before it, `[C, C]` for a chunk of `C` steps, and to the memory at the start of the chunk
/// (Hua et al. 2022; Yang et al. 2024). Outputs, states and gradients equal those of [`scan`](crate::scan) up to
/// rounding.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{ChunkwiseCell, DeltaNet, StateSizes, scan};
/// use bptt_tensor::Tensor;
///
/// let rng = &mut bptt_layers::rng(0);
/// let cell = DeltaNet::<f64>::new(rng, 3, 8, 2);
/// let tape = Tape::new();
/// let xs = tape.constant(Tensor::normal([100, 2, 3], 0.0, 1.0, rng));
/// let (ys, _state) = cell.chunkwise(xs, cell.zero_state(&tape, 2));
/// let (same, _state) = scan(&cell, xs, cell.zero_state(&tape, 2));
/// assert!((ys.value() - same.value()).abs().max(&[0, 1, 2]).item() < 1e-12);
/// ```
pub trait ChunkwiseCell<T: Scalar>: Cell<T> {
    /// Returns the number of steps that are best made at once. It depends on the sizes of the cell.
    #[must_use]
    fn chunk_size(&self) -> usize;

    /// Makes all steps of a chunk. Returns the outputs `[C, B, H]` and the state after them, from inputs `[C, B, I]`, at
    /// least one of them, and the state before.
    fn chunk<'t>(&self, xs: Var<'t, T>, state: Self::State<'t>) -> (Var<'t, T>, Self::State<'t>);

    /// Returns the outputs `[T, B, H]` and the last state, from inputs `[T, B, I]` and the initial state, by
    /// [chunks](Self::chunk) of [`chunk_size`](Self::chunk_size) steps.
    ///
    /// # Panics
    ///
    /// If there are no steps, or if the shapes do not agree.
    #[track_caller]
    #[must_use]
    fn chunkwise<'t>(
        &self,
        xs: Var<'t, T>,
        state: Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        self.chunks_of(self.chunk_size(), xs, state)
    }

    /// Returns what [`chunkwise`](Self::chunkwise) does, by chunks of this many steps.
    ///
    /// # Panics
    ///
    /// If `size` is 0 or more than the cell can make at once, if there are no steps, or if the shapes do not agree.
    #[track_caller]
    #[must_use]
    fn chunks_of<'t>(
        &self,
        size: usize,
        xs: Var<'t, T>,
        mut state: Self::State<'t>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let steps = xs.shape()[0];
        assert!(size > 0, "chunks_of: a chunk has at least one step");
        assert!(steps > 0, "chunkwise: a sequence has at least one step");
        let mut outputs = Vec::new();
        for start in (0..steps).step_by(size) {
            let (ys, next) = self.chunk(xs.slice(0, start..steps.min(start + size)), state);
            outputs.push(ys);
            state = next;
        }
        (Var::concat(&outputs, 0), state)
    }
}

/// How much of what is stored at each step is left at each later step of a chunk.
pub(crate) struct Weights<'t, T> {
    /// `[.., C, C]`: entry `[t, j]` is what is left at step `t` of what step `j ≤ t` stores.
    pub(crate) within: Var<'t, T>,
    /// `[.., C, 1]`: what is left of the memory at the start of the chunk.
    pub(crate) of_start: Var<'t, T>,
}

impl<'t, T: Scalar> Weights<'t, T> {
    /// Returns the weights of a memory that is multiplied by `exp(decays)` at each step, `[.., C, 1]`.
    pub(crate) fn of_decays(decays: Var<'t, T>) -> Self {
        let left = decays.cumsum(-2);
        Self { within: until_now(left - left.transpose(-1, -2)).exp(), of_start: left.exp() }
    }

    /// Returns `q_t S_t` for each step and the last `S`, where `S_t` has the weighted sum of `k_jᵀ v_j` and the
    /// memory `s` at the start.
    ///
    /// `q`, `k: [.., C, D]`, `v: [.., C, V]`, `s: [.., D, V]`.
    pub(crate) fn attend(
        &self,
        [q, k, v]: [Var<'t, T>; 3],
        s: Var<'t, T>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let of_steps = (q.matmul_t(k) * self.within).matmul(v);
        let y = q.matmul(s) * self.of_start + of_steps;
        let last = k.shape()[k.rank() - 2] - 1..k.shape()[k.rank() - 2];
        let until_end = self.within.slice(-2, last.clone()).transpose(-1, -2);
        (y, s * self.of_start.slice(-2, last) + (k * until_end).t_matmul(v))
    }
}

/// Returns logarithms `[.., C, C]` of weights. Those of later steps, above the diagonal, are so low that the weights
/// are 0.
pub(crate) fn until_now<T: Scalar>(logarithms: Var<'_, T>) -> Var<'_, T> {
    let past = triangle(logarithms, |t, j| j <= t);
    past.select(logarithms, f64::from(f32::MIN) / 2.0)
}

/// Returns a mask `[C, C]` of the entries that are kept, for weights `[.., C, C]`.
pub(crate) fn triangle<'t, T: Scalar>(
    weights: Var<'t, T>,
    is_kept: impl Fn(usize, usize) -> bool,
) -> Var<'t, T> {
    let steps = weights.shape()[weights.rank() - 1];
    let entry = |at: usize| if is_kept(at / steps, at % steps) { T::one() } else { T::zero() };
    weights.tape().constant(Tensor::from_fn([steps, steps], entry))
}
