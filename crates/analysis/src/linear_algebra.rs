//! Matrices: conversions from and to tensors, and decompositions that end after a bounded number of iterations.

use bptt_tensor::Tensor;
use nalgebra::{Complex, DMatrix, SVD, Schur};

/// The iterations per column after which a decomposition is given up. A matrix needs about two.
const ITERATIONS_PER_COLUMN: usize = 100;

/// Returns a tensor `[M, N]` as a matrix.
pub(crate) fn matrix(tensor: &Tensor<f64>) -> DMatrix<f64> {
    let (rows, columns) = (tensor.shape()[0], tensor.shape()[1]);
    DMatrix::from_row_slice(rows, columns, tensor.as_slice())
}

/// Returns a matrix as a tensor `[M, N]`.
pub(crate) fn tensor(matrix: &DMatrix<f64>) -> Tensor<f64> {
    let (rows, columns) = matrix.shape();
    Tensor::from_slice([rows, columns], matrix.transpose().as_slice())
}

/// Returns the eigenvalues of a square matrix, the largest magnitude first, and of a complex pair the one with positive
/// imaginary part first. `None` if they do not converge.
pub(crate) fn eigenvalues(tensor: &Tensor<f64>) -> Option<Vec<Complex<f64>>> {
    let matrix = matrix(tensor);
    let unit = unit_of(matrix.amax());
    let matrix = matrix / unit;
    let iterations = ITERATIONS_PER_COLUMN * matrix.nrows().max(1);
    let schur = |matrix| Schur::try_new(matrix, f64::EPSILON, iterations);
    // without exceptional shifts, the iteration stands still on some orthogonal matrices, such as a cyclic permutation:
    // a similar matrix has the same eigenvalues
    let schur = schur(matrix.clone()).or_else(|| schur(reflected(&matrix)))?;
    let mut eigenvalues: Vec<_> = schur.complex_eigenvalues().iter().map(|x| x * unit).collect();
    eigenvalues.sort_by(|a, b| {
        b.norm().total_cmp(&a.norm()).then(b.re.total_cmp(&a.re)).then(b.im.total_cmp(&a.im))
    });
    Some(eigenvalues)
}

/// Returns the power of two by which numbers up to this magnitude are divided, so that their squares neither overflow nor
/// vanish. The division is exact.
fn unit_of(largest: f64) -> f64 {
    let exponent = largest.to_bits() & f64::INFINITY.to_bits();
    f64::from_bits(exponent).max(f64::MIN_POSITIVE)
}

/// Returns `H A H` for a reflection `H` that mixes all coordinates.
fn reflected(matrix: &DMatrix<f64>) -> DMatrix<f64> {
    let size = matrix.nrows();
    let axis = DMatrix::from_fn(size, 1, |i, _| 1.0 + (i as f64).sin()).normalize();
    let reflection = DMatrix::identity(size, size) - &axis * axis.transpose() * 2.0;
    &reflection * matrix * &reflection
}

/// Returns the singular values of a matrix, the largest first. `None` if they do not converge, or an entry is not finite.
pub(crate) fn singular_values(tensor: &Tensor<f64>) -> Option<Vec<f64>> {
    if !tensor.is_finite() {
        return None;
    }
    let matrix = matrix(tensor);
    let iterations = ITERATIONS_PER_COLUMN * matrix.nrows().max(1);
    let svd = SVD::try_new(matrix, false, false, f64::EPSILON, iterations)?;
    Some(svd.singular_values.iter().copied().collect())
}

/// Returns the orthonormal factor `Q` of `A = Q R`, `[M, N]` with `M ≥ N`, and the magnitudes of the diagonal of `R`.
pub(crate) fn orthonormalized(a: &Tensor<f64>) -> (Tensor<f64>, Vec<f64>) {
    let mut a = matrix(a);
    let units: Vec<f64> = a.column_iter().map(|column| unit_of(column.amax())).collect();
    a.column_iter_mut().zip(&units).for_each(|(mut column, unit)| column /= *unit);
    let decomposition = a.qr();
    let (q, r) = (decomposition.q(), decomposition.unpack_r());
    (tensor(&q), r.diagonal().iter().zip(units).map(|(x, unit)| x.abs() * unit).collect())
}

