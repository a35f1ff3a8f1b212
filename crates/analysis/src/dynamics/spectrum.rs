//! The Lyapunov spectrum, and what follows from it.

use bptt_tensor::Tensor;

/// The parts of a run whose spread gives the standard error.
const BLOCKS: usize = 10;

/// The Lyapunov exponents of a run, with their standard errors and convergence.
///
/// ```text
/// J_t Q_{t−1} = Q_t R_t       λ_i = lim 1/T Σ_t ln |R_t[i, i]|
/// ```
///
/// Exponent `λ_i` is the mean rate, in nats per step, at which the `i`-th axis of a small ball of states grows along the
/// run. It is computed by repeated QR decompositions (Benettin, Galgani, Giorgilli and Strelcyn, *Lyapunov characteristic
/// exponents for smooth dynamical systems*, 1980; for recurrent networks, Engelken, Wolf and Abbott, *Lyapunov spectra of
/// chaotic recurrent neural networks*, 2023). A positive first exponent is chaos, where gradients explode. If it is
/// negative, they vanish, by the factor `e^λ` per step.
///
/// A direction that steps remove altogether has the exponent `−∞`, or one near `ln 10⁻¹⁶ = −37` where rounding leaves a
/// rest of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LyapunovSpectrum {
    exponents: Vec<f64>,
    standard_errors: Vec<f64>,
    history: Tensor<f64>,
    interval: usize,
    size: usize,
}

impl LyapunovSpectrum {
    /// From the logarithms of growth within `R` intervals of `B` sequences, `[R, B, k]`, in a state of dimension `size`.
    pub(super) fn new(growths: &Tensor<f64>, interval: usize, size: usize) -> Self {
        let (intervals, batch, count) =
            (growths.shape()[0], growths.shape()[1], growths.shape()[2]);
        let rates = growths * (interval as f64).recip();
        let history = running_means(&rates.mean(&[1]));
        let last = history.index_first(intervals - 1).to_vec();
        let blocks = BLOCKS.min(intervals);
        let samples: Vec<_> = (0..blocks)
            .map(|block| block * intervals / blocks..(block + 1) * intervals / blocks)
            .map(|part| rates.slice(0, part).mean(&[0]))
            .collect();
        let samples = Tensor::concat(&samples, 0); // [blocks · B, k]
        let n = (blocks * batch) as f64;
        let deviations = &samples - samples.mean(&[0]);
        let variances = deviations.square().sum(&[0]) * (n * (n - 1.0)).recip();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&i, &j| last[j].total_cmp(&last[i]));
        let sorted = |values: &[f64]| order.iter().map(|&i| values[i]).collect::<Vec<_>>();
        let rows = history.to_vec2();
        Self {
            exponents: sorted(&last),
            standard_errors: sorted(variances.sqrt().as_slice()),
            history: Tensor::from(rows.iter().map(|row| sorted(row)).collect::<Vec<_>>()),
            interval,
            size,
        }
    }

    /// Returns the exponents in nats per step, the largest first.
    #[must_use]
    pub fn exponents(&self) -> &[f64] {
        &self.exponents
    }

    /// Returns the standard error of each exponent, from the spread over parts of the run and the sequences of the batch.
    /// It is NaN for an exponent of `−∞`.
    #[must_use]
    pub fn standard_errors(&self) -> &[f64] {
        &self.standard_errors
    }

    /// Returns the estimates after each interval, `[R, k]`: the last row is [`exponents`](Self::exponents). Where they
    /// still drift, the run is too short.
    #[must_use]
    pub fn history(&self) -> &Tensor<f64> {
        &self.history
    }

    /// Returns the steps of an interval, between two rows of the [`history`](Self::history).
    #[must_use]
    pub fn interval(&self) -> usize {
        self.interval
    }

    /// Returns the sum of the positive exponents, in nats per step: the rate at which the run produces information (Pesin
    /// 1977), or an upper bound of it (Ruelle 1978). `None` if not all exponents are computed, and those that are are all
    /// positive.
    #[must_use]
    pub fn entropy_rate(&self) -> Option<f64> {
        let positive: Vec<f64> = self.exponents.iter().copied().filter(|&x| x > 0.0).collect();
        let are_all = positive.len() < self.exponents.len() || self.exponents.len() == self.size;
        are_all.then(|| positive.iter().sum())
    }

    /// Returns the Kaplan–Yorke dimension of the attractor, `D = j + Σ_{i≤j} λ_i / |λ_{j+1}|` with the largest `j` whose sum
    /// is not negative (Kaplan and Yorke 1979). `None` if not all exponents are computed, and the sum of those that are is
    /// not negative.
    #[must_use]
    pub fn kaplan_yorke_dimension(&self) -> Option<f64> {
        let mut sum = 0.0;
        for (j, exponent) in self.exponents.iter().enumerate() {
            if sum + exponent < 0.0 {
                return Some(j as f64 + sum / exponent.abs());
            }
            sum += exponent;
        }
        (self.exponents.len() == self.size).then_some(self.size as f64)
    }
}

/// Returns the mean of each row and all rows before it.
fn running_means(rows: &Tensor<f64>) -> Tensor<f64> {
    let count = rows.shape()[1];
    let mut sums = vec![0.0; count];
    Tensor::from_fn([rows.shape()[0], count], |i| {
        sums[i % count] += rows.as_slice()[i];
        sums[i % count] / (i / count + 1) as f64
    })
}
