//! Parameters of a new cell.

use bptt_autodiff::Param;
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

use crate::core::init::Init;

/// Returns a weight `[I, gates·H]`, each gate's part from [`Init::Xavier`].
pub(super) fn input_weight<T: Scalar>(
    rng: &mut impl Rng,
    gates: usize,
    [input_size, hidden_size]: [usize; 2],
) -> Param<T> {
    Param::new(Init::Xavier.gates(rng, gates, [input_size, hidden_size]))
}

/// Returns a weight `[H, gates·H]`, each gate's part orthogonal.
pub(super) fn recurrent_weight<T: Scalar>(
    rng: &mut impl Rng,
    gates: usize,
    [state_size, hidden_size]: [usize; 2],
) -> Param<T> {
    let orthogonal = Init::Orthogonal { gain: 1.0 };
    Param::new(orthogonal.gates(rng, gates, [state_size, hidden_size]))
}

pub(super) fn zeros<T: Scalar>(shape: impl Into<Shape>) -> Param<T> {
    Param::new(Tensor::zeros(shape))
}
