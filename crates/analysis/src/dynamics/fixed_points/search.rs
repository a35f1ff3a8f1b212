//! The search for fixed and slow points.

use bptt_layers::Stepwise;
use bptt_tensor::{Scalar, Tensor};
use nalgebra::Complex;

use super::minimize::{descend, polish};
use super::{FixedPoint, FixedPoints, Mode};
use crate::dynamics::{Dynamics, DynamicsError};

/// A search for the fixed and slow points of a layer, with options. [`Dynamics::fixed_points`] begins one.
#[derive(Debug)]
#[must_use = "nothing is computed until starts are given"]
pub struct FixedPointSearch<'d, 'l, T, L> {
    dynamics: &'d Dynamics<'l, T, L>,
    input: Tensor<T>,
    tolerance: f64,
    slow_tolerance: f64,
    distance: f64,
    descent_steps: usize,
    learning_rate: f64,
    polish_steps: usize,
}

impl<'l, T: Scalar, L: Stepwise<T>> Dynamics<'l, T, L> {
    /// Begins a search for fixed and slow points under a constant input `x: [I]`.
    ///
    /// ```text
    /// q(s) = ½ ‖F(x, s) − s‖²       fixed: q ≈ 0       slow: q small
    /// ```
    ///
    /// From many starts, `q` is minimized by Adam with a learning rate that decays, and then by damped Gauss–Newton steps
    /// (Levenberg 1944, Marquardt 1963). The points where a network rests, and the linear dynamics around them, often
    /// explain what it computes (Sussillo and Barak, *Opening the black box: low-dimensional dynamics in
    /// high-dimensional recurrent neural networks*, 2013).
    ///
    /// A layer with gates may also have slow points far outside of the states that it visits, where its gates are shut. They
    /// say nothing about what it computes.
    ///
    /// ```
    /// use bptt_analysis::dynamics::{Dynamics, Stability};
    /// use bptt_layers::Elman;
    /// use bptt_tensor::Tensor;
    ///
    /// let mut rng = bptt_layers::rng(0);
    /// let mut flip_flop = Elman::<f64>::new(&mut rng, 1, 1);
    /// flip_flop.w_hh.set(Tensor::from([[2.0]])); // h = tanh(2 h₋ + w x)
    /// let dynamics = Dynamics::new(&flip_flop);
    /// let starts = Tensor::uniform([20, 1], -1.0, 1.0, &mut rng);
    /// let found = dynamics.fixed_points(&Tensor::zeros([1])).run(&starts)?;
    /// assert_eq!(found.points().len(), 3); // 0 and both values of h = tanh(2 h)
    /// let stable = found.fixed().filter(|point| point.stability(1e-6) == Stability::Stable);
    /// assert_eq!(stable.count(), 2);
    /// # Ok::<(), bptt_analysis::dynamics::DynamicsError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the input is no vector.
    #[track_caller]
    pub fn fixed_points(&self, x: &Tensor<T>) -> FixedPointSearch<'_, 'l, T, L> {
        assert!(x.rank() == 1, "fixed_points: the input is a vector [I], not {}", x.shape());
        let epsilon = T::epsilon().as_f64();
        FixedPointSearch {
            dynamics: self,
            input: x.clone(),
            tolerance: (100.0 * epsilon).powi(2),
            slow_tolerance: 1e-6,
            distance: 1e-3,
            descent_steps: 500,
            learning_rate: 0.05,
            polish_steps: 50,
        }
    }
}

impl<T: Scalar, L: Stepwise<T>> FixedPointSearch<'_, '_, T, L> {
    /// Sets the largest `q` of a fixed point. By default it is `(100 ε)²` with the precision `ε` of the layer's numbers.
    pub fn tolerance(self, q: f64) -> Self {
        Self { tolerance: q, ..self }
    }

    /// Sets the largest `q` of a slow point, by default 10⁻⁶.
    pub fn slow_tolerance(self, q: f64) -> Self {
        Self { slow_tolerance: q, ..self }
    }

