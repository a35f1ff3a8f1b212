use std::fmt;
use std::sync::Arc;

use bptt_autodiff::{Gradients, Param};
use bptt_tensor::Scalar;

use super::hyperparameters;
use super::optimizer::Optimizer;
use super::slots;
use crate::core::module::{Module, ParameterPath};
use crate::weights::archive::Archive;
use crate::weights::error::WeightsError;

/// Several optimizers, each for some of the parameters of a model.
///
/// A group has the parameters whose names its predicate picks, unless an earlier group picks them. The default has all
/// others. Put trainable parameters in the default and frozen ones in a group with learning rate 0.
///
/// ```
/// use bptt_layers::{Adam, Groups, Optimizer};
///
/// // weight decay for all but biases, `output.b` or `gru.b_hh_n`, which learn faster
/// let is_bias = |name: &str| name.rsplit('.').next().is_some_and(|last| last.starts_with('b'));
/// let mut optimizer =
///     Groups::<f32>::new(Adam::adamw(1e-3, 0.01)).group(is_bias, Adam::new(2e-3));
/// optimizer.set_learning_rate(5e-4); // and 10⁻³ for biases
/// ```
///
/// The learning rate is that of the default. Setting it scales the rates of the groups in proportion, also after a
/// learning rate of 0.
#[derive(Clone, Debug)]
pub struct Groups<T: Scalar> {
    predicates: Predicates,
    /// An optimizer for each predicate, and the default last.
    members: Vec<Member<T>>,
}

#[derive(Clone, Debug)]
struct Member<T: Scalar> {
    /// The learning rate, as a multiple of the default's.
    proportion: f64,
    optimizer: Box<dyn Part<T>>,
}

impl<T: Scalar> Groups<T> {
    /// Creates groups with one optimizer for all parameters, the default.
    #[must_use]
    pub fn new(default: impl Optimizer<T> + Clone + Send + Sync + 'static) -> Self {
        let default = Member { proportion: 1.0, optimizer: Box::new(default) };
        Self { predicates: Predicates(Vec::new()), members: vec![default] }
    }

    /// Adds an optimizer for the parameters whose names `picks` accepts, except those of earlier groups.
    ///
    /// # Panics
    ///
    /// If the learning rate of the default is 0, since other rates are multiples of it, or if an optimizer has made a
    /// step.
    #[track_caller]
    #[must_use]
    pub fn group(
        mut self,
        picks: impl Fn(&str) -> bool + Send + Sync + 'static,
        optimizer: impl Optimizer<T> + Clone + Send + Sync + 'static,
    ) -> Self {
        let rate = self.learning_rate();
        assert!(
            rate > 0.0,
            "the learning rates of groups are in proportion to the default's, which is 0: make \
             the default what learns, and what is frozen a group",
        );
        slots::expect_empty("group", self.state().is_empty() && optimizer.state().is_empty());
        let proportion = optimizer.learning_rate() / rate;
        let member = Member { proportion, optimizer: Box::new(optimizer) };
        self.members.insert(self.predicates.0.len(), member);
        self.predicates.0.push(Arc::new(picks));
        self
    }
}

impl<T: Scalar> Groups<T> {
    /// Refuses a group without parameters of the model: a name may be misspelt.
    #[track_caller]
    fn expect_picks(&self, model: &dyn Module<T>) {
        let names: Vec<String> = model.parameters().into_iter().map(|(name, _)| name).collect();
        let owners: Vec<usize> = names.iter().map(|name| self.predicates.owner(name)).collect();
        for position in 0..self.predicates.0.len() {
            assert!(
                owners.contains(&position),
                "group {position} picks none of the model's parameters, {names:?}"
            );
        }
    }
}

/// [`step`](Optimizer::step) also panics if a group picks no parameter of the model.
impl<T: Scalar> Optimizer<T> for Groups<T> {
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        self.expect_picks(model);
        for (position, member) in self.members.iter_mut().enumerate() {
            let picks = |name: &str| self.predicates.owner(name) == position;
            member.optimizer.step(&mut Picked { model: &mut *model, picks }, gradients);
        }
    }

    fn learning_rate(&self) -> f64 {
        self.members.last().expect("the default is there").optimizer.learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        let learning_rate = hyperparameters::learning_rate(learning_rate);
        for member in &mut self.members {
            let is_none = learning_rate == 0.0; // also for an infinite proportion, where the product is NaN
            let rate = if is_none { 0.0 } else { member.proportion * learning_rate };
            member.optimizer.set_learning_rate(rate);
        }
    }

    fn state(&self) -> Archive<T> {
        let mut state = Archive::new();
        for member in &self.members {
            state.insert_group("", &member.optimizer.state());
        }
        state
    }

    fn restore(&mut self, model: &dyn Module<T>, state: &Archive<T>) -> Result<(), WeightsError> {
        let mut members = self.members.clone();
        for (position, member) in members.iter_mut().enumerate() {
            let part = state.filtered(|name| {
                let (parameter, _) = name.rsplit_once('.').unwrap_or_default();
                self.predicates.owner(parameter) == position
            });
            member.optimizer.restore(model, &part)?;
        }
        self.members = members;
        Ok(())
    }
}

/// An optimizer of any type that can be cloned.
trait Part<T: Scalar>: Optimizer<T> + Send + Sync {
    fn boxed_clone(&self) -> Box<dyn Part<T>>;
}

impl<T: Scalar, O: Optimizer<T> + Clone + Send + Sync + 'static> Part<T> for O {
    fn boxed_clone(&self) -> Box<dyn Part<T>> {
        Box::new(self.clone())
    }
}

impl<T: Scalar> Clone for Box<dyn Part<T>> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

type Predicate = dyn Fn(&str) -> bool + Send + Sync;

#[derive(Clone)]
struct Predicates(Vec<Arc<Predicate>>);

impl Predicates {
    /// Returns the position of the first predicate that picks the parameter, or their number.
    fn owner(&self, parameter: &str) -> usize {
        let predicates = &self.0;
        predicates.iter().position(|picks| picks(parameter)).unwrap_or(predicates.len())
    }
}

/// A predicate cannot show which names it picks.
impl fmt::Debug for Predicates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|_| format_args!(".."))).finish()
    }
}

/// The parameters of a model whose names are picked.
struct Picked<'m, T: Scalar, P> {
    model: &'m mut dyn Module<T>,
    picks: P,
}

impl<T: Scalar, P: Fn(&str) -> bool> Module<T> for Picked<'_, T, P> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        self.model.visit(path, &mut |name, parameter| {
            if (self.picks)(name) {
                visitor(name, parameter);
            }
        });
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        let Self { model, picks } = self;
        model.visit_mut(path, &mut |name, parameter| {
            if picks(name) {
                visitor(name, parameter);
            }
        });
    }
}
