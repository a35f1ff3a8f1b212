//! Numbers for the page.

use bptt::prelude::*;
use serde::Serialize;

/// The numbers of a tensor. Each is exactly that of the library; one that is not finite is `null` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Values {
    /// The shape.
    pub shape: Vec<usize>,
    /// The elements in row-major order.
    pub values: Vec<f64>,
}

impl Values {
    /// Takes the numbers of a tensor.
    pub(super) fn of(tensor: &Tensor<f32>) -> Self {
        Self { shape: tensor.shape().to_vec(), values: exact(tensor).collect() }
    }

    /// Takes the numbers of one sequence `[T, 1, ..]` as `[T, F]`.
    pub(super) fn of_sequence(tensor: &Tensor<f32>) -> Self {
        let steps = tensor.shape()[0];
        Self { shape: vec![steps, tensor.len() / steps], values: exact(tensor).collect() }
    }
}

/// Returns the elements of a tensor in double precision, which changes none.
pub(super) fn exact(tensor: &Tensor<f32>) -> impl Iterator<Item = f64> {
    tensor.iter().map(|&value| value.into())
}

/// Returns the Euclidean norm.
pub(super) fn norm(tensor: &Tensor<f32>) -> f64 {
    exact(tensor).map(|value| value * value).sum::<f64>().sqrt()
}