    /// Sets the distance within which two points count as one, by default 10⁻³.
    pub fn distance(self, distance: f64) -> Self {
        Self { distance, ..self }
    }

    /// Sets the number of Adam's steps and the first learning rate, which decays to a thousandth; by default 500 and 0.05.
    ///
    /// # Panics
    ///
    /// If the learning rate is negative or not finite.
    #[track_caller]
    pub fn descent(self, steps: usize, learning_rate: f64) -> Self {
        assert!(
            learning_rate >= 0.0 && learning_rate.is_finite(),
            "a learning rate is at least 0, not {learning_rate}"
        );
        Self { descent_steps: steps, learning_rate, ..self }
    }

    /// Sets the largest number of Gauss–Newton steps, by default 50. With 0, points stay where Adam leaves them.
    pub fn polish(self, steps: usize) -> Self {
        Self { polish_steps: steps, ..self }
    }

    /// Searches from `starts: [N, S]`, usually those of [`Dynamics::visited`]: states of a run, with noise.
    ///
    /// # Errors
    ///
    /// If no start leads to a fixed or slow point, or the eigenvalues at one do not converge.
    ///
    /// # Panics
    ///
    /// If the starts are no states of the layer, or the input does not fit.
    #[track_caller]
    pub fn run(&self, starts: &Tensor<T>) -> Result<FixedPoints, DynamicsError> {
        self.dynamics.check_states("fixed_points", starts);
        let count = starts.shape()[0];
        let inputs = self.input.broadcast_to([count, self.input.len()]);
        let descended =
            descend(self.dynamics, &inputs, starts, self.descent_steps, self.learning_rate);
        let (states, q) = polish(self.dynamics, &inputs, &descended, self.polish_steps);
        let smallest = q.iter().copied().fold(f64::NAN, f64::min);
        let mut found: Vec<usize> = (0..count).filter(|&i| q[i] <= self.slow_tolerance).collect();
        if found.is_empty() {
            return Err(DynamicsError::NoFixedPoint { starts: count, smallest });
        }
        let failed = count - found.len();
        found.sort_by(|&i, &j| q[i].total_cmp(&q[j]));
        let found = self.distinct(&states, &found);
        Ok(FixedPoints { points: self.points(&states, &q, &found)?, starts: count, failed })
    }

    /// Returns the first of each group of points that are within the distance of it.
    fn distinct(&self, states: &Tensor<T>, ordered: &[usize]) -> Vec<usize> {
        let rows = states.cast::<f64>().to_vec2();
        let squared_distance = |i: usize, j: usize| {
            rows[i].iter().zip(&rows[j]).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
        };
        let mut distinct: Vec<usize> = Vec::new();
        for &i in ordered {
            if distinct.iter().all(|&j| squared_distance(i, j) > self.distance.powi(2)) {
                distinct.push(i);
            }
        }
        distinct
    }

    #[track_caller]
    fn points(
        &self,
        states: &Tensor<T>,
        q: &[f64],
        found: &[usize],
    ) -> Result<Vec<FixedPoint>, DynamicsError> {
        let states = states.gather_rows(found);
        let inputs = self.input.broadcast_to([found.len(), self.input.len()]);
        let jacobians = self.dynamics.jacobians_at(&inputs, &states)?;
        let eigenvalues = jacobians.eigenvalues()?;
        let point = |(n, eigenvalues): (usize, Vec<Complex<f64>>)| FixedPoint {
            state: states.index_first(n).cast(),
            q: q[found[n]],
            is_fixed: q[found[n]] <= self.tolerance,
            jacobian: jacobians.matrices().index_first(n),
            modes: eigenvalues.into_iter().map(|eigenvalue| Mode { eigenvalue }).collect(),
        };
        Ok(eigenvalues.into_iter().enumerate().map(point).collect())
    }
}
