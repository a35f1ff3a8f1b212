//! Outputs that are numbers.

use std::f64::consts::TAU;

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Module, ParameterPath};
use bptt_tensor::{Scalar, Tensor};

use super::error::HmmError;
use super::network::InputNetwork;
use super::outputs::OutputDistribution;
use super::quotients::Quotients;
use super::sequences::Sequences;
use crate::options::positive;

/// Outputs that are numbers: a Gaussian over `D` features in each state.
///
/// ```text
/// p(y_t | x_t = i, u_t) = Π_d N(y_td; μ_id(u_t), σ²_id)
/// ```
///
/// The network has `N·D` values, the means `μ_i` of state 0 first. The variances do not depend on the input. They
/// start at 1 and are fitted, unless they are [fixed](Self::fixed_variance). In expectation maximization they are the
/// expected squares `Σ_t γ_t(i) (y_td − μ_id)² / Σ_t γ_t(i)`, but at least the [least
/// variance](Self::least_variance). If the network is a [table](super::InputTable), its exact maximum is the expected
/// mean `Σ_t γ_t(i) y_t / Σ_t γ_t(i)` over the steps with an input. Means and variances that no data reach stay.
///
/// ```
/// use bptt_tensor::Tensor;
/// use bptt_trainers::mixture::{
///     ExpectationMaximization, GaussianOutputs, HmmError, InputOutputHmm, InputTable, Sequences,
/// };
///
/// // one state and no input: maximum likelihood of a Gaussian
/// let outputs = GaussianOutputs::new(InputTable::from_values(Tensor::from([[0.0]])), 1);
/// let mut model = InputOutputHmm::new(InputTable::from_values(Tensor::from([[0.0]])), outputs);
/// let numbers = Tensor::from_vec([4, 1, 1], vec![1.0, 3.0, 5.0, 7.0]); // [T, B, D]
/// let data = Sequences::new([0; 4], numbers, &[4])?;
/// ExpectationMaximization::new().step(&mut model, &data)?;
/// assert_eq!(model.outputs.network.rows.value().to_vec(), [4.0]);
/// assert!((model.outputs.variances().item() - 5.0_f64).abs() < 1e-12);
/// # Ok::<(), HmmError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GaussianOutputs<T, P> {
    /// The network of the means, with `N·D` values.
    pub network: P,
    /// The logarithms `ln σ²` of the variances, `[N, D]`. They are a parameter of the module unless they are fixed.
    pub log_variances: Param<T>,
    is_fixed: bool,
    least: f64,
}

impl<T: Scalar, P: InputNetwork<T>> GaussianOutputs<T, P> {
    /// Creates Gaussians over `features` from a network of `N · features` means. The variances are 1 at first, and at
    /// least 10⁻⁶ when they are fitted.
    ///
    /// # Panics
    ///
    /// If there is no feature, or the network's values are not a multiple of the features.
    #[track_caller]
    #[must_use]
    pub fn new(network: P, features: usize) -> Self {
        let size = network.size();
        assert!(
            features > 0 && size > 0 && size.is_multiple_of(features),
            "a network of {size} values does not have {features} means for each state"
        );
        let log_variances = Param::new(Tensor::zeros([size / features, features]));
        Self { network, log_variances, is_fixed: false, least: 1e-6 }
    }

