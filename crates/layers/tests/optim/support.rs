//! Helpers that the tests share: a model of two parameters, every optimizer, and a short training.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bptt_autodiff::{Gradients, Param, Tape};
use bptt_layers::{Adadelta, Adagrad, Adam, Adamax, Module, NAdam, Optimizer, RAdam, RmsProp, Sgd};
use bptt_tensor::{Scalar, Tensor};

#[derive(Clone, Debug, Module)]
pub(crate) struct Pair<T: Scalar> {
    pub(crate) a: Param<T>,
    pub(crate) b: Param<T>,
}

impl<T: Scalar> Pair<T> {
    pub(crate) fn new(a: Tensor<T>, b: Tensor<T>) -> Self {
        Self { a: Param::new(a), b: Param::new(b) }
    }

    pub(crate) fn zeros() -> Self {
        Self::new(Tensor::zeros([2, 2]), Tensor::zeros([3]))
    }

    /// Returns gradients that are exactly these tensors.
    pub(crate) fn gradients(&self, a: &Tensor<T>, b: &Tensor<T>) -> Gradients<T> {
        let tape = Tape::new();
        let (a, b) = (tape.param(&self.a) * a, tape.param(&self.b) * b);
        tape.backward(a.sum_all() + b.sum_all())
    }
}

/// Every optimizer and option, with the golden file that has its trajectory.
pub(crate) fn optimizers<T: Scalar>() -> Vec<(&'static str, Box<dyn Optimizer<T>>)> {
    vec![
        ("sgd", Box::new(Sgd::new(0.1))),
        ("sgd_weight_decay", Box::new(Sgd::new(0.1).weight_decay(0.05))),
        ("sgd_momentum", Box::new(Sgd::new(0.1).momentum(0.9))),
        ("sgd_momentum_dampening", Box::new(Sgd::new(0.1).momentum(0.9).dampening(0.3))),
        ("sgd_nesterov", Box::new(Sgd::new(0.1).nesterov(0.9))),
        ("adam", Box::new(Adam::new(0.05).betas(0.9, 0.99).epsilon(1e-8))),
        ("adam_weight_decay", Box::new(Adam::new(0.05).weight_decay(0.05))),
        ("adamw", Box::new(Adam::new(0.05).decoupled_weight_decay(0.1))),
        ("adam_amsgrad", Box::new(Adam::new(0.05).amsgrad(true))),
        ("adamax", Box::new(Adamax::new(0.05))),
        ("nadam", Box::new(NAdam::new(0.05))),
        ("radam", Box::new(RAdam::new(0.05))),
        ("adadelta", Box::new(Adadelta::new(1.0))),
        ("rmsprop", Box::new(RmsProp::new(0.05).alpha(0.9))),
        (
            "rmsprop_centered_momentum",
            Box::new(RmsProp::new(0.05).alpha(0.9).centered(true).momentum(0.8)),
        ),
        ("adagrad", Box::new(Adagrad::new(0.1))),
        (
            "adagrad_decay",
            Box::new(Adagrad::new(0.1).rate_decay(0.01).weight_decay(0.02).initial_sum(0.1)),
        ),
    ]
}

/// A few steps on a problem whose gradients depend on the parameters.
pub(crate) fn train(model: &mut Pair<f32>, optimizer: &mut dyn Optimizer<f32>, steps: usize) {
    for _ in 0..steps {
        let tape = Tape::new();
        let (a, b) = (tape.param(&model.a), tape.param(&model.b));
        let loss = (a * 1.7 - 0.3).tanh().square().sum_all() + (b * a.sum_all()).cos().sum_all();
        let gradients = tape.backward(loss);
        optimizer.step(model, &gradients);
    }
}

pub(crate) fn start() -> Pair<f32> {
    Pair::new(
        Tensor::from_vec([2, 2], vec![0.3, -0.7, 1.1, 0.2]),
        Tensor::from_vec([3], vec![0.9, -0.4, 0.05]),
    )
}

/// Returns the message with which `run` panics.
#[track_caller]
pub(crate) fn message_of(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("should panic");
    match panic.downcast::<String>() {
        Ok(formatted) => *formatted,
        Err(panic) => (*panic.downcast::<&str>().expect("a message")).to_owned(),
    }
}
