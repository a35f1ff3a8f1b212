//! Pictures of dynamics.

use bptt_tensor::{Scalar, Tensor};

use super::gradients::numbered;
use crate::dynamics::{
    DynamicsError, FixedPoint, FixedPoints, JacobianChain, Jacobians, LyapunovSpectrum,
    MemoryCapacity, Saturation, Stability,
};
use crate::linear_algebra;
use crate::plot::{HeatMap, Lines, PhasePortrait, Picture, Spectrum};

impl JacobianChain {
    /// Draws the geometric mean of the norms at each lag on a logarithmic scale, with their bound as a dashed line.
    pub fn picture(&self) -> Picture {
        Lines::new("influence of a state on later ones", "lag t − k (steps)", "‖∂s_t/∂s_k‖₂")
            .log()
            .line("norm", numbered(self.norms_by_lag()))
            .dashed("bound", numbered(self.bounds_by_lag()))
            .picture()
    }

    /// Draws the norms of all pairs of steps, `[T, T]`, on a logarithmic scale.
    pub fn picture_by_step(&self) -> Picture {
        let title = "influence of each state on later ones";
        HeatMap::matrix(title, "state after step t", "state after step k", self.norms())
            .log()
            .quantity("‖∂s_t/∂s_k‖₂")
            .picture()
    }
}

impl Jacobians {
    /// Draws the eigenvalues of all matrices in the complex plane, with the unit circle.
    ///
    /// # Errors
    ///
    /// If those of a matrix do not converge.
    pub fn picture(&self) -> Result<Picture, DynamicsError> {
        let eigenvalues = self.eigenvalues()?.into_iter().flatten().map(|it| (it.re, it.im));
        let title = format!("eigenvalues of the Jacobians of {} steps", self.steps());
        Ok(Spectrum::new(&title, eigenvalues).picture())
    }
}

impl FixedPoint {
    /// Draws the eigenvalues of the Jacobian in the complex plane, with the unit circle.
    pub fn picture(&self) -> Picture {
        let kind = if self.is_fixed { "fixed" } else { "slow" };
        let eigenvalues = self.modes.iter().map(|it| (it.eigenvalue.re, it.eigenvalue.im));
        Spectrum::new(&format!("eigenvalues at a {kind} point"), eigenvalues).picture()
    }
}

/// The distance of an eigenvalue's magnitude from 1 within which deviations count as neither growing nor decaying.
const TOLERANCE: f64 = 1e-3;

impl FixedPoints {
    /// Draws the fixed points among the states `[T, B, S]` of a run, with a trajectory for each of its first seven
    /// sequences. Slow points are small dots.
    ///
    /// The axes of the plane are the elements of a state of one or two, and the first two principal components of a larger
    /// one. Deviations along an eigenvalue whose magnitude is within 0.001 of 1 count as neither growing nor decaying.
    ///
    /// # Panics
    ///
    /// If the states are not `[T, B, S]` with the size of the points.
    #[track_caller]
    pub fn picture<T: Scalar>(&self, states: &Tensor<T>) -> Picture {
        const MOST: usize = 7;
        let shape = states.shape();
        let size = self.points().first().map_or(0, |point| point.state.len());
        assert!(
            shape.len() == 3 && (size == 0 || shape[2] == size),
            "fixed points: states {shape} and points of {size} elements; give states [T, B, {size}]"
        );
        let states = states.cast::<f64>();
        let plane = Plane::of(&states.reshape([shape[0] * shape[1], shape[2]]));
        let [x, y] = plane.names();
        let mut portrait = PhasePortrait::new("fixed points and trajectories", &x, &y);
        for sequence in 0..shape[1].min(MOST) {
            let states = states.slice(1, sequence..sequence + 1);
            let trajectory = (0..shape[0]).map(|step| plane.point(&states.index_first(step)));
            portrait = portrait.trajectory(&format!("sequence {sequence}"), trajectory);
        }
        let of = |wanted: fn(Stability) -> bool| {
            let points = self.fixed().filter(move |point| wanted(point.stability(TOLERANCE)));
            points.map(|point| plane.point(&point.state)).collect::<Vec<_>>()
        };
        let slow: Vec<_> = self.slow().map(|point| plane.point(&point.state)).collect();
        if !slow.is_empty() {
            portrait = portrait.cloud("slow point", slow);
        }
        portrait
            .stable(of(|it| it == Stability::Stable))
            .marginal(of(|it| it == Stability::Marginal))
            .saddles(of(|it| matches!(it, Stability::Saddle { .. })))
            .unstable(of(|it| it == Stability::Unstable))
            .picture()
    }
}

