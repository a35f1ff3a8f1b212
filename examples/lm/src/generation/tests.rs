use bptt::decode::Sampling;
use clap::Parser;

use super::*;
use crate::model::{LanguageModel, ModelSettings, RegularizationSettings};

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Flags {
    #[command(flatten)]
    model: ModelSettings,
    #[command(flatten)]
    regularization: RegularizationSettings,
}

fn model() -> LanguageModel {
    let flags = ["--hidden-size", "8", "--embedding-size", "6", "--cell", "gru"];
    let Flags { model, regularization } = Flags::parse_from(flags);
    LanguageModel::new(&model, &regularization, 7, &mut bptt::rng(3)).expect("a model")
}

/// Returns the log-probability of `text` after `prime`, by reading all of it at once.
fn log_probability(model: &LanguageModel, prime: &[u32], text: &[usize]) -> f64 {
    let tokens: Vec<usize> =
        prime.iter().map(|&token| token as usize).chain(text.iter().copied()).collect();
    let (inputs, targets) = (&tokens[..tokens.len() - 1], &tokens[1..]);
    let tape = bptt::Tape::inference();
    let hs = model.evaluate(&tape, inputs, 1, &mut model.start());
    let losses = model.loss(hs, targets).per_position().value().to_vec();
    -losses[prime.len() - 1..].iter().map(|&loss| f64::from(loss)).sum::<f64>()
}

#[test]
fn the_same_seed_draws_the_same_tokens() {
    let model = model();
    let draw = |seed| {
        let drawn = Continuation::new(&model, model.stepper(1), &[2, 4], Sampling::new(), seed);
        drawn.take(30).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn a_beam_finds_what_its_score_says() {
    let model = model();
    for found in beam(&model, model.stepper(3), &[2, 4], 3, 6) {
        let expected = log_probability(&model, &[2, 4], &found.symbols);
        assert!((found.score - expected).abs() < 1e-4, "{found:?} {expected}");
    }
}

#[test]
fn a_beam_of_one_takes_the_most_probable_token_each_time() {
    let model = model();
    let sampling = Sampling::new().temperature(0.0);
    let greedy = Continuation::new(&model, model.stepper(1), &[2, 4], sampling, 1);
    let greedy: Vec<_> = greedy.take(9).map(|token| token as usize).collect();
    assert_eq!(beam(&model, model.stepper(1), &[2, 4], 1, 9)[0].symbols, greedy);
}

#[test]
fn a_beam_of_all_is_an_exhaustive_search() {
    let model = model();
    let all = (0..343).map(|number| [number / 49, number / 7 % 7, number % 7]);
    let best = all.max_by(|a, b| {
        let [a, b] = [a, b].map(|text| log_probability(&model, &[5], text));
        a.total_cmp(&b)
    });
    assert_eq!(beam(&model, model.stepper(49), &[5], 49, 3)[0].symbols, best.expect("343 texts"));
}
