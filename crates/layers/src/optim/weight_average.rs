//! Averages of weights over the steps of training.

use std::collections::{BTreeMap, BTreeSet};

use bptt_tensor::{Scalar, Tensor};

use super::hyperparameters::within;
use crate::core::module::{Module, described, join};
use crate::core::pieces;
use crate::core::pieces::PIECE;
use crate::weights::archive::Archive;
use crate::weights::error::WeightsError;

/// An average of a model's weights over the steps of training, which often generalizes better than the last weights.
///
/// ```text
/// θ̄_n = Σ_k β^(n − k) θ_k / Σ_k β^(n − k)      k = 1 … n
/// ```
///
/// `θ_k` are the weights at the `k`-th [`update`](Self::update). With `β = 1`, the average is the [mean](Self::mean) of
/// all of them (Polyak and Juditsky 1992), as in averaged SGD. With `β < 1`, it is an
/// [exponential](Self::exponential) moving average with bias correction. After the first update, it equals the weights
/// of the model. It is compensated for rounding, so that small changes count after any number of updates.
///
/// The average is not part of the optimizer: training continues with the model's own weights.
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_layers::weights::{Archive, WeightsError};
/// use bptt_layers::{Optimizer, Sgd, WeightAverage};
/// use bptt_tensor::Tensor;
///
/// # fn main() -> Result<(), WeightsError> {
/// let mut model = Param::new(Tensor::<f64>::ones([2]));
/// let mut optimizer = Sgd::new(0.9);
/// let mut average = WeightAverage::mean();
/// for _ in 0..10 {
///     let tape = Tape::new();
///     let gradients = tape.backward(tape.param(&model).square().sum_all());
///     optimizer.step(&mut model, &gradients);
///     average.update(&model);
/// }
/// let error = average.averaged(&mut model, |model| model.value().square().sum_all().item());
/// assert!(error < model.value().square().sum_all().item());
///
/// let mut checkpoint = Archive::of(&model);
/// checkpoint.insert_group("average", &average.state());
/// average.restore(&model, &checkpoint.group("average"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WeightAverage<T: Scalar> {
    decay: f64,
    updates: u64,
    averages: BTreeMap<String, Compensated<T>>,
}

/// A running average, as the sum of its rounded value and of the rest that rounding removed.
#[derive(Clone, Debug)]
struct Compensated<T: Scalar> {
    value: Tensor<T>,
    rest: Tensor<T>,
}

const UPDATES: &str = "updates";
const VALUE: &str = "average";
const REST: &str = "rest";

impl<T: Scalar> WeightAverage<T> {
    /// Creates the mean of the weights at all updates.
    #[must_use]
    pub fn mean() -> Self {
        Self::new(1.0)
    }

    /// Creates an exponential moving average with the decay `β`, often 0.99 to 0.9999. It spans about `1 / (1 − β)`
    /// updates.
    ///
    /// # Panics
    ///
    /// If the decay is not in `0..1`.
    #[track_caller]
    #[must_use]
    pub fn exponential(decay: f64) -> Self {
        Self::new(within("decay", 0.0..1.0, decay))
    }

    fn new(decay: f64) -> Self {
        Self { decay, updates: 0, averages: BTreeMap::new() }
    }

    /// Returns the number of updates.
    #[must_use]
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Includes the model's weights in the average.
    ///
    /// # Panics
    ///
    /// If a parameter is not one of the first update, or has another shape: an average serves one model.
    #[track_caller]
    pub fn update(&mut self, model: &dyn Module<T>) {
        self.updates = self.updates.saturating_add(1); // it may have come from a file
        let rate = T::of(self.rate());
        for (name, parameter) in model.parameters() {
            if self.updates == 1 {
                let [value, rest] = [(); 2].map(|()| Tensor::zeros(parameter.shape()));
                self.averages.insert(name.clone(), Compensated { value, rest });
            }
            let average = self.averages.get_mut(&name);
            match average.filter(|average| average.value.shape() == parameter.shape()) {
                Some(average) => average.move_towards(parameter.value(), rate),
                None => panic!(
                    "the average has no weights of shape {} for {}: an average serves one model",
                    parameter.shape(),
                    described(&name),
                ),
            }
        }
    }

