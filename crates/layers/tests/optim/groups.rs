//! Groups of parameters, each with its own optimizer.

use std::sync::{Arc, Mutex};

use bptt_autodiff::{Gradients, Param, Tape};
use bptt_layers::weights::{Archive, WeightsError, WeightsProblem};
use bptt_layers::{Adagrad, Adam, Groups, Module, Optimizer, Sgd};
use bptt_tensor::Tensor;

use crate::support::{Pair, message_of, start, train};

/// Two layers: the names are `0.a`, `0.b`, `1.a` and `1.b`.
type Model = [Pair<f64>; 2];

fn model() -> Model {
    let values = |from: f64| {
        let element = |i: usize| from + 0.3 * i as f64;
        Pair::new(Tensor::from_fn([2, 2], element), Tensor::from_fn([3], element))
    };
    [values(-0.8), values(0.4)]
}

fn descend(model: &mut Model, optimizer: &mut dyn Optimizer<f64>, steps: usize) {
    for _ in 0..steps {
        let tape = Tape::new();
        let loss = model.iter().fold(tape.constant(Tensor::scalar(0.0)), |loss, pair| {
            let (a, b) = (tape.param(&pair.a), tape.param(&pair.b));
            loss + a.sin().sum_all() + (b * 2.0).cos().sum_all()
        });
        let gradients = tape.backward(loss);
        optimizer.step(model, &gradients);
    }
}

fn groups() -> Groups<f64> {
    Groups::new(Adam::adamw(0.05, 0.1))
        .group(|name| name.ends_with(".b"), Adagrad::new(0.2))
        .group(|name| name.starts_with("1."), Sgd::new(0.1).momentum(0.9))
}

/// The parameters do not meet in the loss, so that each could have been trained alone.
#[test]
fn each_parameter_is_moved_by_the_first_group_that_picks_it() {
    let mut together = model();
    descend(&mut together, &mut groups(), 5);

    let alone = |mut optimizer: Box<dyn Optimizer<f64>>| {
        let mut model = model();
        descend(&mut model, &mut *optimizer, 5);
        model
    };
    let adam = alone(Box::new(Adam::adamw(0.05, 0.1)));
    let adagrad = alone(Box::new(Adagrad::new(0.2)));
    let sgd = alone(Box::new(Sgd::new(0.1).momentum(0.9)));
    assert_eq!(together[0].a.value(), adam[0].a.value());
    assert_eq!(together[0].b.value(), adagrad[0].b.value());
    assert_eq!(together[1].a.value(), sgd[1].a.value());
    assert_eq!(together[1].b.value(), adagrad[1].b.value());
}

#[test]
fn groups_without_a_group_are_their_default() {
    let (mut expected, mut actual) = (model(), model());
    let (mut adam, mut groups) = (Adam::new(0.05), Groups::new(Adam::new(0.05)));
    descend(&mut expected, &mut adam, 3);
    descend(&mut actual, &mut groups, 3);
    assert_eq!(actual[1].b.value(), expected[1].b.value());
    assert_eq!(Vec::from_iter(groups.state().names()), Vec::from_iter(adam.state().names()));
}

#[test]
fn groups_can_hold_groups() {
    let inner = Groups::new(Adam::adamw(0.05, 0.1))
        .group(|name| name == "1.a", Sgd::new(0.1).momentum(0.9));
    let mut nested = Groups::new(inner).group(|name| name.ends_with(".b"), Adagrad::new(0.2));
    let (mut expected, mut actual) = (model(), model());
    descend(&mut expected, &mut groups(), 3);
    descend(&mut actual, &mut nested, 3);
    nested.set_learning_rate(0.5);
    let state = nested.state();
    nested.restore(&actual, &state).unwrap();
    let mut flat = groups();
    flat.restore(&expected, &state).unwrap();
    flat.set_learning_rate(0.5);
    descend(&mut expected, &mut flat, 3);
    descend(&mut actual, &mut nested, 3);
    for (actual, expected) in actual.iter().zip(&expected) {
        assert_eq!(actual.a.value(), expected.a.value());
        assert_eq!(actual.b.value(), expected.b.value());
    }
}

/// An optimizer that moves nothing, and records the names of the parameters that it sees.
#[derive(Clone, Debug, Default)]
struct Observer {
    names: Arc<Mutex<Vec<String>>>,
}