/// Returns the solution `X` of `A X = B` for a symmetric positive definite `A`; `None` if it is not.
pub(crate) fn solve_positive_definite(a: &Tensor<f64>, b: &Tensor<f64>) -> Option<Tensor<f64>> {
    let factor = matrix(a).cholesky()?;
    Some(tensor(&factor.solve(&matrix(b))))
}

/// Returns the largest singular value, `‖A‖₂`; `None` as [`singular_values`].
pub(crate) fn spectral_norm(a: &Tensor<f64>) -> Option<f64> {
    singular_values(a)?.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_and_its_tensor_have_the_same_entries() {
        let entries = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        assert_eq!(matrix(&entries)[(1, 0)], 4.0);
        assert_eq!(tensor(&matrix(&entries)), entries);
    }

    #[test]
    fn eigenvalues_of_cyclic_permutations_are_roots_of_unity() {
        for size in 3..9 {
            let permutation =
                Tensor::from_fn([size, size], |i| f64::from((i / size + 1) % size == i % size));
            let eigenvalues = eigenvalues(&permutation).expect("eigenvalues");
            for value in &eigenvalues {
                assert!((value.powu(size as u32) - 1.0).norm() < 1e-13, "{value} of {size}");
            }
            let sum: Complex<f64> = eigenvalues.iter().sum();
            assert!(sum.norm() < 1e-13, "{sum}");
        }
    }

    /// Squares of the entries would overflow or underflow.
    #[test]
    fn decompositions_of_multiples_are_multiples() {
        let (sin, cos) = 1.0_f64.sin_cos();
        let rotation = Tensor::from([[cos, sin], [-sin, cos]]);
        for scale in [1e-300, 1e-200, 1.0, 1e200, 1e300] {
            let multiple = &rotation * scale;
            let eigenvalue = eigenvalues(&multiple).expect("eigenvalues")[0] / scale;
            assert!((eigenvalue - Complex::new(cos, sin)).norm() < 1e-15, "{eigenvalue}");
            let (q, stretches) = orthonormalized(&multiple);
            assert!((q.t_matmul(&q) - Tensor::eye(2)).iter().all(|x| x.abs() < 1e-15));
            assert!(stretches.iter().all(|stretch| (stretch / scale - 1.0).abs() < 1e-15));
        }
        assert_eq!(eigenvalues(&Tensor::zeros([2, 2])), Some(vec![Complex::ZERO; 2]));
    }

    #[test]
    fn singular_values_of_scaled_orthogonal_products_are_the_scales() {
        let mut rng = bptt_layers::rng(0);
        let mut orthogonal =
            || bptt_layers::Init::Orthogonal { gain: 1.0 }.tensor::<f64>(&mut rng, [4, 4]);
        let (u, v) = (orthogonal(), orthogonal());
        for scale in [1.0, 1e-200, 1e200] {
            let scales = [3.0, 2.0, 1.0, 1e-6].map(|value| value * scale);
            let a = (u.clone() * Tensor::from(scales)).matmul(&v);
            let values = singular_values(&a).expect("singular values");
            for (value, expected) in values.iter().zip(scales) {
                assert!((value - expected).abs() < 1e-14 * scale, "{value} is not {expected}");
            }
            assert_eq!(spectral_norm(&a), Some(values[0]));
        }
        assert_eq!(spectral_norm(&Tensor::zeros([3, 3])), Some(0.0));
        assert_eq!(spectral_norm(&Tensor::from([[1.0, f64::NAN], [0.0, 1.0]])), None);
    }
}
