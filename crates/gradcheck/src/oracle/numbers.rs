//! Vectors and matrices as lists of numbers.

use std::iter::zip;

use bptt_tensor::{Shape, Tensor};

pub(super) type Vector = Vec<f64>;

/// A matrix as a list of rows.
pub(super) type Matrix = Vec<Vector>;

/// The rows of a matrix.
pub(super) fn rows(tensor: &Tensor<f64>) -> Matrix {
    (0..tensor.shape()[0]).map(|i| tensor.index_first(i).to_vec()).collect()
}

pub(super) fn tensor(shape: &Shape, rows: &Matrix) -> Tensor<f64> {
    Tensor::from_vec(shape, rows.concat())
}

/// `a ← a + v M`
pub(super) fn add_times(to: &mut [f64], v: &[f64], m: &Matrix) {
    for (v, row) in zip(v, m) {
        zip(&mut *to, row).for_each(|(to, m)| *to += v * m);
    }
}

/// `v Mᵀ`
pub(super) fn times_transposed(v: &[f64], m: &Matrix) -> Vector {
    m.iter().map(|row| zip(v, row).map(|(v, m)| v * m).sum()).collect()
}

pub(super) fn add(to: &mut [f64], v: &[f64]) {
    zip(to, v).for_each(|(to, v)| *to += v);
}

/// `M ← M + aᵀ b`
pub(super) fn add_outer(m: &mut Matrix, a: &[f64], b: &[f64]) {
    zip(m, a).for_each(|(row, a)| zip(row, b).for_each(|(m, b)| *m += a * b));
}

/// Sequence `b` of a batch `[T, B, F]`.
pub(super) fn sequence(batch: &Tensor<f64>, b: usize) -> Matrix {
    (0..batch.shape()[0]).map(|t| batch.index_first(t).index_first(b).to_vec()).collect()
}

/// A batch `[T, B, F]` of sequences.
pub(super) fn batch(shape: &Shape, sequences: &[Matrix]) -> Tensor<f64> {
    let mut elements = Vec::new();
    for t in 0..shape[0] {
        sequences.iter().for_each(|sequence| elements.extend_from_slice(&sequence[t]));
    }
    Tensor::from_vec(shape, elements)
}