    /// Fixes all variances at this value. They are then no parameters.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn fixed_variance(mut self, variance: f64) -> Self {
        let logarithm = T::of(positive("variance", variance).ln());
        self.log_variances.set(Tensor::full(self.log_variances.shape().clone(), logarithm));
        Self { is_fixed: true, ..self }
    }

    /// Sets the least variance that expectation maximization fits. Without a bound the likelihood has no maximum: it
    /// grows without limit as a state narrows to one output. If present variances are below it, the likelihood may
    /// fall in the first step.
    ///
    /// # Panics
    ///
    /// If it is not positive and finite.
    #[track_caller]
    #[must_use]
    pub fn least_variance(self, variance: f64) -> Self {
        Self { least: positive("least variance", variance), ..self }
    }

    /// Returns the variances `σ²`, `[N, D]`.
    #[must_use]
    pub fn variances(&self) -> Tensor<T> {
        let logarithms = self.log_variances.value();
        Tensor::from_fn(logarithms.shape().clone(), |i| logarithms.as_slice()[i].exp())
    }

    /// Returns the squared errors `(y_td − μ_id)²`, `[T, B, N, D]`.
    #[track_caller]
    fn squares<'t>(&self, means: Var<'t, T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError> {
        Ok((OutputDistribution::means(self, means) - &self.targets(data)?).square())
    }

    /// Returns the outputs, `[T, B, 1, D]`.
    fn targets(&self, data: &Sequences<T>) -> Result<Tensor<T>, HmmError> {
        let features = self.log_variances.shape()[1];
        let shape = [data.steps(), data.lengths().len(), 1, features];
        Ok(data.output_features(features)?.reshape(shape))
    }

    /// Sets the means to the expected outputs for each input, if the network has a closed form. Returns whether it
    /// does.
    fn maximize_means(
        &mut self,
        data: &Sequences<T>,
        posteriors: &Tensor<f64>,
    ) -> Result<bool, HmmError> {
        let targets = self.targets(data)?.cast();
        let shape = [data.steps(), data.lengths().len(), self.states(), targets.shape()[3]];
        let quotients = Quotients::of_means(posteriors, &targets.broadcast_to(shape));
        self.network.set_quotients(data, &quotients)
    }

    /// Sets the variances to the expected squares.
    fn maximize_variances(
        &mut self,
        data: &Sequences<T>,
        posteriors: &Tensor<f64>,
    ) -> Result<(), HmmError> {
        let tape = Tape::inference();
        let squares = self.squares(self.network.values(&tape, data)?, data)?.value().cast();
        let mut variances = Tensor::full([1, self.log_variances.value().len()], f64::NAN);
        let symbols = vec![0; data.steps() * data.lengths().len()]; // the same for all inputs
        Quotients::of_means(posteriors, &squares).set(&symbols, &mut variances);
        let logarithms = self.log_variances.value_mut().as_mut_slice();
        for (logarithm, variance) in logarithms.iter_mut().zip(variances.iter()) {
            if !variance.is_nan() {
                *logarithm = T::of(variance.max(self.least).ln());
            }
        }
        Ok(())
    }
}

impl<T: Scalar, P: InputNetwork<T>> OutputDistribution<T> for GaussianOutputs<T, P> {
    fn states(&self) -> usize {
        self.log_variances.shape()[0]
    }

    fn values<'t>(&self, tape: &'t Tape<T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError> {
        self.network.values(tape, data)
    }

    fn log_probabilities<'t>(
        &self,
        values: Var<'t, T>,
        data: &Sequences<T>,
    ) -> Result<Var<'t, T>, HmmError> {
        let tape = values.tape();
        let log_variances = match self.is_fixed {
            true => tape.constant(self.log_variances.value().clone()),
            false => tape.param(&self.log_variances),
        };
        let scaled = self.squares(values, data)? * (-log_variances).exp();
        Ok((scaled + log_variances + TAU.ln()).sum(&[-1]) * -0.5)
    }

    #[track_caller]
    fn means<'t>(&self, values: Var<'t, T>) -> Var<'t, T> {
        let (shape, features) = (values.shape(), self.log_variances.shape()[1]);
        values.reshape([shape[0], shape[1], shape[2] / features, features])
    }

    fn network_loss<'t>(
        &self,
        values: Var<'t, T>,
        data: &Sequences<T>,
        posteriors: &Tensor<T>,
    ) -> Result<Var<'t, T>, HmmError> {
        let log_variances = values.tape().constant(self.log_variances.value().clone());
        let scaled = (self.squares(values, data)? * (-log_variances).exp()).sum(&[-1]);
        Ok((scaled * posteriors).sum_all() * 0.5)
    }

    fn maximize(
        &mut self,
        data: &Sequences<T>,
        posteriors: &Tensor<f64>,
    ) -> Result<bool, HmmError> {
        let is_done = self.maximize_means(data, posteriors)?;
        if !self.is_fixed {
            self.maximize_variances(data, posteriors)?;
        }
        Ok(is_done)
    }
}

impl<T: Scalar, P: Module<T>> Module<T> for GaussianOutputs<T, P> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        path.within("network", |path| self.network.visit(path, visitor));
        if !self.is_fixed {
            path.within("log_variances", |path| self.log_variances.visit(path, visitor));
        }
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        path.within("network", |path| self.network.visit_mut(path, visitor));
        if !self.is_fixed {
            path.within("log_variances", |path| self.log_variances.visit_mut(path, visitor));
        }
    }
}
