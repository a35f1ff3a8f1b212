//! Cells whose state is linear, by chunks of steps.

use bptt_autodiff::Tape;
use bptt_layers::{Cell, ChunkwiseCell, DeltaNet, Rwkv7, State, StateSizes, Tree, unroll};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{
    Random, Sizes, TestCell, assert_near, for_all, random, random_cell, run, sizes, unrolled,
};

/// Chunks compute what the loop does: outputs, last states and gradients, from any state. The chunks are those that the
/// cell chooses, single steps, few, or longer than the sequence.
fn chunkwise_is_sequential<C: TestCell + ChunkwiseCell<f64>>(
    make: impl Fn(&mut Random, Sizes) -> C,
) {
    let chunk = select(vec![None, Some(1), Some(3), Some(64)]);
    for_all(24, (1..50_usize, sizes(), chunk, any::<u64>()), |(steps, sizes, chunk, seed)| {
        let rng = &mut random(seed);
        let sizes = Sizes { steps, ..sizes };
        let cell = make(rng, sizes);
        let mut inputs = sizes.inputs(&cell, rng);
        // normalizers are sums of positive numbers
        inputs[1..].iter_mut().for_each(|state| *state = state.abs());
        let chunks = run(&cell, &inputs, |cell, x| {
            let size = chunk.unwrap_or(cell.chunk_size());
            let (ys, state) = cell.chunks_of(size, x[0], C::State::from_leaves(&x[1..]));
            std::iter::once(ys).chain(state.leaves()).collect()
        });
        let sequential = run(&cell, &inputs, unrolled);
        assert_near(&chunks.values, &sequential.values, 1e-10);
        assert_near(&chunks.gradients.inputs, &sequential.gradients.inputs, 1e-8);
        assert_near(&chunks.gradients.parameters, &sequential.gradients.parameters, 1e-8);
    });
}

#[test]
fn linear_attention() {
    chunkwise_is_sequential(random_cell::linear_attention);
}

#[test]
fn m_lstm() {
    chunkwise_is_sequential(random_cell::m_lstm);
}

#[test]
fn delta_net() {
    chunkwise_is_sequential(random_cell::delta_net);
    chunkwise_is_sequential(random_cell::gated_delta_net);
}

#[test]
fn multi_head_selective_scan() {
    chunkwise_is_sequential(random_cell::multi_head_selective_scan);
}

#[test]
fn rwkv7() {
    chunkwise_is_sequential(random_cell::rwkv7);
}

/// Returns how far the outputs and the last state of one chunk are from those of the loop, by the largest difference.
fn distance_from_loop<T: Scalar, C>(cell: &C, xs: &Tensor<T>) -> f64
where
    C: ChunkwiseCell<T> + StateSizes,
{
    let tape = Tape::new();
    let xs = tape.constant(xs.clone());
    let start = || {
        let sizes = cell.state_sizes().into_iter();
        let zeros: Vec<_> =
            sizes.map(|size| tape.constant(Tensor::zeros([xs.shape()[1], size]))).collect();
        <C as Cell<T>>::State::from_leaves(&zeros)
    };
    let (ys, state) = cell.chunk(xs, start());
    let (expected, last) = unroll(cell, xs, start());
    let pairs = state.leaves().into_iter().zip(last.leaves()).chain([(ys, expected)]);
    let differences = pairs.map(|(left, right)| (left.value() - right.value()).abs());
    let all = differences.flat_map(|d| d.cast::<f64>().to_vec());
    // a NaN counts as the largest distance
    all.fold(0.0, |most: f64, d| if d <= most { most } else { d })
}

/// The corrections of equal keys depend on each other as much as they can.
#[test]
fn a_long_chunk_of_delta_net_with_equal_keys_is_exact() {
    let rng = &mut random(7);
    let mut cell = DeltaNet::<f64>::new(rng, 3, 4, 2);
    cell.w_i_beta.set(Tensor::full([3, 2], 3.0)); // β = σ(9)
    let xs = Tensor::ones([64, 1, 3]);
    assert!(distance_from_loop(&cell, &xs) < 1e-13);
}

/// The decays of a chunk are as low as they can be, in single precision.
#[test]
fn a_long_chunk_of_rwkv7_that_forgets_is_finite() {
    let rng = &mut random(8);
    let mut cell = Rwkv7::<f32>::new(rng, 3, 4, 2);
    let b = Tensor::from_fn([20], |at| if at / 4 == 1 { 30.0 } else { 0.0 });
    cell.b.set(b);
    let xs = Tensor::normal([64, 2, 3], 0.0, 1.0, rng);
    assert!(distance_from_loop(&cell, &xs) < 1e-5);
}

#[test]
#[should_panic(expected = "a chunk has at most 64 steps, not 65")]
fn a_chunk_of_rwkv7_has_a_limit() {
    let cell = Rwkv7::<f64>::new(&mut random(9), 2, 2, 1);
    let tape = Tape::new();
    let _ =
        cell.chunk(tape.constant(Tensor::zeros([65, 1, 2])), tape.constant(Tensor::zeros([1, 4])));
}
