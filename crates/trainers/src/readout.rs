//! Readouts by linear regression.

use bptt_layers::Linear;
use bptt_tensor::{Scalar, Tensor};
use nalgebra::{DMatrix, DVector};

use crate::error::TrainError;
use crate::options::non_negative;

/// Ridge regression: trains a [`Linear`] readout of a reservoir in closed form.
///
/// ```text
/// W = (Xᵀ X + λ I)⁻¹ Xᵀ Y      b = ȳ − x̄ W
/// ```
///
/// `X: [N, F]` are the deviations of the features, such as states of an [`EchoState`](bptt_layers::EchoState), from
/// their mean `x̄`, and `Y: [N, O]` those of the targets from `ȳ`. So the bias is not penalized. It is the minimum of
/// `Σ ‖x W + b − y‖² + λ ‖W‖²` (Hoerl and Kennard 1970), by which readouts of echo state networks are trained (Jaeger 2001).
///
/// Observations arrive in any number of parts, of which only `[F, F]` and `[F, O]` sums are kept, in double precision.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::{EchoState, Layer, Linear};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::RidgeRegression;
///
/// let mut rng = bptt_layers::rng(0);
/// let reservoir = EchoState::<f64>::new(&mut rng, 1, 30);
/// let mut readout = Linear::new(&mut rng, 30, 1);
/// let xs = Tensor::uniform([500, 1, 1], -0.5, 0.5, &mut rng); // [T, B, I]
/// let states = reservoir.forward(Tape::inference().constant(xs.clone())).0.value();
/// let targets = xs.slice(0, 98..498); // the input two steps before
/// let washed = states.slice(0, 100..500);
/// RidgeRegression::new(1e-8).observe(&washed, &targets).fit(&mut readout)?;
/// let errors = readout.forward(Tape::inference().constant(washed)).value() - &targets;
/// let variance = targets.square().mean_all().item(); // of a mean of 0
/// assert!(errors.square().mean_all().item() < 0.05 * variance);
/// # Ok::<(), bptt_trainers::TrainError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a regression changes a readout by `fit`"]
pub struct RidgeRegression {
    ridge: f64,
    moments: Option<Moments>,
}

/// The number of observations, their means, and sums of products of their deviations.
#[derive(Clone, Debug)]
struct Moments {
    count: f64,
    features: DVector<f64>,
    targets: DVector<f64>,
    /// `Xᵀ X`, `[F, F]`.
    gram: DMatrix<f64>,
    /// `Xᵀ Y`, `[F, O]`.
    cross: DMatrix<f64>,
}

impl RidgeRegression {
    /// Creates a regression with the ridge `λ`.
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    pub fn new(ridge: f64) -> Self {
        Self { ridge: non_negative("ridge", ridge), moments: None }
    }

    /// Adds observations: features `[.., F]` with their targets `[.., O]`.
    ///
    /// # Panics
    ///
    /// If the axes before the last differ, or features or targets do not have the sizes of earlier ones.
    #[track_caller]
    pub fn observe<T: Scalar>(mut self, features: &Tensor<T>, targets: &Tensor<T>) -> Self {
        let (xs, ys) = (features.shape(), targets.shape());
        assert!(
            !xs.is_empty() && !ys.is_empty() && xs[..xs.len() - 1] == ys[..ys.len() - 1],
            "observe: features [.., F] and targets [.., O] agree in all axes but the last, not {xs} and {ys}"
        );
        if !features.is_empty() && !targets.is_empty() {
            let part = Moments::of(&rows(features), &rows(targets));
            self.moments = match self.moments {
                Some(moments) => Some(moments.merged(&part)),
                None => Some(part),
            };
        }
        self
    }

