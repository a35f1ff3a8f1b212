//! Objectives that do not suit, and numbers that are not finite.

use bptt_autodiff::{Param, Tape};
use bptt_layers::Sgd;
use bptt_layers::weights::Archive;
use bptt_tensor::Tensor;
use bptt_trainers::{
    ExtendedKalman, FirstOrder, HessianFree, LevenbergMarquardt, Objective,
    TimeWeightedPseudoNewton, TrainError, Trainer,
};

type Model = Param<f64>;

fn trainers() -> Vec<Box<dyn Trainer<f64, Model>>> {
    vec![
        Box::new(HessianFree::new()),
        Box::new(LevenbergMarquardt::new()),
        Box::new(ExtendedKalman::new()),
        Box::new(TimeWeightedPseudoNewton::new(0.1)),
        Box::new(FirstOrder::new(Sgd::new(0.1))),
    ]
}

#[test]
fn residuals_and_outputs_are_asked_for() {
    let errors = trainers().into_iter().map(|mut trainer| {
        let mut model = Model::new(Tensor::from([1.0]));
        let result = trainer
            .step(&mut model, &|model, tape| Objective::loss(tape.param(model).square().sum_all()));
        result.err().map(|error| error.to_string())
    });
    let errors: Vec<_> = errors.collect();
    let starts = [
        Some("HessianFree needs the outputs of the model: return `Objective::of_outputs"),
        Some("LevenbergMarquardt needs residuals"),
        Some("ExtendedKalman needs residuals"),
        Some("TimeWeightedPseudoNewton needs residuals"),
        None,
    ];
    for (error, start) in errors.iter().zip(starts) {
        match (error, start) {
            (Some(error), Some(start)) => assert!(error.starts_with(start), "{error}"),
            (error, start) => assert_eq!((error, start), (&None, None)),
        }
    }
}

/// All tensors and texts of a state.
fn contents(state: &Archive<f64>) -> Vec<String> {
    let tensors = state.names().map(|name| format!("{name} {:?}", state.tensor(name)));
    let texts = state.text_names().map(|name| format!("{name} {:?}", state.text(name)));
    tensors.chain(texts).collect()
}

/// A NaN in the loss, and a finite loss whose gradient is infinite.
#[test]
fn what_is_not_finite_is_named_and_changes_nothing() {
    for mut trainer in trainers() {
        let mut model = Model::new(Tensor::from([0.0, 1.0]));
        let before = contents(&trainer.state(&model));
        let nan = trainer.step(&mut model, &|model, tape| {
            Objective::squares(tape.param(model) / tape.param(model) - 1.0)
        });
        assert_eq!(nan, Err(TrainError::NonFinite { quantity: "the loss" }));
        let steep = trainer
            .step(&mut model, &|model, tape| Objective::squares(tape.param(model).sqrt() + 1.0));
        assert!(matches!(steep, Err(TrainError::NonFinite { .. })), "{trainer:?}: {steep:?}");
        assert_eq!(model.value().to_vec(), [0.0, 1.0]);
        assert_eq!(contents(&trainer.state(&model)), before);
    }
}

#[test]
fn a_model_without_parameters_is_refused() {
    let mut trainer = LevenbergMarquardt::new();
    let step = Trainer::<f64, ()>::step(&mut trainer, &mut (), &|(), tape: &Tape<f64>| {
        Objective::squares(tape.constant(Tensor::ones([2])))
    });
    assert_eq!(step, Err(TrainError::NoParameters));
    let mut trainer = HessianFree::new();
    let step = Trainer::<f64, ()>::step(&mut trainer, &mut (), &|(), tape: &Tape<f64>| {
        Objective::squares(tape.constant(Tensor::ones([2])))
    });
    assert_eq!(step, Err(TrainError::NoParameters));
}

#[test]
#[should_panic(expected = "an objective is one number, not [2]: reduce the loss")]
fn a_loss_of_several_numbers_is_refused() {
    let tape = Tape::<f64>::new();
    let _ = Objective::loss(tape.constant(Tensor::zeros([2])));
}

#[test]
#[should_panic(expected = "a damping is finite and greater than 0, not 0")]
fn a_damping_of_zero_is_refused() {
    let _ = HessianFree::new().damping(0.0);
}
