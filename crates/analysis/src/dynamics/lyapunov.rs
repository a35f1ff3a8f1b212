//! Lyapunov exponents.

use bptt_layers::Stepwise;
use bptt_tensor::{Scalar, Tensor};

use super::{Dynamics, DynamicsError, Jacobians, LyapunovSpectrum};
use crate::linear_algebra::orthonormalized;
use crate::sequences::{extents, sequence};

/// A computation of Lyapunov exponents, with options. [`Dynamics::lyapunov`] begins one.
#[derive(Debug)]
#[must_use = "nothing is computed until it is run"]
pub struct Lyapunov<'d, 'l, T, L> {
    dynamics: &'d Dynamics<'l, T, L>,
    exponents: usize,
    interval: usize,
    transient: usize,
}

impl<'l, T: Scalar, L: Stepwise<T>> Dynamics<'l, T, L> {
    /// Begins a computation of the [`LyapunovSpectrum`] along a run: all `S` exponents, orthonormalized anew at every step,
    /// without a transient.
    ///
    /// ```
    /// use bptt_analysis::dynamics::Dynamics;
    /// use bptt_layers::{Elman, Init};
    /// use bptt_tensor::Tensor;
    ///
    /// let mut rng = bptt_layers::rng(0);
    /// let strong = Init::Gaussian { mean: 0.0, std: 3.0 / 40_f64.sqrt() }; // chaotic above 1/√H
    /// let elman = Elman::<f64>::new(&mut rng, 1, 40).recurrent_init(&mut rng, strong);
    /// let start = Tensor::normal([1, 40], 0.0, 1.0, &mut rng);
    /// let silence = Tensor::zeros([1000, 1, 1]); // [T, B, I]
    /// let dynamics = Dynamics::new(&elman).start(&start);
    /// let spectrum = dynamics.lyapunov().exponents(3).transient(200).run(&silence)?;
    /// assert!(spectrum.exponents()[0] > 0.0); // chaos
    /// # Ok::<(), bptt_analysis::dynamics::DynamicsError>(())
    /// ```
    pub fn lyapunov(&self) -> Lyapunov<'_, 'l, T, L> {
        Lyapunov { dynamics: self, exponents: self.state_size(), interval: 1, transient: 0 }
    }
}

impl<T: Scalar, L: Stepwise<T>> Lyapunov<'_, '_, T, L> {
    /// Computes the largest `count` exponents only.
    ///
    /// # Panics
    ///
    /// If the count is 0, or more than the dimension of the state.
    #[track_caller]
    pub fn exponents(self, count: usize) -> Self {
        let size = self.dynamics.state_size();
        assert!(
            (1..=size).contains(&count),
            "a state of dimension {size} has 1 to {size} exponents, not {count}"
        );
        Self { exponents: count, ..self }
    }

    /// Orthonormalizes after every `steps` steps, by default 1. A larger interval costs less. Within one that is too large,
    /// vectors become parallel up to rounding, and all exponents but the first are wrong.
    ///
    /// # Panics
    ///
    /// If there are no steps.
    #[track_caller]
    pub fn interval(self, steps: usize) -> Self {
        assert!(steps > 0, "vectors are orthonormalized after every 1 step or more, not every 0");
        Self { interval: steps, ..self }
    }

    /// Discards the growth of the first `steps` steps, in which the state approaches its attractor and the vectors turn into
    /// their directions.
    pub fn transient(self, steps: usize) -> Self {
        Self { transient: steps, ..self }
    }

    /// Computes the exponents along a run over `xs: [T, B, I]`. The sequences of the batch are samples of the same
    /// exponents.
    ///
    /// # Errors
    ///
    /// If fewer than two intervals follow the transient, or a state, a Jacobian or the growth within an interval is not
    /// finite.
    ///
    /// # Panics
    ///
    /// As [`Dynamics::states`], and if there are no sequences.
    #[track_caller]
    pub fn run(&self, xs: &Tensor<T>) -> Result<LyapunovSpectrum, DynamicsError> {
        let [steps, batch, _] = extents(xs);
        assert!(batch > 0, "lyapunov: a batch without sequences has no exponents");
        let needed = self.transient + 2 * self.interval;
        if steps < needed {
            return Err(DynamicsError::TooShort { steps, needed });
        }
        let before = self.dynamics.states_before(xs)?;
        let growths: Vec<_> = (0..batch)
            .map(|row| self.growths(&sequence(xs, row), &sequence(&before, row)))
            .collect::<Result<_, _>>()?;
        let growths = Tensor::stack(&growths, 1);
        Ok(LyapunovSpectrum::new(&growths, self.interval, self.dynamics.state_size()))
    }

    /// Returns the logarithms of the growth of each vector within each interval after the transient, `[R, k]`, along inputs
    /// `[T, I]` and the states before their steps, `[T, S]`.
    fn growths(
        &self,
        inputs: &Tensor<T>,
        states: &Tensor<T>,
    ) -> Result<Tensor<f64>, DynamicsError> {
        let (steps, size) = (states.shape()[0], self.dynamics.state_size());
        let intervals = (steps - self.transient) / self.interval;
        let steps = self.transient + intervals * self.interval;
        // directions without symmetry, so that none is orthogonal to the one that grows most
        let drawn = Tensor::normal([size, self.exponents], 0.0, 1.0, &mut bptt_layers::rng(0));
        let (mut vectors, _) = orthonormalized(&drawn);
        let mut growths = Vec::with_capacity(intervals * self.exponents);
        let at_once = self.dynamics.jacobians_at_once();
        for first in (0..steps).step_by(at_once) {
            let chunk = first..steps.min(first + at_once);
            let of_chunk = |sequence: &Tensor<T>| sequence.slice(0, chunk.clone());
            let entries = self.dynamics.jacobian_entries(&of_chunk(inputs), &of_chunk(states));
            let jacobians = Jacobians::new(first, entries)?;
            for t in chunk.clone() {
                vectors = jacobians.matrices().index_first(t - first).matmul(&vectors);
                let counted = (t + 1).checked_sub(self.transient).filter(|&counted| counted > 0);
                if counted.is_some_and(|counted| !counted.is_multiple_of(self.interval)) {
                    continue;
                }
                if !vectors.is_finite() {
                    let quantity = "the growth of vectors up to step";
                    return Err(DynamicsError::NonFinite { quantity, index: t });
                }
                let (orthonormal, stretches) = orthonormalized(&vectors);
                vectors = orthonormal;
                if counted.is_some() {
                    growths.extend(stretches.iter().map(|stretch| stretch.ln()));
                }
            }
        }
        Ok(Tensor::from_vec([intervals, self.exponents], growths))
    }
}
