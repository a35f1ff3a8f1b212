//! Optimizers: trajectories of PyTorch, what happens to parameters without a gradient, and going
//! on from a saved state.

extern crate bptt_layers as bptt; // the derived code refers to the façade

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bptt_autodiff::{Gradients, Param, Tape};
use bptt_layers::weights::{Archive, WeightsProblem};
use bptt_layers::{Adadelta, Adagrad, Adam, Adamax, Module, NAdam, Optimizer, RAdam, RmsProp, Sgd};
use bptt_tensor::{Scalar, Tensor};
use common::golden::{Golden, assert_close};

#[derive(Clone, Debug, Module)]
struct Pair<T: Scalar> {
    a: Param<T>,
    b: Param<T>,
}

impl<T: Scalar> Pair<T> {
    fn new(a: Tensor<T>, b: Tensor<T>) -> Self {
        Self { a: Param::new(a), b: Param::new(b) }
    }

    fn zeros() -> Self {
        Self::new(Tensor::zeros([2, 2]), Tensor::zeros([3]))
    }

    /// Gradients that are exactly these tensors.
    fn gradients(&self, a: &Tensor<T>, b: &Tensor<T>) -> Gradients<T> {
        let tape = Tape::new();
        let (a, b) = (tape.param(&self.a) * a, tape.param(&self.b) * b);
        tape.backward(a.sum_all() + b.sum_all())
    }
}

/// Every optimizer and option, with the golden file that has its trajectory.
fn optimizers<T: Scalar>() -> Vec<(&'static str, Box<dyn Optimizer<T>>)> {
    vec![
        ("sgd", Box::new(Sgd::new(0.1))),
        ("sgd_weight_decay", Box::new(Sgd::new(0.1).weight_decay(0.05))),
        ("sgd_momentum", Box::new(Sgd::new(0.1).momentum(0.9))),
        ("sgd_momentum_dampening", Box::new(Sgd::new(0.1).momentum(0.9).dampening(0.3))),
        ("sgd_nesterov", Box::new(Sgd::new(0.1).nesterov(0.9))),
        ("adam", Box::new(Adam::new(0.05).betas(0.9, 0.99).epsilon(1e-8))),
        ("adam_weight_decay", Box::new(Adam::new(0.05).weight_decay(0.05))),
        ("adamw", Box::new(Adam::new(0.05).decoupled_weight_decay(0.1))),
        ("adam_amsgrad", Box::new(Adam::new(0.05).amsgrad())),
        ("adamax", Box::new(Adamax::new(0.05))),
        ("nadam", Box::new(NAdam::new(0.05))),
        ("radam", Box::new(RAdam::new(0.05))),
        ("adadelta", Box::new(Adadelta::new(1.0))),
        ("rmsprop", Box::new(RmsProp::new(0.05).alpha(0.9))),
        (
            "rmsprop_centered_momentum",
            Box::new(RmsProp::new(0.05).alpha(0.9).centered().momentum(0.8)),
        ),
        ("adagrad", Box::new(Adagrad::new(0.1))),
        (
            "adagrad_decay",
            Box::new(Adagrad::new(0.1).rate_decay(0.01).weight_decay(0.02).initial_sum(0.1)),
        ),
    ]
}

/// PyTorch's name of each memory, and ours.
const MEMORIES: [(&str, &str); 9] = [
    ("momentum_buffer", "momentum"),
    ("exp_avg", "average"),
    ("exp_avg_sq", "square_average"),
    ("square_avg", "square_average"),
    ("grad_avg", "average"),
    ("sum", "square_sum"),
    ("max_exp_avg_sq", "square_maximum"),
    ("exp_inf", "maximum"),
    ("acc_delta", "change_average"),
];

