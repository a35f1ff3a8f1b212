//! The state of optimizers: of parameters with and without a gradient, and across a pause.

use bptt_autodiff::{Param, Tape};
use bptt_layers::weights::{Archive, WeightsProblem};
use bptt_layers::{Adagrad, Adam, Optimizer, RmsProp, Sgd};
use bptt_tensor::Tensor;

use crate::support::{Pair, message_of, optimizers, start, train};

#[test]
fn a_parameter_without_gradient_is_left_alone() {
    for (name, mut optimizer) in optimizers() {
        let mut model = Pair::<f64>::new(Tensor::ones([2, 2]), Tensor::ones([3]));
        for _ in 0..3 {
            let tape = Tape::new();
            let gradients = tape.backward(tape.param(&model.a).square().sum_all());
            optimizer.step(&mut model, &gradients);
        }
        assert_eq!(model.b.value(), &Tensor::ones([3]), "{name}");
        assert_ne!(model.a.value(), &Tensor::ones([2, 2]), "{name}");
        assert!(!optimizer.state().has_text("b.step"), "{name}");

        // its first step counts as the first, however late it comes
        let (_, mut fresh) = optimizers().into_iter().find(|(other, _)| *other == name).unwrap();
        let mut alone = model.b.clone();
        let tape = Tape::new();
        let gradients = tape.backward(tape.param(&alone).exp().sum_all());
        fresh.step(&mut alone, &gradients);
        let tape = Tape::new();
        let gradients = tape.backward(tape.param(&model.b).exp().sum_all());
        optimizer.step(&mut model, &gradients);
        assert_eq!(model.b.value(), alone.value(), "{name}");
    }
}

#[test]
fn training_resumes_bit_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for ((name, mut once), (_, mut before)) in optimizers().into_iter().zip(optimizers()) {
        let (_, mut after) = optimizers().into_iter().find(|(other, _)| *other == name).unwrap();
        let mut uninterrupted = start();
        train(&mut uninterrupted, &mut *once, 14);

        let mut model = start();
        train(&mut model, &mut *before, 7);
        let mut checkpoint = Archive::new();
        checkpoint.insert_group("model", &Archive::of(&model));
        checkpoint.insert_group("optimizer", &before.state());
        checkpoint.save(&path).unwrap();

        let checkpoint = Archive::load(&path).unwrap();
        let mut model = Pair::zeros();
        model.a.set(Tensor::zeros([2, 2]));
        checkpoint.group("model").assign_to(&mut model).unwrap();
        after.restore(&model, &checkpoint.group("optimizer")).unwrap();
        train(&mut model, &mut *after, 7);

        assert_eq!(model.a.value(), uninterrupted.a.value(), "{name}");
        assert_eq!(model.b.value(), uninterrupted.b.value(), "{name}");
        assert!(model.a.value().is_finite(), "{name}");
    }
}

#[test]
fn a_state_is_a_snapshot() {
    let mut model = start();
    let mut optimizer = Adam::new(0.1);
    train(&mut model, &mut optimizer, 2);
    let state = optimizer.state();
    let average = state.tensor("a.average").unwrap().to_vec();
    train(&mut model, &mut optimizer, 2);
    assert_eq!(state.tensor("a.average").unwrap().to_vec(), average);
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    let mut model = start();
    let mut adam = Adam::new(0.1);
    train(&mut model, &mut adam, 2);
    let state = adam.state();

    // another kind of optimizer
    let problem = Sgd::new(0.1).restore(&model, &state).unwrap_err().problem;
    assert!(
        matches!(*problem, WeightsProblem::UnexpectedTensor { ref tensor } if tensor == "a.average")
    );
    let problem = Adagrad::new(0.1).restore(&model, &state).unwrap_err().problem;
    assert!(
        matches!(*problem, WeightsProblem::MissingTensor { ref tensor, .. } if tensor == "a.square_sum")
    );

    // another model: other shapes, other names
    let other = Pair::new(Tensor::zeros([2, 2]), Tensor::zeros([4]));
    let problem = Adam::new(0.1).restore(&other, &state).unwrap_err().problem;
    assert!(
        matches!(*problem, WeightsProblem::WrongShape { ref tensor, .. } if tensor == "b.average")
    );
    let problem = Adam::new(0.1).restore(&[model.a.clone()], &state).unwrap_err().problem;
    assert!(matches!(*problem, WeightsProblem::UnexpectedTensor { .. }));

    // another model, for an optimizer whose state is the steps alone
    let mut sgd = Sgd::new(0.1);
    train(&mut model, &mut sgd, 2);
    let problem = sgd.restore(&[model.a.clone()], &sgd.state()).unwrap_err().problem;
    assert!(matches!(*problem, WeightsProblem::UnexpectedText { ref text } if text == "a.step"));

    // a text that is not a number of steps
    let mut damaged = state.clone();
    damaged.set_text("b.step", "many");
    let error = adam.restore(&model, &damaged).unwrap_err();
    assert_eq!(error.to_string(), "weights: text `b.step` cannot be understood: `many`");

    // a refusal changes nothing
    assert_eq!(adam.state().tensor("a.average").unwrap(), state.tensor("a.average").unwrap());
    assert_eq!(adam.state().parse::<u64>("b.step").unwrap(), 2);
}