impl Optimizer<f64> for Observer {
    fn step(&mut self, model: &mut dyn Module<f64>, _: &Gradients<f64>) {
        let names = model.parameters().into_iter().map(|(name, _)| name);
        self.names.lock().expect("no panic before").extend(names);
    }

    fn learning_rate(&self) -> f64 {
        1.0
    }

    fn set_learning_rate(&mut self, _: f64) {}

    fn state(&self) -> Archive<f64> {
        Archive::new()
    }

    fn restore(&mut self, _: &dyn Module<f64>, _: &Archive<f64>) -> Result<(), WeightsError> {
        Ok(())
    }
}

#[test]
fn an_optimizer_sees_its_own_parameters_only() {
    let (default, group) = (Observer::default(), Observer::default());
    let mut groups = Groups::new(default.clone()).group(|name| name == "1.a", group.clone());
    descend(&mut model(), &mut groups, 1);
    assert_eq!(*default.names.lock().unwrap(), ["0.a", "0.b", "1.b"]);
    assert_eq!(*group.names.lock().unwrap(), ["1.a"]);
}

#[test]
fn a_parameter_without_a_name_has_a_group() {
    let mut p = Param::new(Tensor::<f64>::ones([2]));
    let mut groups = Groups::new(Sgd::new(0.1)).group(str::is_empty, Adam::new(0.1));
    let tape = Tape::new();
    let gradients = tape.backward(tape.param(&p).square().sum_all());
    groups.step(&mut p, &gradients);
    let state = groups.state();
    assert_eq!(Vec::from_iter(state.names()), ["average", "square_average"]);
    groups.restore(&p, &state).unwrap();
}

#[test]
fn learning_rates_keep_their_proportions() {
    // a group's learning rate, seen in its first step along a gradient of 1
    fn rates(groups: &Groups<f64>) -> [f64; 2] {
        let mut model = (Param::new(Tensor::scalar(0.0)), Param::new(Tensor::scalar(0.0)));
        let tape = Tape::new();
        let gradients = tape.backward(tape.param(&model.0) + tape.param(&model.1));
        groups.clone().step(&mut model, &gradients);
        [-model.0.value().item(), -model.1.value().item()]
    }
    let mut groups = Groups::new(Sgd::new(0.5)).group(|name| name == "1", Sgd::new(2.0));
    assert_eq!(groups.learning_rate(), 0.5);
    assert_eq!(rates(&groups), [0.5, 2.0]);
    for rate in [0.25, 0.0, 3.0, 0.5] {
        groups.set_learning_rate(rate);
        assert_eq!(groups.learning_rate(), rate);
        assert_eq!(rates(&groups), [rate, 4.0 * rate]);
    }

    // in proportion to the default's learning rate at that time
    groups.set_learning_rate(1.0);
    let mut groups = groups.group(|name| name == "0", Sgd::new(3.0));
    groups.set_learning_rate(0.5);
    assert_eq!(rates(&groups), [1.5, 2.0]);

    // a frozen parameter stays frozen
    let mut groups = Groups::new(Sgd::new(0.5)).group(|name| name == "1", Sgd::new(0.0));
    groups.set_learning_rate(2.0);
    assert_eq!(rates(&groups), [2.0, 0.0]);
}

#[test]
fn learning_rates_without_sense_are_refused() {
    let group = |rate| Groups::<f64>::new(Sgd::new(rate)).group(|_| true, Sgd::new(0.0));
    for rate in [-1.0, f64::NAN, f64::INFINITY] {
        let message = message_of(|| group(0.1).set_learning_rate(rate));
        assert_eq!(message, format!("a learning rate is finite and at least 0, not {rate}"));
    }
    let message = message_of(|| drop(group(0.0)));
    assert!(message.contains("in proportion to the default's, which is 0"), "{message}");
}