    /// Sets the weights and biases of a readout to the solution. A readout without biases is fitted with all means
    /// taken as 0.
    ///
    /// # Errors
    ///
    /// If there are no observations, one of them or a weight of the solution is not finite, or `Xᵀ X + λ I` is not positive
    /// definite. The readout then stays as it was.
    ///
    /// # Panics
    ///
    /// If the readout does not have the sizes of the observations.
    #[track_caller]
    pub fn fit<T: Scalar>(&self, readout: &mut Linear<T>) -> Result<(), TrainError> {
        let moments = self.moments.as_ref().ok_or(TrainError::NoObservations)?;
        let Moments { count, features, targets, .. } = moments;
        let sizes = [features.len(), targets.len()];
        assert!(
            readout.w.shape()[..] == sizes,
            "fit: a readout of these observations has weights {sizes:?}, not {}",
            readout.w.shape()
        );
        let (mut gram, mut cross) = (moments.gram.clone(), moments.cross.clone());
        if readout.b.is_none() {
            gram += features * features.transpose() * *count;
            cross += features * targets.transpose() * *count;
        }
        (0..sizes[0]).for_each(|i| gram[(i, i)] += self.ridge);
        if !gram.iter().chain(cross.iter()).all(|x| x.is_finite()) {
            return Err(TrainError::NonFinite { quantity: "an observation" });
        }
        let factor = gram.cholesky().filter(|factor| is_regular(factor.l_dirty()));
        let factor = factor.ok_or(TrainError::NotPositiveDefinite {
            matrix: "Xᵀ X + λ I",
            remedy: "some features are nearly combinations of others; set a larger ridge, or give more observations",
        })?;
        let weights = factor.solve(&cross);
        let biases = targets - weights.tr_mul(features);
        let w = Tensor::from_fn(sizes, |i| T::of(weights[(i / sizes[1], i % sizes[1])]));
        let b = Tensor::from_fn([sizes[1]], |i| T::of(biases[i]));
        if !(w.is_finite() && b.is_finite()) {
            return Err(TrainError::NonFinite { quantity: "a weight of the solution" });
        }
        readout.w.set(w);
        if let Some(bias) = &mut readout.b {
            bias.set(b);
        }
        Ok(())
    }
}

/// Whether the pivots of a Cholesky factor, the squares of its diagonal, are above rounding.
fn is_regular(factor: &DMatrix<f64>) -> bool {
    let pivots = factor.diagonal().map(|x| x * x);
    pivots.min() > f64::EPSILON * pivots.len() as f64 * pivots.max()
}

impl Moments {
    fn of(features: &DMatrix<f64>, targets: &DMatrix<f64>) -> Self {
        let means = |rows: &DMatrix<f64>| rows.row_mean().transpose();
        let (x, y) = (means(features), means(targets));
        let deviations = |rows: &DMatrix<f64>, mean: &DVector<f64>| {
            let mut rows = rows.clone();
            rows.row_iter_mut().for_each(|mut row| row -= mean.transpose());
            rows
        };
        let (dx, dy) = (deviations(features, &x), deviations(targets, &y));
        let (gram, cross) = (dx.tr_mul(&dx), dx.tr_mul(&dy));
        Self { count: features.nrows() as f64, features: x, targets: y, gram, cross }
    }

    /// Returns the moments of both parts together (Chan, Golub and `LeVeque` 1979).
    #[track_caller]
    fn merged(self, other: &Self) -> Self {
        let sizes = |it: &Self| [it.features.len(), it.targets.len()];
        assert!(
            sizes(&self) == sizes(other),
            "observe: earlier observations have {:?} features and targets, and these {:?}",
            sizes(&self),
            sizes(other)
        );
        let count = self.count + other.count;
        let (dx, dy) = (&other.features - &self.features, &other.targets - &self.targets);
        let (share, weight) = (other.count / count, self.count * other.count / count);
        Self {
            count,
            gram: self.gram + &other.gram + &dx * dx.transpose() * weight,
            cross: self.cross + &other.cross + &dx * dy.transpose() * weight,
            features: self.features + dx * share,
            targets: self.targets + dy * share,
        }
    }
}

/// Returns a tensor `[.., F]` as rows.
fn rows<T: Scalar>(tensor: &Tensor<T>) -> DMatrix<f64> {
    let width = tensor.shape()[tensor.rank() - 1];
    DMatrix::from_row_iterator(tensor.len() / width, width, tensor.iter().map(|x| x.as_f64()))
}
