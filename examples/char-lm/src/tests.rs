//! What the parts compute, which the program does not show.

use bptt::decode::Sampling;
use bptt::prelude::*;
use lm::text::{Corpus, TextSettings};

use crate::args::Settings;
use crate::model::{CharModel, memory_of};
use crate::train::{Trainer, schedule};

fn settings(flags: &str) -> Settings {
    flags.parse().expect("flags")
}

fn model(flags: &str) -> CharModel {
    CharModel::new(&settings(flags), 7, &mut bptt::rng(1))
}

#[test]
fn settings_are_the_flags_that_make_them() {
    let mut settings = settings("--cell gru --seed 18446744073709551615");
    (settings.learning_rate, settings.dropout) = (0.1_f64.powi(3) / 3.0, 1e-300);
    assert_eq!(settings.to_string().parse::<Settings>().expect("its own text"), settings);
}

/// The estimates are close to the measured peak of resident memory in runs of two steps, from 8 MB upwards.
#[test]
fn needs_are_as_measured() {
    let close = |flags: &str, vocabulary_size, measured: f64| {
        let megabytes = memory_of(&settings(flags), vocabulary_size).0 / 1e6;
        assert!((megabytes / measured - 1.0).abs() < 0.1, "{megabytes} MB, not {measured}");
    };
    close("--hidden 128 --batch 64 --window 512", 203, 415.0);
    close("--hidden 128 --batch 64 --window 512 --cell gru", 203, 373.0);
    close("--hidden 16 --embedding 16 --batch 16 --window 64", 37_921, 856.0);
}

/// Returns the logits after each of `tokens`, `[T, 2, V]`.
fn read(model: &CharModel, tokens: &[usize], state: &mut CarriedState<f32>) -> Tensor<f32> {
    model.forward(&Tape::inference(), tokens, 2, state, None, None).value()
}

#[test]
fn windows_with_a_carried_state_are_one_long_window() {
    let tokens: Vec<usize> = (0..24).map(|i| i * i % 7).collect();
    for cell in ["lstm", "gru", "elman"] {
        let model = model(&format!("--cell {cell} --layers 3 --hidden 16"));
        let whole = read(&model, &tokens, &mut model.start(2));
        let mut carried = model.start(2);
        let parts = [&tokens[..10], &tokens[10..]].map(|part| read(&model, part, &mut carried));
        let parts = Tensor::concat(&[&parts[0], &parts[1]], 0);
        let mut pairs = whole.as_slice().iter().zip(parts.as_slice());
        assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-5), "{cell}");
    }
}

#[test]
fn a_stepper_computes_the_logits_of_the_window() {
    let (model, tokens) = (model("--hidden 16"), [3, 1, 4, 1, 5]);
    let mut carried = model.start(1);
    let logits = model.forward(&Tape::inference(), &tokens, 1, &mut carried, None, None).value();
    let mut reader = model.stepper();
    tokens.iter().for_each(|&token| reader.step(&[model.embedding_of(token)]));
    let draw = |logits: &[f32]| Sampling::new().draw(logits, &mut bptt::rng(3));
    let last = logits.index_first(4);
    assert!(reader.output(0).iter().zip(last.as_slice()).all(|(a, b)| (a - b).abs() < 1e-5));
    assert_eq!(draw(reader.output(0)), draw(last.as_slice()));
}

/// With constant weights, the losses show with which state each window began.
#[test]
fn the_state_is_carried_within_a_pass_and_reset_before_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text");
    std::fs::write(&text, "abcdefgh".repeat(8)).expect("writable");
    let text = TextSettings { text: vec![text], ..TextSettings::default() };
    let corpus = Corpus::open(&text, folder.path()).expect("text");
    let settings = settings("--hidden 4 --batch 2 --window 14 --learning-rate 1e-30");
    let mut trainer = Trainer::new(&corpus, &settings, 9, 9).expect("enough text");
    let losses = [(); 4].map(|()| trainer.step().expect("no divergence").0); // two windows a pass
    assert_eq!(losses[..2], losses[2..], "every pass is the same");

    let model = &trainer.training.model;
    let second = trainer.batches.window(14, 14);
    let tape = Tape::inference();
    let logits = model.forward(&tape, &second.inputs, 2, &mut model.start(2), None, None);
    let without = loss::cross_entropy(logits, &second.targets).mean().item();
    assert_ne!(losses[1], f64::from(without), "the second window continues the first");
}

#[test]
fn the_learning_rate_rises_and_falls() {
    let rates: Vec<_> = (0..1000).map(|step| schedule(0.01, 1000).at(step)).collect();
    assert!(rates[..=50].is_sorted_by(|a, b| a < b));
    assert_eq!(rates[50], 0.01);
    assert!(rates[50..].is_sorted_by(|a, b| a > b));
    assert!((rates[525] - 0.0055).abs() < 1e-8, "half way between peak and end");
    assert!((rates[999] - 0.001).abs() < 1e-6);
    assert_eq!(schedule(0.01, 1).at(0), 0.01, "a single step is not all rise");
}