    /// Returns the share of the newest weights in the average, `(1 − β) / (1 − β^n)`, or `1/n` for `β = 1`.
    fn rate(&self) -> f64 {
        let n = self.updates as f64;
        if self.decay == 1.0 { 1.0 / n } else { (1.0 - self.decay) / (1.0 - self.decay.powf(n)) }
    }

    /// Returns the averaged weights by the names of their parameters, as [`Archive::of`] returns those of a model. They
    /// can be saved or [assigned](Archive::assign_to) to a model. The archive is empty before the first update.
    #[must_use]
    pub fn weights(&self) -> Archive<T> {
        let mut weights = Archive::new();
        for (name, average) in &self.averages {
            weights.insert(name.clone(), average.value.clone());
        }
        weights
    }

    /// Calls `evaluate` with the model, which has the averaged weights meanwhile, and returns the result. Afterwards,
    /// the model has its own weights again.
    ///
    /// # Panics
    ///
    /// If there was no update, or the average is of another model.
    #[track_caller]
    pub fn averaged<M: Module<T>, R>(&self, model: &mut M, evaluate: impl FnOnce(&M) -> R) -> R {
        let own = Archive::of(model);
        if let Err(error) = self.weights().assign_to(model) {
            panic!("the average is not one of this model's weights, or has no update yet: {error}");
        }
        let result = evaluate(model);
        own.assign_to(model).expect("these are its own weights");
        result
    }

    /// Returns the state of the average, without its decay. A tensor is named after its parameter, followed by
    /// `average`, or by `rest` for the rest that rounding removed.
    #[must_use]
    pub fn state(&self) -> Archive<T> {
        let mut state = Archive::new();
        state.set_text(UPDATES, self.updates);
        for (name, average) in &self.averages {
            state.insert(join(name, VALUE), average.value.clone());
            state.insert(join(name, REST), average.rest.clone());
        }
        state
    }

    /// Replaces the state by one that [`state`](Self::state) returned. Averaging then continues as if it had never
    /// stopped.
    ///
    /// # Errors
    ///
    /// If it is not the state of an average of this model's weights. The average then stays as it was.
    pub fn restore(
        &mut self,
        model: &dyn Module<T>,
        state: &Archive<T>,
    ) -> Result<(), WeightsError> {
        let updates = state.parse(UPDATES)?;
        let (mut averages, mut tensors) = (BTreeMap::new(), BTreeSet::new());
        if updates > 0 {
            for (name, parameter) in model.parameters() {
                let mut tensor = |part| {
                    let tensor = state.shaped(&join(&name, part), parameter.shape())?.clone();
                    tensors.insert(join(&name, part));
                    Ok(tensor)
                };
                let average = Compensated { value: tensor(VALUE)?, rest: tensor(REST)? };
                averages.insert(name, average);
            }
        }
        state.expect_tensors(|name| tensors.contains(name))?;
        state.expect_texts(|name| name == UPDATES)?;
        (self.updates, self.averages) = (updates, averages);
        Ok(())
    }
}

impl<T: Scalar> Compensated<T> {
    /// `average ← average + rate · (new − average)`
    fn move_towards(&mut self, new: &Tensor<T>, rate: T) {
        let values = self.value.as_mut_slice().chunks_mut(PIECE);
        let rests = self.rest.as_mut_slice().chunks_mut(PIECE);
        let pieces = values.zip(rests).zip(new.as_slice().chunks(PIECE)).collect();
        pieces::for_each(pieces, |((values, rests), new)| {
            for ((value, rest), &new) in values.iter_mut().zip(rests).zip(new) {
                let change = *rest + rate * ((new - *value) - *rest);
                let sum = *value + change;
                *rest = change - (sum - *value); // exact if the change is not larger (Dekker 1971)
                *value = sum;
            }
        });
    }
}
