//! Memory capacity.

use bptt_layers::Stepwise;
use bptt_tensor::{Scalar, Tensor};

use super::{Dynamics, DynamicsError};
use crate::linear_algebra;

/// A computation of the memory capacity, with options. [`Dynamics::memory_capacity`] begins one.
#[derive(Debug)]
#[must_use = "nothing is computed until it is run"]
pub struct CapacityMeasurement<'d, 'l, T, L> {
    dynamics: &'d Dynamics<'l, T, L>,
    lags: usize,
    washout: usize,
    ridge: f64,
}

impl<'l, T: Scalar, L: Stepwise<T>> Dynamics<'l, T, L> {
    /// Begins a computation of the [`MemoryCapacity`] of a layer with one input: lags up to twice the dimension of the
    /// state, a washout of 100 steps, a ridge of 10⁻⁹.
    ///
    /// ```
    /// use bptt_analysis::dynamics::Dynamics;
    /// use bptt_layers::EchoState;
    /// use bptt_tensor::Tensor;
    ///
    /// let mut rng = bptt_layers::rng(0);
    /// let reservoir = EchoState::<f64>::new(&mut rng, 1, 20);
    /// let inputs = Tensor::uniform([2000], -0.1, 0.1, &mut rng);
    /// let capacity = Dynamics::new(&reservoir).memory_capacity().run(&inputs)?;
    /// assert!(capacity.total() < 20.0);
    /// assert!(capacity.by_lag()[1] > 0.99);
    /// # Ok::<(), bptt_analysis::dynamics::DynamicsError>(())
    /// ```
    pub fn memory_capacity(&self) -> CapacityMeasurement<'_, 'l, T, L> {
        let lags = 2 * self.state_size();
        CapacityMeasurement { dynamics: self, lags, washout: 100, ridge: 1e-9 }
    }
}

impl<T: Scalar, L: Stepwise<T>> CapacityMeasurement<'_, '_, T, L> {
    /// Sets the largest lag `K`.
    pub fn lags(self, lags: usize) -> Self {
        Self { lags, ..self }
    }

    /// Sets the number of steps at the beginning that are not used, in which the state forgets where it began.
    pub fn washout(self, steps: usize) -> Self {
        Self { washout: steps, ..self }
    }

    /// Sets the ridge `λ` of the regression, as a share of the mean variance of the state's elements. It limits the
    /// weights of the readouts.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    pub fn ridge(self, ridge: f64) -> Self {
        assert!(ridge >= 0.0 && ridge.is_finite(), "a ridge is at least 0, not {ridge}");
        Self { ridge, ..self }
    }

    /// Measures the capacity on inputs `u: [T]`, which must be independent of each other, such as
    /// [`Tensor::uniform`]. Readouts are fitted on the first half of the steps, and the correlations are those on the
    /// second.
    ///
    /// # Errors
    ///
    /// If there are too few steps for the readouts, a state is not finite, or the regression is singular.
    ///
    /// # Panics
    ///
    /// If `u` is not one sequence of numbers, or the layer has more than one input.
    #[track_caller]
    pub fn run(&self, u: &Tensor<T>) -> Result<MemoryCapacity, DynamicsError> {
        let &[steps] = &u.shape()[..] else {
            panic!("memory_capacity: the inputs are one sequence [T], not {}", u.shape());
        };
        let (size, first) = (self.dynamics.state_size(), self.washout.max(self.lags));
        let needed = first + 4 * (size + 1);
        if steps < needed {
            return Err(DynamicsError::TooShort { steps, needed });
        }
        let states = self.dynamics.states(&u.reshape([steps, 1, 1]))?;
        let states = states.cast::<f64>().reshape([steps, size]);
        let lags = self.lags + 1;
        let delayed = Tensor::from_fn([steps, lags], |i| match (i / lags).checked_sub(i % lags) {
            Some(t) => u.as_slice()[t].as_f64(),
            None => 0.0,
        });
        let half = usize::midpoint(first, steps);
        let part = |values: &Tensor<f64>, range| values.slice(0, range);
        let weights = self.readouts(&part(&states, first..half), &part(&delayed, first..half))?;
        let predicted = part(&states, half..steps).matmul(&weights);
        Ok(MemoryCapacity {
            by_lag: squared_correlations(&predicted, &part(&delayed, half..steps)),
        })
    }

    /// Returns the weights of ridge regression, `[S, K + 1]`: `W = (Xᵀ X + λ T σ² I)⁻¹ Xᵀ U`, with the deviations `X` of
    /// the states from their mean, and their mean variance `σ²`. Correlations do not depend on the constants `b_k`.
    fn readouts(
        &self,
        states: &Tensor<f64>,
        targets: &Tensor<f64>,
    ) -> Result<Tensor<f64>, DynamicsError> {
        let size = states.shape()[1];
        let x = states - states.mean_keep(&[0]);
        let mut gram = x.t_matmul(&x);
        let trace: f64 = gram.iter().step_by(size + 1).sum();
        if trace == 0.0 {
            return Ok(Tensor::zeros([size, targets.shape()[1]])); // states that do not change hold nothing
        }
        let ridge = self.ridge * trace / size as f64;
        gram.as_mut_slice().iter_mut().step_by(size + 1).for_each(|entry| *entry += ridge);
        linear_algebra::solve_positive_definite(&gram, &x.t_matmul(targets))
            .ok_or(DynamicsError::SingularRegression)
    }
}

/// The memory capacity of a layer: how well linear readouts of the state recover past inputs.
///
/// ```text
/// ŷ_k(t) = w_k · s_t + b_k       MC = Σ_{k=0}^{K} r²(u_{t−k}, ŷ_k(t))
/// ```
///
/// `r²` is the squared correlation of a readout with the input `k` steps before. Readouts are fitted by ridge regression.
/// In Jaeger (*Short term memory in echo state networks*, 2001), the sum begins with lag 1. For independent inputs, no state of dimension `S`
/// has a capacity above `S`. A delay line of `S` units reaches it. The standard error of an estimate from `T` steps is about
/// `2 S / √T`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryCapacity {
    by_lag: Vec<f64>,
}

impl MemoryCapacity {
    /// Returns `r²` of each lag, from 0 to `K`.
    #[must_use]
    pub fn by_lag(&self) -> &[f64] {
        &self.by_lag
    }

    /// Returns the capacity, the sum over all lags.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.by_lag.iter().sum()
    }
}

/// Returns the squared correlation of each column of `a` and `b`, `[T, K]`. It is 0 for a constant column.
fn squared_correlations(a: &Tensor<f64>, b: &Tensor<f64>) -> Vec<f64> {
    let (a, b) = (a - a.mean_keep(&[0]), b - b.mean_keep(&[0]));
    let covariances = (&a * &b).sum(&[0]);
    let scales = a.square().sum(&[0]) * b.square().sum(&[0]);
    let pairs = covariances.iter().zip(&scales);
    pairs
        .map(|(covariance, scale)| if *scale > 0.0 { covariance.powi(2) / scale } else { 0.0 })
        .collect()
}
