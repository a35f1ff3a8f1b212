//! The model as a function: reading in pieces is reading.

use bptt::decode::Sampling;
use bptt::prelude::*;
use char_lm::generate::{Continuation, Sampler};
use char_lm::model::{CharModel, Masks};

use crate::support::plan;

/// The logits after each of `tokens`, `[T, 2, V]`, and the last state.
fn read(
    model: &CharModel,
    tokens: &[usize],
    mut state: Vec<Tensor<f32>>,
) -> (Tensor<f32>, Vec<Tensor<f32>>) {
    let tape = Tape::new();
    let logits = model.forward(&tape, tokens, &mut state, &mut Masks::none());
    (logits.value(), state)
}

#[test]
fn windows_with_a_carried_state_are_one_long_window() {
    let tokens: Vec<usize> = (0..24).map(|i| i * i % 7).collect();
    for cell in ["lstm", "gru", "elman"] {
        let model = CharModel::new(
            &plan(&format!("--cell {cell} --layers 3")).settings,
            7,
            &mut bptt::rng(1),
        );
        let (whole, last) = read(&model, &tokens, model.zero_state(2));
        assert_eq!(*whole.shape(), [12, 2, 7]);
        let (first, state) = read(&model, &tokens[..10], model.zero_state(2));
        let (second, state) = read(&model, &tokens[10..], state);
        let parts = Tensor::concat(&[&first, &second], 0);
        assert!(close(&parts, &whole), "{cell}: logits");
        assert_eq!(state.len(), last.len());
        assert!(state.iter().zip(&last).all(|(a, b)| close(a, b)), "{cell}: state");
    }
}

fn close(a: &Tensor<f32>, b: &Tensor<f32>) -> bool {
    a.shape() == b.shape()
        && a.as_slice().iter().zip(b.as_slice()).all(|(a, b)| (a - b).abs() < 1e-5)
}

/// The draws are those from what the model says after all that stands before, the prime included.
#[test]
fn writing_reads_what_it_wrote() {
    let model = CharModel::new(&plan("").settings, 7, &mut bptt::rng(1));
    let prime = [3, 1, 4, 1];
    let sampler = || Sampler::new(Sampling::new(), 0);
    let written: Vec<usize> = Continuation::new(&model, &prime, sampler()).take(20).collect();
    let text = [&prime[..], &written].concat();
    let (logits, _) = read(&model, &text, model.zero_state(1));
    let mut sampler = sampler();
    for (position, &token) in text.iter().enumerate().skip(prime.len()) {
        let logits = logits.index_first(position - 1);
        assert_eq!(token, sampler.sample(logits.as_slice()), "position {position}");
    }
}

/// With 16 units, 8 inputs and 7 characters, from the cells' documented sizes.
#[test]
fn the_settings_make_the_model() {
    let count =
        |flags: &str| CharModel::new(&plan(flags).settings, 7, &mut bptt::rng(1)).parameter_count();
    let around = 7 * 8 + (16 * 7 + 7); // embedding and output
    let cell = |gates: usize, inputs: usize| gates * (inputs * 16 + 16 * 16 + 16);
    assert_eq!(count("--cell lstm"), around + cell(4, 8) + cell(4, 16));
    assert_eq!(count("--cell gru --layers 1"), around + cell(3, 8) + 16);
    assert_eq!(count("--cell elman --layers 3"), around + cell(1, 8) + 2 * cell(1, 16));
}

#[test]
fn masks_follow_from_the_generator() {
    let model = CharModel::new(&plan("").settings, 7, &mut bptt::rng(1));
    let loss = |rng: &mut Xoshiro256PlusPlus| {
        let mut masks = Masks::new(0.5, rng);
        let tape = Tape::new();
        let logits = model.forward(&tape, &[0, 1, 2], &mut model.zero_state(1), &mut masks);
        loss::cross_entropy(logits, &[1, 2, 3]).mean().item()
    };
    let mut rng = bptt::rng(2);
    let first = loss(&mut rng);
    assert_eq!(first, loss(&mut bptt::rng(2)));
    assert_ne!(first, loss(&mut rng), "the next step draws on");
}
