//! Distributions of the output in each state.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Module, ParameterPath};
use bptt_tensor::{Scalar, Tensor};

use super::error::HmmError;
use super::network::InputNetwork;
use super::quotients::Quotients;
use super::sequences::Sequences;

/// The distribution `p(y_t | x_t = i, u_t)` of the output in each of `N` states, of which a network of the input
/// gives the parameters.
pub trait OutputDistribution<T: Scalar>: Module<T> {
    /// Returns the number `N` of states.
    #[must_use]
    fn states(&self) -> usize;

    /// Returns the values of the network at each step, `[T, B, K]`.
    ///
    /// # Errors
    ///
    /// If the inputs do not suit the network.
    fn values<'t>(&self, tape: &'t Tape<T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError>;

    /// Returns `ln p(y_t | x_t = i, u_t)`, `[T, B, N]`, from the [values](Self::values) of the network. Entries after
    /// the end of a sequence are arbitrary.
    ///
    /// # Errors
    ///
    /// If the outputs do not suit the distribution.
    fn log_probabilities<'t>(
        &self,
        values: Var<'t, T>,
        data: &Sequences<T>,
    ) -> Result<Var<'t, T>, HmmError>;

    /// Returns the expected output in each state, `[T, B, N, F]`, from the [values](Self::values) of the network: the
    /// probabilities of classes, or the means of numbers.
    fn means<'t>(&self, values: Var<'t, T>) -> Var<'t, T>;

    /// Returns what a trainer minimizes to train the network, one number: the terms of `−Σ γ_t(i) ln p(y_t | x_t = i,
    /// u_t)` that depend on the [values](Self::values). Parameters besides the network are constants in it.
    ///
    /// `posteriors` are `γ`, `[T, B, N]`, and 0 where no output is observed.
    ///
    /// # Errors
    ///
    /// As [`log_probabilities`](Self::log_probabilities).
    fn network_loss<'t>(
        &self,
        values: Var<'t, T>,
        data: &Sequences<T>,
        posteriors: &Tensor<T>,
    ) -> Result<Var<'t, T>, HmmError> {
        let log_probabilities = self.log_probabilities(values, data)?;
        let posteriors = values.tape().constant(posteriors.clone());
        Ok(-posteriors.chain_mul(log_probabilities).sum_all())
    }

    /// Maximizes `Σ γ_t(i) ln p(y_t | x_t = i, u_t)` over those parameters for which there is a closed form. Returns
    /// whether the network is among them; otherwise a trainer makes steps with it.
    ///
    /// `posteriors` are `γ`, `[T, B, N]`, and 0 where no output is observed.
    ///
    /// # Errors
    ///
    /// As [`log_probabilities`](Self::log_probabilities).
    fn maximize(&mut self, data: &Sequences<T>, posteriors: &Tensor<f64>)
    -> Result<bool, HmmError>;
}

/// Outputs that are classes: a softmax over `C` classes in each state.
///
/// ```text
/// P(y_t = c | x_t = i, u_t) = softmax(o_i(u_t))_c
/// ```
///
/// The network has `N·C` values, the logits `o_i` of state 0 first. If it is a [table](super::InputTable), its exact
/// maximum is the expected count of each class, normalized: the logits are then log-probabilities, −∞ for a class
/// that the state never emits with an input. A distribution that no data reach keeps its logits.
#[derive(Clone, Debug)]
pub struct ClassOutputs<P> {
    /// The network, with `N·C` values.
    pub network: P,
    classes: usize,
}

impl<P> ClassOutputs<P> {
    /// Creates distributions over `classes` from a network of `N · classes` values.
    ///
    /// # Panics
    ///
    /// If there is no class, or the network's values are not a multiple of the classes.
    #[track_caller]
    #[must_use]
    pub fn new<T: Scalar>(network: P, classes: usize) -> Self
    where
        P: InputNetwork<T>,
    {
        let size = network.size();
        assert!(
            classes > 0 && size > 0 && size.is_multiple_of(classes),
            "a network of {size} values does not have {classes} logits for each state"
        );
        Self { network, classes }
    }

    /// Returns the number `C` of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the logits `[T, B, N, C]`.
    #[track_caller]
    fn logits<'t, T: Scalar>(&self, values: Var<'t, T>) -> Var<'t, T> {
        let shape = values.shape();
        values.reshape([shape[0], shape[1], shape[2] / self.classes, self.classes])
    }
}

impl<T: Scalar, P: InputNetwork<T>> OutputDistribution<T> for ClassOutputs<P> {
    fn states(&self) -> usize {
        self.network.size() / self.classes
    }

    fn values<'t>(&self, tape: &'t Tape<T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError> {
        self.network.values(tape, data)
    }

    fn log_probabilities<'t>(
        &self,
        values: Var<'t, T>,
        data: &Sequences<T>,
    ) -> Result<Var<'t, T>, HmmError> {
        let (classes, states) = (self.classes, self.states());
        let targets = data.output_symbols(classes)?;
        let logits = self.logits(values);
        let chosen: Vec<usize> = (0..targets.len() * states)
            .map(|place| place * classes + targets[place / states])
            .collect();
        let flat = logits.log_softmax(-1).reshape([logits.len()]);
        let extents = [data.steps(), data.lengths().len(), states];
        Ok(flat.gather_rows(&chosen).reshape(extents))
    }

    #[track_caller]
    fn means<'t>(&self, values: Var<'t, T>) -> Var<'t, T> {
        self.logits(values).softmax(-1)
    }

    fn maximize(
        &mut self,
        data: &Sequences<T>,
        posteriors: &Tensor<f64>,
    ) -> Result<bool, HmmError> {
        let (classes, states) = (self.classes, self.states());
        let targets = data.output_symbols(classes)?;
        let mut counts = Tensor::zeros([data.steps(), data.lengths().len(), states, classes]);
        for (place, posterior) in posteriors.iter().enumerate() {
            counts.as_mut_slice()[place * classes + targets[place / states]] = *posterior;
        }
        self.network.set_quotients(data, &Quotients::of_counts(&counts))
    }
}

impl<T: Scalar, P: Module<T>> Module<T> for ClassOutputs<P> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        path.within("network", |path| self.network.visit(path, visitor));
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        path.within("network", |path| self.network.visit_mut(path, visitor));
    }
}