#[test]
fn an_optimizer_serves_one_model() {
    let mut optimizer = Adam::new(0.1);
    let mut small = Param::new(Tensor::<f64>::ones([2]));
    let mut large = Param::new(Tensor::<f64>::ones([5]));
    let mut step = |p: &mut Param<f64>| {
        let tape = Tape::new();
        let gradients = tape.backward(tape.param(p).square().sum_all());
        optimizer.step(p, &gradients);
    };
    step(&mut small);
    let message = message_of(|| step(&mut large));
    assert!(message.contains("with shape [2], but now it has [5]"), "{message}");
}

#[test]
fn the_slots_are_fixed_by_the_first_step() {
    fn stepped<O: Optimizer<f32>>(mut optimizer: O) -> O {
        train(&mut start(), &mut optimizer, 1);
        optimizer
    }
    let refused = |option: &str, change: fn()| {
        let message = message_of(change);
        assert!(
            message.starts_with(&format!("the {option} changes the state of an optimizer")),
            "{message}"
        );
        assert!(message.contains("set it before the first step"), "{message}");
    };
    refused("momentum", || drop(stepped(Sgd::new(0.1)).momentum(0.9)));
    refused("momentum", || drop(stepped(Sgd::new(0.1)).nesterov(0.9)));
    refused("momentum", || drop(stepped(Sgd::new(0.1).momentum(0.9)).momentum(0.0)));
    refused("momentum", || drop(stepped(RmsProp::new(0.1)).momentum(0.9)));
    refused("momentum", || drop(stepped(RmsProp::new(0.1).momentum(0.9)).momentum(0.0)));
    refused("largest average of squares", || drop(stepped(Adam::new(0.1)).amsgrad(true)));
    refused("centering", || drop(stepped(RmsProp::new(0.1)).centered(true)));
    refused("centering", || drop(stepped(RmsProp::new(0.1).centered(true)).centered(false)));
    refused("initial sum of squares", || drop(stepped(Adagrad::new(0.1)).initial_sum(0.1)));

    // other values of the same options may change
    stepped(stepped(Adam::new(0.1).amsgrad(true)).amsgrad(true).betas(0.5, 0.5));
    stepped(stepped(Sgd::new(0.1).momentum(0.9)).nesterov(0.5));
    stepped(stepped(RmsProp::new(0.1).centered(true).momentum(0.9)).centered(true).momentum(0.5));
}

#[test]
fn a_gradient_of_another_shape_is_refused() {
    for (name, mut optimizer) in optimizers() {
        let mut model = start();
        let mut gradients = model.gradients(&Tensor::ones([2, 2]), &Tensor::ones([3]));
        *gradients.get_mut(&model.b).unwrap() = Tensor::ones([2]);
        let message = message_of(|| optimizer.step(&mut model, &gradients));
        let expected = "the gradient of `b` has shape [2], but the parameter has [3]";
        assert!(message.starts_with(expected), "{name}: {message}");
    }
}

/// A file may contain any number of steps.
#[test]
fn the_number_of_steps_has_no_end() {
    let mut model = Pair::<f64>::new(Tensor::ones([2]), Tensor::ones([2]));
    let mut optimizer = Adam::new(0.1);
    let one = Tensor::ones([2]);
    let gradients = model.gradients(&one, &one);
    optimizer.step(&mut model, &gradients);
    let mut state = optimizer.state();
    state.set_text("a.step", u64::MAX);
    optimizer.restore(&model, &state).unwrap();
    optimizer.step(&mut model, &gradients);
    assert!(model.a.value().is_finite());
}
