//! Hyperparameters: the learning rate may change, and invalid values are refused.

use bptt_layers::{Adadelta, Adagrad, Adam, Adamax, NAdam, Optimizer, RAdam, RmsProp, Sgd};

use crate::support::{message_of, optimizers, start, train};

#[test]
fn learning_rates_can_change() {
    for (name, mut optimizer) in optimizers() {
        let mut model = start();
        optimizer.set_learning_rate(0.0);
        assert_eq!(optimizer.learning_rate(), 0.0);
        train(&mut model, &mut *optimizer, 3);
        assert_eq!(model.a.value(), start().a.value(), "{name}");
        optimizer.set_learning_rate(0.1);
        train(&mut model, &mut *optimizer, 1);
        assert_ne!(model.a.value(), start().a.value(), "{name}");
    }
}

#[test]
fn hyperparameters_without_sense_are_refused() {
    let refused = |build: fn() -> Box<dyn Optimizer<f64>>, expected: &str| {
        let message = message_of(|| drop(build()));
        assert_eq!(message, expected);
    };
    let rate = "a learning rate is finite and at least 0, not";
    refused(|| Box::new(Sgd::new(-0.1)), &format!("{rate} -0.1"));
    refused(|| Box::new(Adam::new(f64::NAN)), &format!("{rate} NaN"));
    refused(|| Box::new(RmsProp::new(f64::INFINITY)), &format!("{rate} inf"));
    refused(|| Box::new(Adagrad::new(-1.0)), &format!("{rate} -1"));
    refused(|| Box::new(Adadelta::new(-1.0)), &format!("{rate} -1"));
    refused(|| Box::new(Adamax::new(-1.0)), &format!("{rate} -1"));
    refused(|| Box::new(NAdam::new(-1.0)), &format!("{rate} -1"));
    refused(|| Box::new(RAdam::new(-1.0)), &format!("{rate} -1"));
    refused(
        || {
            let mut adam = Adam::new(0.1);
            adam.set_learning_rate(-2.0);
            Box::new(adam)
        },
        &format!("{rate} -2"),
    );

    let share = "is at least 0 and less than 1, not";
    refused(|| Box::new(Sgd::new(0.1).momentum(1.0)), &format!("a momentum {share} 1"));
    refused(|| Box::new(Sgd::new(0.1).nesterov(1.5)), &format!("a momentum {share} 1.5"));
    refused(|| Box::new(Sgd::new(0.1).dampening(-1.0)), &format!("a dampening {share} -1"));
    refused(|| Box::new(Adam::new(0.1).betas(1.0, 0.9)), &format!("a β₁ {share} 1"));
    refused(|| Box::new(Adam::new(0.1).betas(0.9, -0.5)), &format!("a β₂ {share} -0.5"));
    refused(|| Box::new(Adamax::new(0.1).betas(0.9, 1.0)), &format!("a β₂ {share} 1"));
    refused(|| Box::new(NAdam::new(0.1).betas(-0.5, 0.9)), &format!("a β₁ {share} -0.5"));
    refused(|| Box::new(RAdam::new(0.1).betas(0.9, 1.0)), &format!("a β₂ {share} 1"));
    refused(|| Box::new(Adadelta::new(0.1).rho(1.0)), &format!("a ρ {share} 1"));
    refused(|| Box::new(RmsProp::new(0.1).alpha(1.0)), &format!("a α {share} 1"));
    refused(|| Box::new(RmsProp::new(0.1).momentum(2.0)), &format!("a momentum {share} 2"));

    let sign = "is finite and at least 0, not -1";
    refused(|| Box::new(Sgd::new(0.1).weight_decay(-1.0)), &format!("a weight decay {sign}"));
    refused(|| Box::new(Adam::new(0.1).weight_decay(-1.0)), &format!("a weight decay {sign}"));
    refused(
        || Box::new(Adam::new(0.1).decoupled_weight_decay(-1.0)),
        &format!("a weight decay {sign}"),
    );
    refused(|| Box::new(Adam::new(0.1).epsilon(-1.0)), &format!("a ε {sign}"));
    refused(|| Box::new(RmsProp::new(0.1).epsilon(-1.0)), &format!("a ε {sign}"));
    refused(|| Box::new(RmsProp::new(0.1).weight_decay(-1.0)), &format!("a weight decay {sign}"));
    refused(|| Box::new(Adagrad::new(0.1).epsilon(-1.0)), &format!("a ε {sign}"));
    refused(|| Box::new(Adagrad::new(0.1).weight_decay(-1.0)), &format!("a weight decay {sign}"));
    refused(|| Box::new(Adagrad::new(0.1).initial_sum(-1.0)), &format!("a sum of squares {sign}"));
    refused(|| Box::new(Adadelta::new(0.1).epsilon(-1.0)), &format!("a ε {sign}"));
    refused(|| Box::new(Adadelta::new(0.1).weight_decay(-1.0)), &format!("a weight decay {sign}"));
    refused(
        || Box::new(NAdam::new(0.1).momentum_decay(-1.0)),
        &format!("a decay of the momentum {sign}"),
    );
    refused(
        || Box::new(Adagrad::new(0.1).rate_decay(-1.0)),
        &format!("a decay of the learning rate {sign}"),
    );
}