/// A plane in the space of states.
struct Plane {
    mean: Tensor<f64>,
    /// Its axes, `[S, 2]`.
    axes: Tensor<f64>,
    /// The part of the variance along each axis.
    shares: [f64; 2],
}

impl Plane {
    /// Creates the plane of the first two principal components of states `[N, S]`, or the first two axes of space.
    fn of(states: &Tensor<f64>) -> Self {
        const ITERATIONS: usize = 200; // subspace iteration: all but equal components are told apart
        let size = states.shape()[1];
        let mut axes = Tensor::from_fn([size, 2], |i| f64::from(i / 2 == i % 2));
        if size <= 2 || states.is_empty() {
            return Self { mean: Tensor::zeros([size]), axes, shares: [f64::NAN; 2] };
        }
        let mean = states.mean(&[0]).reshape([size]);
        let deviations = states - &mean;
        let covariance = deviations.t_matmul(&deviations);
        let variance: f64 = covariance.iter().step_by(size + 1).sum();
        let mut values = Vec::new();
        axes = Tensor::from_fn([size, 2], |i| (1.0 + i as f64).sin());
        for _ in 0..ITERATIONS {
            (axes, values) = linear_algebra::orthonormalized(&covariance.matmul(&axes));
        }
        Self { mean, axes, shares: [values[0] / variance, values[1] / variance] }
    }

    fn names(&self) -> [String; 2] {
        [0, 1].map(|axis| match self.shares[axis] {
            _ if axis >= self.mean.len() => String::new(), // all states lie on a line
            share if share.is_nan() => format!("state element {axis}"),
            share => {
                format!("principal component {} ({:.0} % of variance)", axis + 1, 100.0 * share)
            }
        })
    }

    fn point(&self, state: &Tensor<f64>) -> (f64, f64) {
        let deviation = state.reshape([1, self.mean.len()]) - &self.mean;
        let point = deviation.matmul(&self.axes);
        (point[[0, 0]], point[[0, 1]])
    }
}

impl LyapunovSpectrum {
    /// Draws the exponents, the largest first, with a dashed line between chaos and stability.
    pub fn picture(&self) -> Picture {
        let exponents = || (1_u32..).map(f64::from).zip(self.exponents().iter().copied());
        let after = self.exponents().len() as f64 + 1.0;
        Lines::new("Lyapunov spectrum", "index i", "λᵢ (nats per step)")
            .dashed("0: chaos above", [(0.0, 0.0), (after, 0.0)])
            .dots("exponent", exponents())
            .picture()
    }
}

impl Saturation {
    /// Draws each unit as a dot: the shares of its values that are left-saturated and right-saturated, as in the figures of
    /// Karpathy, Johnson and Fei-Fei (2015).
    pub fn picture(&self) -> Picture {
        let [left, right] = [self.thresholds().left, self.thresholds().right];
        let share = |side: &str, threshold: f64| format!("share of values {side} {threshold}");
        let units = self.left().iter().copied().zip(self.right().iter().copied());
        Lines::new("saturation of units", &share("below", left), &share("above", right))
            .dots("unit", units)
            .dashed("always saturated", [(0.0, 1.0), (1.0, 0.0)])
            .picture()
    }
}

impl MemoryCapacity {
    /// Draws how well the input of each lag can be recovered.
    pub fn picture(&self) -> Picture {
        let title = format!("memory capacity {:.1}", self.total());
        let by_lag = numbered(self.by_lag().iter().copied());
        Lines::new(&title, "lag k (steps)", "r² of the input k steps before")
            .line("", by_lag)
            .picture()
    }
}
