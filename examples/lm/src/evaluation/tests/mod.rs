mod dynamic;

use bptt::Module;
use clap::Parser;

use super::*;
use crate::model::{ModelSettings, RegularizationSettings};
use crate::text::Tokens;

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Flags {
    #[command(flatten)]
    model: ModelSettings,
    #[command(flatten)]
    regularization: RegularizationSettings,
}

fn model() -> LanguageModel {
    let Flags { model, regularization } =
        Flags::parse_from(["--hidden-size", "8", "--embedding-size", "6"]);
    LanguageModel::new(&model, &regularization, 7, &mut bptt::rng(3)).expect("a model")
}

/// A text of the same seven tokens over and over.
fn part(length: usize) -> Part {
    let tokens: Vec<u32> = (0..length as u32).map(|place| place * place % 7).collect();
    Part { tokens: Tokens::from(tokens), characters: 2 * length as u64, words: length as u64 / 4 }
}

fn streams(part: &Part, batch: usize) -> Streams {
    Streams::at_most(&part.tokens, batch, 10).expect("enough text")
}

#[test]
fn a_score_does_not_depend_on_the_window() {
    let (model, part) = (model(), part(101));
    let streams = streams(&part, 2);
    let [whole, pieces] = [50, 7].map(|window| score(&model, &part, &streams, window));
    assert_eq!(whole.tokens, 100);
    assert!((whole.nats - pieces.nats).abs() < 1e-6, "{whole:?} {pieces:?}");
}

#[test]
fn units_do_not_change_what_a_text_costs() {
    let part = part(101);
    let score = Score::new(2.0, 100, &part);
    // of 202 characters and 25 words, 100/101 are predicted
    assert!((score.bits_per_character() - 200.0 / 200.0 / std::f64::consts::LN_2).abs() < 1e-12);
    assert!(
        (score.perplexity_per_word() - (200.0 / (25.0 * 100.0 / 101.0_f64)).exp()).abs() < 1e-9
    );
    assert_eq!(score.perplexity(), 2.0_f64.exp());
}

#[test]
fn dynamic_evaluation_learns_from_what_it_has_scored_and_from_nothing_else() {
    let part = part(101);
    let streams = streams(&part, 1);
    let dynamic = |learning_rate, decay, length: usize| {
        let rule = Dynamic { learning_rate, decay };
        let part = self::part(length);
        let streams = self::streams(&part, 1);
        rule.score(&mut model(), &part, &streams, 10, streams.windows(10))
    };
    let plain = score(&model(), &part, &streams, 10);
    let none = dynamic(0.0, 0.0, 101);
    assert!((none.nats - plain.nats).abs() < 1e-6, "without steps it is a plain evaluation");
    let some = dynamic(0.02, 0.0, 101);
    assert!(
        some.nats < plain.nats - 0.05,
        "a text that repeats itself is learned: {some:?} {plain:?}"
    );
    let first = dynamic(0.02, 0.0, 11);
    let plain = score(&model(), &self::part(11), &self::streams(&self::part(11), 1), 10);
    assert!((first.nats - plain.nats).abs() < 1e-6, "the first window is scored before any step");
}

#[test]
fn a_strong_pull_brings_the_trained_weights_back() {
    let part = part(101);
    let streams = streams(&part, 1);
    let far = |decay| {
        let mut model = model();
        let before: Vec<_> = model.parameters().iter().map(|(_, it)| it.value().clone()).collect();
        let rule = Dynamic { learning_rate: 0.02, decay };
        let _ = rule.score(&mut model, &part, &streams, 10, streams.windows(10));
        let after = model.parameters();
        let changes = after
            .iter()
            .zip(&before)
            .map(|((_, after), before)| (after.value() - before).square().sum_all().item());
        changes.sum::<f32>()
    };
    assert!(far(1.0) < 0.5 * far(0.0), "{} {}", far(1.0), far(0.0));
}
