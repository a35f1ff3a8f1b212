//! Data that do not suit.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;
use bptt_trainers::mixture::{
    ClassOutputs, ExpectationMaximization, HmmError, InputOutputHmm, InputTable, Sequences,
};
use bptt_trainers::{LevenbergMarquardt, TrainError, parameters_to_vector};

use crate::support::{Trained, networks, symbol_data, tables};

#[test]
fn data_that_do_not_suit_are_named() {
    let new = |inputs: Vec<usize>, lengths: &[usize]| {
        Sequences::<f64>::new(inputs, [0, 1, 0, 1], lengths).unwrap_err()
    };
    assert_eq!(new(vec![0; 6], &[2, 2]), HmmError::Steps { inputs: 3, outputs: 2 });
    assert_eq!(new(vec![0; 4], &[2, 3]), HmmError::Length { sequence: 1, length: 3, steps: 2 });
    let extents = HmmError::Extents { side: "inputs", found: "5".to_owned(), sequences: 2 };
    assert_eq!(new(vec![0; 5], &[2, 2]), extents);
    let mut features = Tensor::<f64>::zeros([2, 2, 3]);
    assert!(Sequences::new(features.clone(), [0; 3], &[2, 1, 1]).is_err());
    features.as_mut_slice()[7] = f64::NAN;
    let error = Sequences::new(features.clone(), [0; 4], &[2, 2]).unwrap_err();
    assert_eq!(error, HmmError::NonFiniteFeature { side: "inputs", step: 1, sequence: 0 });
    let features = Sequences::new(features, [0, 1, 2, 0], &[1, 2]).unwrap(); // the NaN is after the end

    let marks = features.clone().observed_at(&[true; 3]).unwrap_err();
    assert_eq!(marks, HmmError::Marks { found: 3, steps: 2, sequences: 2 });

    let rng = &mut bptt_layers::rng(0);
    let mut trainer = ExpectationMaximization::new();
    let mut model = tables(rng, 2, 2, 3);
    let before = parameters_to_vector(&model);
    let mut error_of = |inputs: [usize; 4], outputs: [usize; 4], lengths: [usize; 2]| {
        let data = Sequences::new(inputs, outputs, &lengths).unwrap();
        trainer.step(&mut model, &data).unwrap_err()
    };
    let symbol =
        |side, symbol, count| HmmError::Symbol { side, symbol, count, step: 1, sequence: 0 };
    assert_eq!(error_of([0, 1, 2, 0], [0; 4], [2, 2]), symbol("inputs", 2, 2));
    assert_eq!(error_of([0; 4], [0, 1, 3, 0], [2, 2]), symbol("outputs", 3, 3));
    assert_eq!(error_of([0; 4], [0; 4], [0, 0]), HmmError::NoData);
    let none = Sequences::new(Vec::new(), Vec::new(), &[]).unwrap();
    assert_eq!(trainer.step(&mut model, &none), Err(HmmError::NoData));
    let kind = HmmError::Kind { side: "inputs", found: "features", needed: "symbols" };
    assert_eq!(trainer.step(&mut model, &features), Err(kind));
    assert_eq!(parameters_to_vector(&model).to_vec(), before.to_vec());

    let model = networks(rng, 2, 4, 2);
    let wide = HmmError::Features { side: "inputs", found: 3, needed: 4 };
    assert_eq!(model.posteriors(&features).unwrap_err(), wide);
    let error = model.log_likelihood(&Tape::new(), &features).unwrap_err();
    assert_eq!(error, wide);
    let data = Sequences::new([0; 4], [0; 4], &[2, 2]).unwrap();
    let kind = HmmError::Kind { side: "inputs", found: "symbols", needed: "features" };
    assert_eq!(model.posteriors(&data).unwrap_err(), kind);
    assert_eq!(
        symbol("outputs", 3, 3).to_string(),
        "symbol 3 of the outputs at step 1 of sequence 0 is not one of 3, which count from 0"
    );
}

#[test]
fn impossible_sequences_are_named() {
    let rng = &mut bptt_layers::rng(0);
    let mut model = tables(rng, 2, 1, 2);
    let never = f64::NEG_INFINITY;
    model.outputs.network.rows.set(Tensor::from([[0.0, never, 0.0, never]]));
    let data = Sequences::new([0; 6], [0, 0, 0, 1, 0, 0], &[3, 3]).unwrap();
    let error = HmmError::Impossible { sequence: 1 };
    assert_eq!(ExpectationMaximization::new().step(&mut model, &data), Err(error));
    let on_tape = model.log_likelihood(&Tape::new(), &data).unwrap().value();
    assert_eq!(on_tape.to_vec(), [0.0, never]);
    model.outputs.network.rows.set(Tensor::from([[0.0, f64::NAN, 0.0, 0.0]]));
    let error = HmmError::NonFiniteLikelihood { sequence: 0 };
    assert_eq!(model.posteriors(&data), Err(error));
}

/// The tables of transitions have been fitted when the trainer of the outputs fails.
#[test]
fn an_error_leaves_the_parameters() {
    let rng = &mut bptt_layers::rng(0);
    let outputs = ClassOutputs::new(Trained(InputTable::new(rng, 2, 4)), 2);
    let mut model = InputOutputHmm::<f64, _, _>::new(InputTable::new(rng, 2, 4), outputs);
    let before = parameters_to_vector(&model);
    let data = symbol_data(rng, [2, 2], &[5]);
    let mut trainer = ExpectationMaximization::with_trainer(LevenbergMarquardt::new());
    let error = trainer.step(&mut model, &data).unwrap_err();
    assert!(matches!(error, HmmError::Train(TrainError::NoResiduals { .. })), "{error}");
    assert_eq!(parameters_to_vector(&model).to_vec(), before.to_vec());
    assert!(ExpectationMaximization::new().step(&mut model, &data).unwrap().passes > 1);
    assert_ne!(parameters_to_vector(&model).to_vec(), before.to_vec());
}

#[test]
#[should_panic(expected = "which are 9 for the 3 states of the outputs, not 4")]
fn sizes_that_do_not_suit_are_refused() {
    let rng = &mut bptt_layers::rng(0);
    let outputs = ClassOutputs::new(InputTable::<f64>::new(rng, 2, 6), 2);
    let _ = InputOutputHmm::new(InputTable::new(rng, 2, 4), outputs);
}
