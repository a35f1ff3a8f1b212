//! Jacobians of steps.

use std::ops::Range;

use bptt_tensor::Tensor;
use nalgebra::Complex;

use super::error::finite;
use super::{DynamicsError, JacobianChain};
use crate::linear_algebra;

/// Jacobians `J = ∂s_t/∂s_{t−1}` of `N` steps, `[N, S, S]`. Entry `[n, i, j]` is the derivative of element `i` of the new
/// state with respect to element `j` of the state before.
///
/// [`Dynamics::jacobians`](super::Dynamics::jacobians) computes those along a run, and
/// [`Dynamics::jacobians_at`](super::Dynamics::jacobians_at) those at any states. States are rows
/// and weights multiply them from the right, so the Jacobian of `h = φ(x W_ih + h₋ W_hh + b)` is `diag(φ′) W_hhᵀ`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Jacobians {
    matrices: Tensor<f64>,
}

impl Jacobians {
    /// From the matrices of consecutive steps, whose numbers begin with `first`.
    pub(super) fn new(first: usize, matrices: Tensor<f64>) -> Result<Self, DynamicsError> {
        Ok(Self { matrices: finite("the Jacobian of step", first, matrices)? })
    }

    /// Returns the matrices, `[N, S, S]`.
    #[must_use]
    pub fn matrices(&self) -> &Tensor<f64> {
        &self.matrices
    }

    /// Returns the number `N` of matrices.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.matrices.shape()[0]
    }

    /// Returns the singular values of each matrix, `[N, S]`, the largest first: the factors by which a step stretches the
    /// axes of a ball of states. The first is `‖J‖₂`.
    ///
    /// # Errors
    ///
    /// If those of a matrix do not converge.
    pub fn singular_values(&self) -> Result<Tensor<f64>, DynamicsError> {
        let values = self.each("singular values", linear_algebra::singular_values)?;
        Ok(Tensor::from_vec([self.steps(), self.matrices.shape()[2]], values.concat()))
    }

    /// Returns the eigenvalues of each matrix, the largest magnitude first.
    ///
    /// # Errors
    ///
    /// If those of a matrix do not converge.
    pub fn eigenvalues(&self) -> Result<Vec<Vec<Complex<f64>>>, DynamicsError> {
        self.each("eigenvalues", linear_algebra::eigenvalues)
    }

    /// Returns the spectral radius of each matrix, the largest magnitude of an eigenvalue.
    ///
    /// # Errors
    ///
    /// As [`eigenvalues`](Self::eigenvalues).
    pub fn spectral_radii(&self) -> Result<Vec<f64>, DynamicsError> {
        Ok(self.eigenvalues()?.iter().map(|values| values[0].norm()).collect())
    }

    /// Returns the norms of all products of consecutive matrices; see [`JacobianChain`].
    ///
    /// # Errors
    ///
    /// If a product overflows, or singular values do not converge.
    pub fn chain(&self) -> Result<JacobianChain, DynamicsError> {
        self.chain_of(0..self.matrices.shape()[2])
    }

    /// Returns the norms of a block of all products of consecutive matrices: from some elements of a state to the same
    /// elements of a later one, by all paths. The elements are those of a variable, such as `h` of an LSTM, as
    /// [`Dynamics::variables`](super::Dynamics::variables) returns them.
    ///
    /// # Errors
    ///
    /// As [`chain`](Self::chain).
    ///
    /// # Panics
    ///
    /// If there are no elements, or they are not within the state.
    #[track_caller]
    pub fn chain_of(&self, elements: Range<usize>) -> Result<JacobianChain, DynamicsError> {
        let size = self.matrices.shape()[2];
        assert!(
            elements.start < elements.end && elements.end <= size,
            "chain_of: elements {elements:?} are not within a state of dimension {size}"
        );
        JacobianChain::new(&self.matrices, elements)
    }

    fn each<R>(
        &self,
        values: &'static str,
        decompose: impl Fn(&Tensor<f64>) -> Option<R>,
    ) -> Result<Vec<R>, DynamicsError> {
        let decomposed = |index| {
            let values_of = decompose(&self.matrices.index_first(index));
            values_of.ok_or(DynamicsError::NoDecomposition { values, index })
        };
        (0..self.steps()).map(decomposed).collect()
    }
}
