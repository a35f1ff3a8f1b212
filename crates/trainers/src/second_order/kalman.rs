use std::borrow::Cow;

use bptt_layers::Module;
use bptt_layers::weights::{Archive, WeightsError};
use bptt_tensor::{Scalar, Tensor};
use nalgebra::DMatrix;

use super::decoupling::{Decoupling, columns};
use super::squares::Squares;
use crate::error::TrainError;
use crate::objective::ObjectiveFn;
use crate::options::{non_negative, positive};
use crate::trainer::{Progress, Trainer};
use crate::vector::{self, vector_to_parameters};

/// The extended Kalman filter as a trainer: the parameters are the state of a system, and each presentation of a sequence is an
/// observation of it.
///
/// ```text
/// A = (R I + Σᵢ Jᵢ Pᵢ Jᵢᵀ)⁻¹      Kᵢ = Pᵢ Jᵢᵀ A
/// θᵢ ← θᵢ − Kᵢ r                  Pᵢ ← Pᵢ − Kᵢ Jᵢ Pᵢ + Q I
/// ```
///
/// `r` are the residuals of an objective of [squares](crate::Objective::squares), outputs minus targets, and `Jᵢ` is
/// their Jacobian with respect to group `i` of the parameters, by back-propagation through time. `Pᵢ` is the covariance of the error in
/// the group, at first `P₀ I`. `R` is the variance of noise on the targets: the larger it is, the smaller are the steps. `Q` is the
/// variance of noise that is added to the parameters at each step. It keeps the covariances, and so the steps, from vanishing.
///
/// [`Decoupling`] says what the groups are. The full filter has one, and takes `P²` numbers. Puskorius and Feldkamp,
/// *Neurocontrol of nonlinear dynamical systems with Kalman filter trained recurrent networks* (1994).
///
/// A step is one presentation: few residuals, such as those of one sequence. Several sequences in one step are the
/// multi-stream form.
///
/// ```
/// use bptt_layers::{Elman, Layer, Linear};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::{Decoupling, ExtendedKalman, Objective, Trainer};
///
/// let mut rng = bptt_layers::rng(0);
/// let mut model = (Elman::<f64>::new(&mut rng, 1, 4), Linear::new(&mut rng, 4, 1));
/// let mut trainer = ExtendedKalman::new().decoupling(Decoupling::Nodes);
/// let mut losses = Vec::new();
/// for _ in 0..150 {
///     let xs = Tensor::uniform([8, 1, 1], -1.0, 1.0, &mut rng); // one sequence [T, 1, I]
///     let before = xs.index_first(6);
///     let progress = trainer.step(&mut model, &|model, tape| {
///         let (ys, _) = model.forward(tape.constant(xs.clone()));
///         Objective::squares(ys.index_first(7) - &before)
///     })?;
///     losses.push(progress.loss);
/// }
/// let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
/// assert!(mean(&losses[100..]) < 0.05 * mean(&losses[..20]));
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExtendedKalman {
    decoupling: Decoupling,
    initial_variance: f64,
    measurement_noise: f64,
    process_noise: f64,
    /// The covariance of each group, `[N, N]`; none before the first step.
    covariances: Vec<Tensor<f64>>,
}

impl ExtendedKalman {
    /// Creates a full filter with `P₀ = 100`, `R = 1` and `Q = 10⁻⁴`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            decoupling: Decoupling::None,
            initial_variance: 100.0,
            measurement_noise: 1.0,
            process_noise: 1e-4,
            covariances: Vec::new(),
        }
    }

    /// Sets the groups of parameters.
    ///
    /// # Panics
    ///
    /// If the filter has made a step.
    #[track_caller]
    #[must_use]
    pub fn decoupling(self, decoupling: Decoupling) -> Self {
        self.expect_new("decoupling");
        Self { decoupling, ..self }
    }

    /// Sets the variance `P₀` of the error in each parameter at first.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite, or the filter has made a step.
    #[track_caller]
    #[must_use]
    pub fn initial_variance(self, variance: f64) -> Self {
        self.expect_new("initial variance");
        Self { initial_variance: positive("variance", variance), ..self }
    }

    /// Sets the variance `R` of noise on the targets, the inverse of a learning rate.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn measurement_noise(mut self, variance: f64) -> Self {
        self.set_measurement_noise(variance);
        self
    }

    /// Changes the variance `R` between steps, for instance to anneal it.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    pub fn set_measurement_noise(&mut self, variance: f64) {
        self.measurement_noise = positive("variance of noise", variance);
    }

    /// Sets the variance `Q` of noise on the parameters.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn process_noise(self, variance: f64) -> Self {
        Self { process_noise: non_negative("variance of noise", variance), ..self }
    }

    /// Returns the covariances of the groups, each `[N, N]`. There are none before the first step.
    #[must_use]
    pub fn covariances(&self) -> &[Tensor<f64>] {
        &self.covariances
    }

    #[track_caller]
    fn expect_new(&self, option: &str) {
        assert!(
            self.covariances.is_empty(),
            "the {option} is set before the first step and before restoring a state"
        );
    }

    /// Returns the covariance of each group before a step.
    #[track_caller]
    fn present(&self, groups: &[Vec<usize>]) -> Vec<DMatrix<f64>> {
        if self.covariances.is_empty() {
            let identity = |group: &Vec<usize>| DMatrix::identity(group.len(), group.len());
            return groups.iter().map(|group| identity(group) * self.initial_variance).collect();
        }
        let sizes = self.covariances.iter().map(|covariance| covariance.shape()[0]);
        assert!(
            sizes.eq(groups.iter().map(Vec::len)),
            "the filter has covariances of another model: a filter serves one model"
        );
        let matrix = |covariance: &Tensor<f64>| {
            let size = covariance.shape()[0];
            DMatrix::from_column_slice(size, size, covariance.as_slice()) // symmetric
        };
        self.covariances.iter().map(matrix).collect()
    }
}

