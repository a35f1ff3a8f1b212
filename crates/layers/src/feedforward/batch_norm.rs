//! Normalization over a batch.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};

use crate::core::module::Module;
use crate::core::options::epsilon_option;

/// Batch normalization (Ioffe and Szegedy 2015): scales each feature to mean 0 and variance 1 over all positions,
/// then multiplies it by a gain and adds a bias.
///
/// ```text
/// y = (x − μ) / √(σ² + ε) ⊙ g + b
/// ```
///
/// `x`, `y: [.., F]`, `g`, `b: [F]`; `2F` parameters are trained. In training, `μ` and `σ²` are the mean and the
/// variance of the batch, over all axes but the last. In evaluation, they are running averages `[F]`. The running
/// averages are parameters of the module, so weight files contain them. They never have a gradient, so optimizers do
/// not change them.
///
/// [`in_training`](Self::in_training) normalizes by the batch and returns its statistics. [`update`](Self::update)
/// moves the averages towards them:
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_layers::BatchNorm;
/// use bptt_tensor::Tensor;
///
/// let mut norm = BatchNorm::<f64>::new(1);
/// let tape = Tape::new();
/// let x = tape.constant(Tensor::from_vec([2, 1], vec![3.0, 5.0]));
/// let (y, batch) = norm.in_training(x, None);
/// assert!((y.value().to_vec()[0] + 1.0).abs() < 1e-5);
/// norm.update(&batch, 0.1);
/// assert_eq!(norm.mean.value().to_vec(), [0.4]); // a tenth of the way from 0 to 4
/// let _y = norm.forward(x); // in evaluation
/// ```
#[derive(Clone, Debug, Module)]
pub struct BatchNorm<T> {
    /// `g: [F]`
    pub gain: Param<T>,
    /// `b: [F]`
    pub bias: Param<T>,
    /// The running average of the mean, `[F]`.
    pub mean: Param<T>,
    /// The running average of the variance, `[F]`.
    pub variance: Param<T>,
    /// `ε`
    #[module(skip)]
    pub epsilon: f64,
}

/// The mean and the variance of a batch, which [`BatchNorm::update`] takes.
#[derive(Clone, Debug)]
pub struct BatchStatistics<T> {
    mean: Tensor<T>,
    variance: Tensor<T>,
    positions: usize,
}

impl<T: Scalar> BatchNorm<T> {
    /// Creates a batch norm with gains of one, biases of zero, an average mean of 0 and an average variance of 1.
    #[must_use]
    pub fn new(features: usize) -> Self {
        let zeros = || Param::new(Tensor::zeros([features]));
        let ones = || Param::new(Tensor::ones([features]));
        Self { gain: ones(), bias: zeros(), mean: zeros(), variance: ones(), epsilon: 1e-5 }
    }

    epsilon_option!(|norm| [norm]);

    /// Returns the features, normalized by the running averages, as in evaluation.
    ///
    /// # Panics
    ///
    /// If the last axis of `x` is not the number of features.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let [mean, variance] =
            [&self.mean, &self.variance].map(|average| x.tape().constant(average.value().clone()));
        self.normalized(x, mean, variance)
    }

    /// Returns the features, normalized by the mean and the variance of the batch, as in training, and these
    /// statistics.
    ///
    /// `present: [..]` is a mask over all axes of `x` but the last. Only positions where it is not zero count. Other
    /// positions, such as padding, change neither the outputs of those that count nor any gradient.
    ///
    /// # Panics
    ///
    /// If the last axis of `x` is not the number of features, or `present` does not have the other axes of `x`.
    #[track_caller]
    #[must_use]
    pub fn in_training<'t>(
        &self,
        x: Var<'t, T>,
        present: Option<&Tensor<T>>,
    ) -> (Var<'t, T>, BatchStatistics<T>) {
        let shape = x.shape();
        let Some((&features, leading)) = shape.split_last() else {
            panic!("batch_norm: features are [.., F], not a number without axes")
        };
        let rows = leading.iter().product();
        let present = present.map(|present| {
            assert!(
                present.shape()[..] == *leading,
                "batch_norm: features {shape} need a mask of shape {leading:?}, not {}",
                present.shape()
            );
            present.reshape([rows, 1])
        });
        let counts =
            |present: &Tensor<T>| present.as_slice().iter().filter(|p| **p != T::zero()).count();
        let positions = present.as_ref().map_or(rows, counts);
        // selected, not multiplied: a NaN in the padding must not spread
        let counted = |values: Var<'t, T>| match &present {
            Some(present) => x.tape().constant(present.clone()).select(values, 0.0),
            None => values,
        };
        let of_all = |values: Var<'t, T>| counted(values).sum(&[0]) / positions.max(1) as f64;
        let flat = x.reshape([rows, features]);
        let mean = of_all(flat);
        let variance = of_all((counted(flat) - mean).square());
        let statistics =
            BatchStatistics { mean: mean.value(), variance: variance.value(), positions };
        (self.normalized(x, mean, variance), statistics)
    }

    /// Moves the running averages towards a batch's: `average ← (1 − rate) · average + rate · batch`. The variance is
    /// the unbiased one, `n / (n − 1)` times that of the batch, as in PyTorch. PyTorch's `momentum` is the rate; that
    /// of Keras is `1 − rate`. A batch of one position does not move the variance. An empty batch moves neither
    /// average.
    ///
    /// # Panics
    ///
    /// If the rate is not from 0 to 1, or the batch has another number of features.
    #[track_caller]
    pub fn update(&mut self, batch: &BatchStatistics<T>, rate: f64) {
        assert!((0.0..=1.0).contains(&rate), "a rate is from 0 to 1, not {rate}");
        let n = batch.positions;
        if n > 0 {
            move_towards(&mut self.mean, &batch.mean, 1.0, rate);
        }
        if n > 1 {
            let unbiased = n as f64 / (n - 1) as f64;
            move_towards(&mut self.variance, &batch.variance, unbiased, rate);
        }
    }

    #[track_caller]
    fn normalized<'t>(&self, x: Var<'t, T>, mean: Var<'t, T>, variance: Var<'t, T>) -> Var<'t, T> {
        (x - mean) / (variance + self.epsilon).sqrt() * &self.gain + &self.bias
    }
}

/// `average ← (1 − rate) · average + rate · factor · value`
#[track_caller]
fn move_towards<T: Scalar>(average: &mut Param<T>, value: &Tensor<T>, factor: f64, rate: f64) {
    let average = average.value_mut();
    *average *= 1.0 - rate;
    average.axpy(T::of(rate * factor), value);
}
