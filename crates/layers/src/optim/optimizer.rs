//! The interface of optimizers.

use std::fmt;

use bptt_autodiff::Gradients;
use bptt_tensor::Scalar;

use crate::core::module::Module;
use crate::weights::archive::Archive;
use crate::weights::error::WeightsError;

/// Moves the parameters of a model along their gradients.
///
/// An optimizer serves one model: it knows the parameters by their names.
///
/// The update equations follow PyTorch's conventions. In them `θ` is a parameter, `g` its gradient, `η` the learning
/// rate and `λ` the weight decay. Operations are element by element. The optimizer's state starts at 0, and `t` counts
/// the steps of this parameter from 1.
///
/// The trait is object-safe, so that a program can choose at run time:
///
/// ```
/// use bptt_autodiff::{Param, Tape};
/// use bptt_layers::{Adam, Optimizer, Sgd};
/// use bptt_tensor::Tensor;
///
/// # let momentum = None;
/// let mut optimizer: Box<dyn Optimizer<f64>> = match momentum {
///     Some(momentum) => Box::new(Sgd::new(0.1).momentum(momentum)),
///     None => Box::new(Adam::new(0.1).betas(0.9, 0.99)),
/// };
/// let mut w = Param::new(Tensor::from_vec([2], vec![1.0, -2.0]));
/// for _ in 0..100 {
///     let tape = Tape::new();
///     let gradients = tape.backward(tape.param(&w).square().sum_all());
///     optimizer.step(&mut w, &gradients);
/// }
/// assert!(w.value().as_slice().iter().all(|w| w.abs() < 0.05));
/// ```
pub trait Optimizer<T: Scalar>: fmt::Debug {
    /// Moves every parameter that has a gradient, and leaves the others alone.
    ///
    /// # Panics
    ///
    /// If the shape of a parameter is not that of its gradient, or has changed since its last step.
    #[track_caller]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>);

    /// Returns the learning rate.
    fn learning_rate(&self) -> f64;

    /// Changes the learning rate, for instance to that of a [`Schedule`](crate::Schedule) or
    /// [`Plateau`](crate::Plateau).
    ///
    /// # Panics
    ///
    /// If it is negative or not finite.
    #[track_caller]
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// Returns the state of the optimizer, without its hyperparameters. The name of a tensor is that of its parameter
    /// and slot, such as `layers.0.w_hh.momentum`.
    #[must_use]
    fn state(&self) -> Archive<T>;

    /// Replaces the state of the optimizer by one that [`state`](Self::state) returned. Training then continues as if
    /// it had never stopped. Parameters that are not in the state have not made a step.
    ///
    /// # Errors
    ///
    /// If the state does not have the memories of this optimizer for this model. The optimizer then stays as it was.
    fn restore(&mut self, model: &dyn Module<T>, state: &Archive<T>) -> Result<(), WeightsError>;
}

impl<T: Scalar, O: Optimizer<T> + ?Sized> Optimizer<T> for Box<O> {
    #[track_caller]
    fn step(&mut self, model: &mut dyn Module<T>, gradients: &Gradients<T>) {
        (**self).step(model, gradients);
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }

    #[track_caller]
    fn set_learning_rate(&mut self, learning_rate: f64) {
        (**self).set_learning_rate(learning_rate);
    }

    fn state(&self) -> Archive<T> {
        (**self).state()
    }

    fn restore(&mut self, model: &dyn Module<T>, state: &Archive<T>) -> Result<(), WeightsError> {
        (**self).restore(model, state)
    }
}

/// Implements the methods of [`Optimizer`] that are the same for every type of optimizer. The type has the fields
/// `learning_rate: f64` and `slots: Slots<T>`, and a method `slot_names`.
macro_rules! common_methods {
    () => {
        fn learning_rate(&self) -> f64 {
            self.learning_rate
        }

        #[track_caller]
        fn set_learning_rate(&mut self, learning_rate: f64) {
            self.learning_rate = $crate::optim::hyperparameters::learning_rate(learning_rate);
        }

        fn state(&self) -> $crate::weights::archive::Archive<T> {
            self.slots.state(self.slot_names())
        }

        fn restore(
            &mut self,
            model: &dyn $crate::core::module::Module<T>,
            state: &$crate::weights::archive::Archive<T>,
        ) -> Result<(), $crate::weights::error::WeightsError> {
            self.slots.restore(self.slot_names(), model, state)
        }
    };
}
pub(super) use common_methods;
