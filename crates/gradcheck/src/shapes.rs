//! Random shapes and sequences.

use bptt_tensor::{Shape, Tensor};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::values::Domain;

/// The extent of an axis: 0 to 3, seldom 0.
pub fn extents() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![1 => Just(0), 3 => Just(1), 8 => 2..=3_usize]
}

/// A shape of up to four axes.
pub fn shapes() -> impl Strategy<Value = Shape> + Clone {
    vec(extents(), 0..=4).prop_map(Shape::from)
}

/// Shapes that broadcast to one shape. Each may lack leading axes, and have extent 1 in any other axis.
pub fn broadcastable(operands: usize) -> impl Strategy<Value = Vec<Shape>> + Clone {
    vec(extents(), 0..=4).prop_flat_map(move |full| {
        let rank = full.len();
        let operand = (0..=rank, vec(any::<bool>(), rank)).prop_map(move |(lacks, stretched)| {
            let axes = full.iter().zip(stretched).skip(lacks);
            axes.map(|(&extent, stretched)| if stretched { 1 } else { extent }).collect()
        });
        vec(operand, operands)
    })
}

/// A tensor of a random shape, with elements of a domain.
pub fn tensors(
    shapes: impl Strategy<Value = Shape> + Clone,
    domain: Domain,
) -> impl Strategy<Value = Tensor<f64>> + Clone {
    (shapes, any::<u64>().no_shrink())
        .prop_map(move |(shape, seed)| domain.draw(0, shape, &mut bptt_layers::rng(seed)))
}

/// A batch of sequences `[T, B, I]`, with zero to five steps and zero to three sequences.
pub fn sequences(domain: Domain) -> impl Strategy<Value = Tensor<f64>> + Clone {
    let shape = (0..=5_usize, 0..=3_usize, 1..=4_usize);
    tensors(shape.prop_map(|(steps, batch, input)| Shape::from([steps, batch, input])), domain)
}

/// The length of each sequence of a batch, from 0 to `steps`.
pub fn lengths(steps: usize, batch: usize) -> impl Strategy<Value = Vec<usize>> + Clone {
    vec(0..=steps, batch)
}

/// A random mask `[T, B]` of 0 and 1.
pub fn masks(steps: usize, batch: usize) -> impl Strategy<Value = Tensor<f64>> + Clone {
    let bits = vec(any::<bool>(), steps * batch);
    bits.prop_map(move |bits| Tensor::from_fn([steps, batch], |i| f64::from(u8::from(bits[i]))))
}