#[test]
fn training_in_groups_resumes_bit_exactly() {
    let mut uninterrupted = model();
    descend(&mut uninterrupted, &mut groups(), 8);

    let (mut model, mut before, mut after) = (model(), groups(), groups());
    descend(&mut model, &mut before, 4);
    let state = before.state();
    let names = Vec::from_iter(state.names());
    assert_eq!(
        names,
        ["0.a.average", "0.a.square_average", "0.b.square_sum", "1.a.momentum", "1.b.square_sum"]
    );
    after.restore(&model, &state).unwrap();
    descend(&mut model, &mut after, 4);
    for (resumed, expected) in model.iter().zip(&uninterrupted) {
        assert_eq!(resumed.a.value(), expected.a.value());
        assert_eq!(resumed.b.value(), expected.b.value());
    }
}

#[test]
fn a_refused_state_changes_no_group() {
    let (mut model, mut groups) = (model(), groups());
    descend(&mut model, &mut groups, 1);
    let state = groups.state();
    descend(&mut model, &mut groups, 2);

    // one group or none has the fault; the other groups could be restored
    let tensor = |name: &str| {
        let mut state = state.clone();
        state.insert(name, Tensor::zeros([7]));
        state
    };
    let wrong = [
        tensor("0.a.average"),
        tensor("0.b.square_sum"),
        tensor("1.a.momentum"),
        tensor("1.b.square_sum"),
        tensor("1.b.momentum"),
        tensor("1.c.momentum"),
        tensor("2"),
    ];
    for wrong in wrong {
        groups.restore(&model, &wrong).unwrap_err();
        for parameter in ["0.a", "0.b", "1.a", "1.b"] {
            let steps: u64 = groups.state().parse(&format!("{parameter}.step")).unwrap();
            assert_eq!(steps, 3, "{parameter}");
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut checkpoint = Archive::new();
    checkpoint.insert_group("optimizer", &tensor("1.b.momentum"));
    checkpoint.save(&path).unwrap();
    let checkpoint = Archive::load(&path).unwrap();
    let error = groups.restore(&model, &checkpoint.group("optimizer")).unwrap_err();
    assert_eq!((error.file, &*error.group), (Some(path), "optimizer"));
    assert!(matches!(
        *error.problem,
        WeightsProblem::UnexpectedTensor { ref tensor } if tensor == "1.b.momentum"
    ));
}

#[test]
fn copies_share_nothing() {
    let mut model = start();
    let mut groups = Groups::new(Adam::new(0.1)).group(|name| name == "b", Adagrad::new(0.1));
    let copy = groups.clone();
    train(&mut model, &mut groups, 2);
    assert_eq!(copy.state().names().count(), 0);
    assert_eq!(groups.state().names().count(), 3);
}

#[test]
fn the_groups_are_fixed_by_the_first_step() {
    fn stepped<O: Optimizer<f32>>(mut optimizer: O) -> O {
        train(&mut start(), &mut optimizer, 1);
        optimizer
    }
    for change in [
        || drop(stepped(Groups::new(Adam::new(0.1))).group(|_| true, Adam::new(0.1))),
        || drop(Groups::new(stepped(Adam::new(0.1))).group(|_| true, Adam::new(0.1))),
        || drop(Groups::new(Adam::new(0.1)).group(|_| true, stepped(Adam::new(0.1)))),
    ] as [fn(); 3]
    {
        let message = message_of(change);
        assert!(message.starts_with("the group changes the state of an optimizer"), "{message}");
    }
}

#[test]
fn groups_are_printed_without_their_predicates() {
    let text = format!("{:?}", groups());
    assert!(text.starts_with("Groups { predicates: [.., ..], members: [Member {"), "{text}");
    assert!(text.contains("Adagrad {") && text.contains("Sgd {"), "{text}");
}

/// The message for a misspelt name lists the names of the model.
#[test]
fn a_group_that_picks_nothing_is_refused() {
    let mut optimizer =
        Groups::new(Sgd::new(0.1)).group(|name| name.ends_with(".bias"), Sgd::new(0.2));
    let message = message_of(|| descend(&mut model(), &mut optimizer, 1));
    let expected = "group 0 picks none of the model's parameters, [\"0.a\", \"0.b\"";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_rate_of_zero_is_zero_in_any_proportion() {
    let mut optimizer: Groups<f64> =
        Groups::new(Sgd::new(1e-200)).group(|name| name.ends_with(".b"), Sgd::new(1e200));
    optimizer.set_learning_rate(0.0);
    assert_eq!(optimizer.learning_rate(), 0.0);
}
