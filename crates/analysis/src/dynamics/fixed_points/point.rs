//! A fixed or slow point, and the linear dynamics around it.

use std::f64::consts::TAU;

use bptt_tensor::Tensor;
use nalgebra::Complex;

/// A point near which the state hardly changes: `F(x, s) ≈ s`.
///
/// Around it, the dynamics are those of its Jacobian `J = ∂F/∂s`: a deviation along an eigenvector is multiplied by its
/// eigenvalue `λ` at each step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FixedPoint {
    /// The state vector, `[S]`.
    pub state: Tensor<f64>,
    /// `q = ½ ‖F(x, s) − s‖²`
    pub q: f64,
    /// Whether `q` is within the tolerance of fixed points. Otherwise it is a slow point.
    pub is_fixed: bool,
    /// `J`, `[S, S]`. Entry `[i, j]` is the derivative of element `i` with respect to element `j` of the state before.
    pub jacobian: Tensor<f64>,
    /// The eigenvalues of `J`, the largest magnitude first.
    pub modes: Vec<Mode>,
}

impl FixedPoint {
    /// Returns the speed `‖F(x, s) − s‖ = √(2q)`, the distance that the state moves in one step.
    #[must_use]
    pub fn speed(&self) -> f64 {
        (2.0 * self.q).sqrt()
    }

    /// Returns the stability. Deviations grow along eigenvalues above `1 + tolerance` in magnitude, and decay along those
    /// below `1 − tolerance`.
    #[must_use]
    pub fn stability(&self, tolerance: f64) -> Stability {
        let grows = |mode: &&Mode| mode.eigenvalue.norm() > 1.0 + tolerance;
        let decays = |mode: &&Mode| mode.eigenvalue.norm() < 1.0 - tolerance;
        let growing = self.modes.iter().filter(grows).count();
        let decaying = self.modes.iter().filter(decays).count();
        match (growing, decaying) {
            (0, decaying) if decaying == self.modes.len() => Stability::Stable,
            (0, _) => Stability::Marginal,
            (_, 0) => Stability::Unstable,
            (growing, _) => Stability::Saddle { growing },
        }
    }
}

/// The stability of a fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stability {
    /// Every deviation decays: an attractor.
    Stable,
    /// No deviation grows, but some do not decay either, as along a line attractor.
    Marginal,
    /// Some deviations grow, and others decay.
    Saddle {
        /// The number of directions that grow.
        growing: usize,
    },
    /// No deviation decays.
    Unstable,
}

/// An eigenvalue `λ` of a Jacobian, and the motion along its eigenvector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// `λ`
    pub eigenvalue: Complex<f64>,
}

impl Mode {
    /// Returns the time constant `τ = −1 / ln |λ|`, in steps: the time in which a deviation shrinks to the share 1/e. It is
    /// infinite for `|λ| = 1`, negative where deviations grow, and 0 for `λ = 0`.
    #[must_use]
    pub fn time_constant(&self) -> f64 {
        match self.eigenvalue.norm() {
            1.0 => f64::INFINITY,
            magnitude => -magnitude.ln().recip(),
        }
    }

    /// Returns the frequency of the oscillation, `|arg λ| / 2π`, in cycles per step: 0 for positive `λ`, ½ for negative.
    #[must_use]
    pub fn frequency(&self) -> f64 {
        self.eigenvalue.arg().abs() / TAU
    }
}

/// The fixed and slow points that a search has found, the smallest `q` first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FixedPoints {
    pub(super) points: Vec<FixedPoint>,
    pub(super) starts: usize,
    pub(super) failed: usize,
}

impl FixedPoints {
    /// Returns the points, fixed and slow, the smallest `q` first.
    #[must_use]
    pub fn points(&self) -> &[FixedPoint] {
        &self.points
    }

    /// Returns the fixed points only.
    pub fn fixed(&self) -> impl Iterator<Item = &FixedPoint> {
        self.points.iter().filter(|point| point.is_fixed)
    }

    /// Returns the slow points only.
    pub fn slow(&self) -> impl Iterator<Item = &FixedPoint> {
        self.points.iter().filter(|point| !point.is_fixed)
    }

    /// Returns the number of starts of the search.
    #[must_use]
    pub fn starts(&self) -> usize {
        self.starts
    }

    /// Returns the number of starts that led to no fixed or slow point.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// Returns the states of all points, `[P, S]`.
    #[must_use]
    pub fn states(&self) -> Tensor<f64> {
        Tensor::stack(&self.points.iter().map(|point| &point.state).collect::<Vec<_>>(), 0)
    }
}