/// Returns the symmetric part of a matrix, with `noise` added to its diagonal.
fn symmetric(matrix: &DMatrix<f64>, noise: f64) -> Tensor<f64> {
    let size = matrix.nrows();
    Tensor::from_fn([size, size], |i| {
        let (row, column) = (i / size, i % size);
        let mean = f64::midpoint(matrix[(row, column)], matrix[(column, row)]);
        if row == column { mean + noise } else { mean }
    })
}

impl Default for ExtendedKalman {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, M: Module<T>> Trainer<T, M> for ExtendedKalman {
    #[track_caller]
    fn step(
        &mut self,
        model: &mut M,
        objective: &ObjectiveFn<'_, T, M>,
    ) -> Result<Progress, TrainError> {
        let Squares { loss, residuals, jacobian, passes } =
            Squares::at("ExtendedKalman", model, objective)?;
        let groups = self.decoupling.groups(model);
        let covariances = self.present(&groups);
        let jacobians: Vec<_> = groups.iter().map(|group| columns(&jacobian, group)).collect();
        let spread = |(p, j): (&DMatrix<f64>, &Cow<'_, DMatrix<f64>>)| p * j.transpose();
        let spreads: Vec<_> = covariances.iter().zip(&jacobians).map(spread).collect(); // Pᵢ Jᵢᵀ
        let size = residuals.len();
        let mut innovation = DMatrix::identity(size, size) * self.measurement_noise;
        for (spread, jacobian) in spreads.iter().zip(&jacobians) {
            innovation += &**jacobian * spread;
        }
        let factor = innovation.cholesky().ok_or(TrainError::NotPositiveDefinite {
            matrix: "R I + Σ J P Jᵀ",
            remedy: "rounding has spoilt the covariances; set a larger measurement or process noise",
        })?;
        let mut parameters = vector::read(model);
        let weighted = factor.solve(&residuals); // A r
        for (group, spread) in groups.iter().zip(&spreads) {
            for (&element, change) in group.iter().zip((spread * &weighted).iter()) {
                parameters[element] -= change;
            }
        }
        let parameters: Tensor<T> = vector::to_tensor(&parameters);
        let updated: Vec<_> = covariances
            .into_iter()
            .zip(&spreads)
            .map(|(mut covariance, spread)| {
                covariance -= spread * factor.solve(&spread.transpose());
                symmetric(&covariance, self.process_noise)
            })
            .collect();
        if !(parameters.is_finite() && updated.iter().all(Tensor::is_finite)) {
            return Err(TrainError::NonFinite { quantity: "the step" });
        }
        vector_to_parameters(&parameters, model);
        self.covariances = updated;
        Ok(Progress { loss, loss_after: None, passes })
    }

    fn state(&self, _model: &M) -> Archive<T> {
        let mut state = Archive::new();
        for (i, covariance) in self.covariances.iter().enumerate() {
            state.insert_f64(name(i), covariance);
        }
        state
    }

    fn restore(&mut self, model: &M, state: &Archive<T>) -> Result<(), WeightsError> {
        let groups = self.decoupling.groups(model);
        let mut covariances = Vec::new();
        if state.has_tensor(&name(0)) {
            for (i, group) in groups.iter().enumerate() {
                let shape = [group.len(), group.len()].into();
                covariances.push(state.shaped_f64(&name(i), &shape)?);
            }
        }
        let count = covariances.len();
        state.expect_tensors(|tensor| (0..count).any(|i| tensor == name(i)))?;
        state.expect_texts(|_| false)?;
        self.covariances = covariances;
        Ok(())
    }
}

/// The name under which a covariance is saved.
fn name(group: usize) -> String {
    format!("covariance.{group}")
}
