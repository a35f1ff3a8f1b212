//! The latch problem.

use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use crate::batch::Batch;

/// The latch problem (Bengio, Simard and Frasconi 1994; the 2-sequence problem of Hochreiter and Schmidhuber 1997): the
/// first entries tell the class, everything after them is noise, and the class is asked for at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latch {
    signal: usize,
    noise: f64,
}

impl Latch {
    /// Creates the problem with one informative entry and noise of a standard deviation of 0.2.
    #[must_use]
    pub fn new() -> Self {
        Self { signal: 1, noise: 0.2 }
    }

    /// Sets the number of first entries that tell the class.
    #[must_use]
    pub fn signal(self, entries: usize) -> Self {
        Self { signal: entries, ..self }
    }

    /// Sets the standard deviation of the noise, which is normal with a mean of 0. It is added to the signal too.
    #[must_use]
    pub fn noise(self, deviation: f64) -> Self {
        Self { noise: deviation, ..self }
    }

    /// Draws inputs `[T, B, 1]` and the classes `[B]`. The signal is −1 for class 0, and 1 for class 1.
    ///
    /// # Panics
    ///
    /// If the signal has more than `T` entries, or the noise is negative.
    #[track_caller]
    #[must_use]
    pub fn batch<T: Scalar>(
        &self,
        rng: &mut impl Rng,
        [steps, batch]: [usize; 2],
    ) -> Batch<Tensor<T>, Vec<usize>> {
        let signal = self.signal;
        assert!(signal <= steps, "{signal} entries of signal do not fit into {steps} steps");
        let targets: Vec<usize> = (0..batch).map(|_| rng.random_range(0..2)).collect();
        let mut inputs = Tensor::normal([steps, batch, 1], 0.0, self.noise, rng);
        for (i, x) in inputs.as_mut_slice()[..signal * batch].iter_mut().enumerate() {
            *x += T::of(if targets[i % batch] == 1 { 1.0 } else { -1.0 });
        }
        Batch { inputs, targets }
    }

    /// Returns the cross-entropy of a guess, `ln 2`. No model that has forgotten the
    /// signal has less.
    #[must_use]
    pub fn memoryless_loss(&self) -> f64 {
        2f64.ln()
    }
}

impl Default for Latch {
    fn default() -> Self {
        Self::new()
    }
}