#[test]
fn given_gradients_move_parameters_as_in_pytorch() {
    for (name, mut optimizer) in optimizers() {
        let golden = Golden::load(&format!("optim_{name}"));
        let mut model = Pair::new(golden.tensor("start.a"), golden.tensor("start.b"));
        let [ga, gb, after_a, after_b] =
            ["gradients.a", "gradients.b", "after.a", "after.b"].map(|name| golden.tensor(name));
        for step in 0..5 {
            let gradients = model.gradients(&ga.index_first(step), &gb.index_first(step));
            optimizer.step(&mut model, &gradients);
            let what = format!("{name}, step {step}");
            assert_close(&what, model.a.value(), &after_a.index_first(step));
            assert_close(&what, model.b.value(), &after_b.index_first(step));
        }

        let state = optimizer.state();
        assert_eq!(state.parse::<u64>("a.step").unwrap(), 5);
        let mut compared = 0;
        for parameter in ["a", "b"] {
            for (theirs, ours) in MEMORIES {
                let key = format!("state.{parameter}.{theirs}");
                if golden.has(&key) {
                    let memory = state.tensor(&format!("{parameter}.{ours}")).unwrap();
                    assert_close(&format!("{name}, {key}"), memory, &golden.tensor(&key));
                    compared += 1;
                }
            }
        }
        assert_eq!(state.names().count(), compared, "{name} remembers {state:?}");
    }
}

#[test]
fn own_gradients_move_parameters_as_in_pytorch() {
    let slow = |optimizer: Sgd<f64>| -> Box<dyn Optimizer<f64>> {
        let mut optimizer = optimizer;
        optimizer.set_learning_rate(0.1 * 0.2);
        Box::new(optimizer)
    };
    let cases: [(_, Box<dyn Optimizer<f64>>); 7] = [
        ("sgd", slow(Sgd::new(0.1))),
        ("sgd_momentum", slow(Sgd::new(0.1).momentum(0.9))),
        ("sgd_nesterov", slow(Sgd::new(0.1).nesterov(0.9))),
        ("adam", Box::new(Adam::new(0.05).betas(0.9, 0.99))),
        ("adamw", Box::new(Adam::adamw(0.05, 0.1))),
        ("rmsprop", Box::new(RmsProp::new(0.05).alpha(0.9))),
        ("adagrad", Box::new(Adagrad::new(0.1))),
    ];
    for (name, mut optimizer) in cases {
        let golden = Golden::load(&format!("optim_quadratic_{name}"));
        let (m, t) = (golden.tensor("M"), golden.tensor("t").reshape([6, 1]));
        let mut p = Param::new(golden.tensor("start"));
        for step in 0..5 {
            let tape = Tape::new();
            let x = tape.param(&p);
            let residual = tape.constant(m.clone()).matmul(x.reshape([4, 1])) - &t;
            let loss = residual.square().sum_all() * 0.5 + (x * 3.0).cos().sum_all() * 0.1;
            let gradients = tape.backward(loss);
            let what = format!("{name}, step {step}");
            assert_close(&what, &gradients[&p], &golden.tensor("grad").index_first(step));
            optimizer.step(&mut p, &gradients);
            assert_close(&what, p.value(), &golden.tensor("after").index_first(step));
        }
    }
}

#[test]
fn single_precision_follows_double_precision() {
    let g = |step: usize, i: usize| ((step * 7 + i * 3) as f64).sin() + 0.1;
    for ((name, mut double), (_, mut single)) in optimizers::<f64>().into_iter().zip(optimizers()) {
        let p = descend(&mut *double, g);
        let q = descend(&mut *single, |step, i| g(step, i) as f32);
        for (p, q) in p.as_slice().iter().zip(q.as_slice()) {
            assert!((p - f64::from(*q)).abs() < 1e-4, "{name}: {p} and {q}");
        }
    }

    fn descend<T: Scalar>(
        optimizer: &mut dyn Optimizer<T>,
        g: impl Fn(usize, usize) -> T,
    ) -> Tensor<T> {
        let mut model = Pair::zeros();
        for step in 0..50 {
            let a = Tensor::from_fn([2, 2], |i| g(step, i));
            let gradients = model.gradients(&a, &Tensor::zeros([3]));
            optimizer.step(&mut model, &gradients);
        }
        model.a.value().clone()
    }
}

/// With equal gradients `v − m²` is 0 but for rounding, which in single precision goes below.
#[test]
fn a_variance_below_zero_makes_no_nan() {
    let mut p = Param::new(Tensor::<f32>::zeros([64]));
    let gradient = Tensor::from_fn([64], |i| 0.1 + 0.37 * i as f32);
    let mut optimizer = RmsProp::new(1e-3).alpha(0.5).centered();
    for _ in 0..200 {
        let tape = Tape::new();
        let gradients = tape.backward((tape.param(&p) * &gradient).sum_all());
        optimizer.step(&mut p, &gradients);
    }
    assert!(p.value().is_finite(), "{p:?}");
}

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

        // and its first step is a first step, whenever it comes
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

/// A few steps on a problem whose gradients depend on the parameters.
fn train(model: &mut Pair<f32>, optimizer: &mut dyn Optimizer<f32>, steps: usize) {
    for _ in 0..steps {
        let tape = Tape::new();
        let (a, b) = (tape.param(&model.a), tape.param(&model.b));
        let loss = (a * 1.7 - 0.3).tanh().square().sum_all() + (b * a.sum_all()).cos().sum_all();
        let gradients = tape.backward(loss);
        optimizer.step(model, &gradients);
    }
}

fn start() -> Pair<f32> {
    Pair::new(
        Tensor::from_vec([2, 2], vec![0.3, -0.7, 1.1, 0.2]),
        Tensor::from_vec([3], vec![0.9, -0.4, 0.05]),
    )
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
        matches!(*problem, WeightsProblem::MissingTensor { ref tensor } if tensor == "a.square_sum")
    );

    // another model: other shapes, other names
    let other = Pair::new(Tensor::zeros([2, 2]), Tensor::zeros([4]));
    let problem = Adam::new(0.1).restore(&other, &state).unwrap_err().problem;
    assert!(
        matches!(*problem, WeightsProblem::WrongShape { ref tensor, .. } if tensor == "b.average")
    );
    let problem = Adam::new(0.1).restore(&[model.a.clone()], &state).unwrap_err().problem;
    assert!(matches!(*problem, WeightsProblem::UnexpectedTensor { .. }));

    // another model, of which nothing but the steps is remembered
    let mut sgd = Sgd::new(0.1);
    train(&mut model, &mut sgd, 2);
    let problem = sgd.restore(&[model.a.clone()], &sgd.state()).unwrap_err().problem;
    assert!(matches!(*problem, WeightsProblem::UnexpectedText { ref text } if text == "a.step"));

    // no number of steps
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
fn what_is_remembered_is_settled_by_the_first_step() {
    fn stepped<O: Optimizer<f32>>(mut optimizer: O) -> O {
        train(&mut start(), &mut optimizer, 1);
        optimizer
    }
    let refused = |option: &str, change: fn()| {
        let message = message_of(change);
        assert!(message.starts_with(&format!("the {option} changes what")), "{message}");
        assert!(message.contains("set it before the first step"), "{message}");
    };
    refused("momentum", || drop(stepped(Sgd::new(0.1)).momentum(0.9)));
    refused("momentum", || drop(stepped(Sgd::new(0.1)).nesterov(0.9)));
    refused("momentum", || drop(stepped(Sgd::new(0.1).momentum(0.9)).momentum(0.0)));
    refused("momentum", || drop(stepped(RmsProp::new(0.1)).momentum(0.9)));
    refused("momentum", || drop(stepped(RmsProp::new(0.1).momentum(0.9)).momentum(0.0)));
    refused("centering", || drop(stepped(RmsProp::new(0.1)).centered()));
    refused("initial sum of squares", || drop(stepped(Adagrad::new(0.1)).initial_sum(0.1)));

    // other values of the same options may change
    stepped(stepped(Sgd::new(0.1).momentum(0.9)).nesterov(0.5));
    stepped(stepped(RmsProp::new(0.1).centered().momentum(0.9)).centered().momentum(0.5));
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
    refused(
        || Box::new(Adagrad::new(0.1).rate_decay(-1.0)),
        &format!("a decay of the learning rate {sign}"),
    );
}

/// What `run` panics with.
#[track_caller]
fn message_of(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("should panic");
    *panic.downcast().expect("a formatted message")
}
