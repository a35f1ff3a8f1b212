use bptt::prelude::*;
use clap::{Parser, ValueEnum};
use programs::cells::CellKind;

use super::*;

#[derive(Parser)]
#[command(no_binary_name = true, args_override_self = true)]
struct Flags {
    #[command(flatten)]
    model: ModelSettings,
    #[command(flatten)]
    regularization: RegularizationSettings,
}

const VOCABULARY: usize = 11;
const TOKENS: [usize; 12] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 10, 8]; // [T = 6, B = 2]
const TARGETS: [usize; 12] = [1, 4, 1, 5, 9, 2, 6, 5, 3, 10, 8, 0];

fn settings(flags: &str) -> (ModelSettings, RegularizationSettings) {
    let small = "--hidden-size 8 --embedding-size 6 --context 3 --cutoffs 4,7 --components 3";
    let flags = small.split_whitespace().chain(flags.split_whitespace());
    let Flags { model, regularization } = Flags::parse_from(flags);
    (model, regularization)
}

fn build(flags: &str) -> Result<LanguageModel, InvalidModel> {
    let (model, regularization) = settings(flags);
    LanguageModel::new(&model, &regularization, VOCABULARY, &mut bptt::rng(7))
}

fn model(flags: &str) -> LanguageModel {
    build(flags).expect("settings that suit each other")
}

/// Returns the logits after each of `tokens`, `[T, B, V]`, from the initial state or a carried one.
fn logits(model: &LanguageModel, tokens: &[usize], carried: &mut Carried) -> Tensor<f32> {
    let tape = Tape::inference();
    model.logits(model.evaluate(&tape, tokens, 2, carried)).value()
}

/// All models that the tests of one model are repeated for.
fn all_models() -> impl Iterator<Item = String> {
    let cells = CellChoice::value_variants().iter().map(|cell| format!("--cell {cell}"));
    let others = [
        "--tied",
        "--learned-start",
        "--head mixture",
        "--head mixture --tied",
        "--head adaptive",
        "--layers 1",
        "--layers 3 --tied",
    ];
    cells.chain(others.map(str::to_owned))
}

#[test]
fn every_model_learns_a_window_by_heart() {
    for flags in all_models() {
        let mut model = model(&flags);
        let mut optimizer = Adam::new(0.03);
        let mut losses = Vec::new();
        for _ in 0..120 {
            let tape = Tape::new();
            let hs = model.evaluate(&tape, &TOKENS, 2, &mut model.start());
            let loss = model.loss(hs, &TARGETS).mean();
            losses.push(loss.item());
            let gradients = tape.backward(loss);
            drop(tape);
            optimizer.step(&mut model, &gradients);
        }
        let (first, last) = (losses[0], losses[119]);
        assert!(last < 0.3 * first, "{flags}: from {first} to {last}");
    }
}

#[test]
fn every_parameter_has_a_gradient() {
    for flags in all_models().filter(|flags| !flags.contains("echo-state")) {
        let model = model(&flags);
        let tape = Tape::new();
        let hs = model.evaluate(&tape, &TOKENS, 2, &mut model.start());
        let gradients = tape.backward(model.loss(hs, &TARGETS).mean());
        for (name, parameter) in model.parameters() {
            assert!(gradients.get(parameter).is_some(), "{flags}: {name}");
        }
    }
}

#[test]
fn the_loss_is_that_of_the_logits() {
    for flags in all_models() {
        let model = model(&flags);
        let tape = Tape::inference();
        let hs = model.evaluate(&tape, &TOKENS, 2, &mut model.start());
        let loss = model.loss(hs, &TARGETS).sum().item();
        let logits = model.logits(hs).log_softmax(-1).value();
        let expected: f32 = TARGETS
            .iter()
            .enumerate()
            .map(|(place, &target)| -logits.as_slice()[place * VOCABULARY + target])
            .sum();
        assert!((loss - expected).abs() < 1e-4 * expected, "{flags}: {loss} {expected}");
    }
}

#[test]
fn a_carried_state_continues_the_text() {
    for flags in all_models() {
        let model = model(&flags);
        let whole = logits(&model, &TOKENS, &mut model.start());
        let mut carried = model.start();
        let first = logits(&model, &TOKENS[..4], &mut carried);
        let saved = Carried::restore(&model, 2, &carried.archive()).expect("its own state");
        let second = logits(&model, &TOKENS[4..], &mut { saved });
        let pieces = [first.to_vec(), second.to_vec()].concat();
        for (piece, whole) in pieces.iter().zip(whole.as_slice()) {
            assert!((piece - whole).abs() < 1e-5, "{flags}: {piece} {whole}");
        }
    }
}

#[test]
fn a_stepper_predicts_as_the_window_does() {
    for flags in all_models() {
        let model = model(&flags);
        let whole = logits(&model, &TOKENS, &mut model.start());
        let mut stepper = model.stepper(2);
        for (step, tokens) in TOKENS.chunks(2).enumerate() {
            let inputs: Vec<f32> =
                tokens.iter().flat_map(|&token| model.embedding_of(token)).copied().collect();
            stepper.step(&[&inputs]);
            let expected = &whole.as_slice()[step * 2 * VOCABULARY..][..2 * VOCABULARY];
            for (actual, expected) in stepper.output(0).iter().zip(expected) {
                assert!((actual - expected).abs() < 1e-5, "{flags}: {actual} {expected}");
            }
        }
    }
}

#[test]
fn weights_come_back_and_others_are_refused() {
    for flags in all_models() {
        let (settings, regularization) = settings(&flags);
        let model = model(&flags);
        let weights = Archive::of(&model);
        let load = |vocabulary_size, weights: &Archive<f32>| {
            LanguageModel::with_weights(&settings, &regularization, vocabulary_size, weights)
        };
        let loaded = load(VOCABULARY, &weights).expect("its own weights");
        let [before, after] = [&model, &loaded].map(|it| logits(it, &TOKENS, &mut it.start()));
        assert_eq!(before, after, "{flags}");
        load(VOCABULARY + 1, &weights).expect_err("the weights of another vocabulary");
        let mut fewer = Archive::new();
        let last = weights.names().last().expect("a parameter").to_owned();
        for name in weights.names().filter(|name| **name != last) {
            fewer.insert(name, weights.tensor(name).expect("it is there").clone());
        }
        load(VOCABULARY, &fewer).expect_err("one parameter is missing");
        let mut damaged = weights.clone();
        let mut tensor = weights.tensor(&last).expect("it is there").clone();
        tensor.as_mut_slice()[0] = f32::NAN;
        damaged.insert(&last, tensor);
        let error = load(VOCABULARY, &damaged).expect_err("one value is no number");
        assert!(matches!(error, ModelError::NotFinite(it) if it.tensor == last), "{flags}");
    }
}

#[test]
fn sizes_that_weights_cannot_have_are_refused_before_a_model_is_made() {
    let (mut settings, regularization) = settings("");
    let weights = Archive::of(&model(""));
    settings.hidden_size = 1_000_000;
    let error = LanguageModel::with_weights(&settings, &regularization, VOCABULARY, &weights);
    error.expect_err("10¹² weights are not in the file");
    settings.hidden_size = 8;
    settings.layers = 1_000_000_000;
    let error = LanguageModel::with_weights(&settings, &regularization, VOCABULARY, &weights);
    error.expect_err("10⁹ layers are not in the file");

    settings.layers = 1;
    settings.hidden_size = 1_000_000_000_000;
    let error = LanguageModel::with_weights(&settings, &regularization, VOCABULARY, &weights);
    error.expect_err("a layer of 10¹² units is not in the file");

    let (mut settings, regularization) = self::settings("--head mixture");
    let weights = Archive::of(&model("--head mixture"));
    settings.components = 1_000_000_000_000;
    let error = LanguageModel::with_weights(&settings, &regularization, VOCABULARY, &weights);
    error.expect_err("10¹² softmaxes are not in the file");
    for flags in ["--cell window", "--cell neural-window"] {
        let (mut settings, regularization) = self::settings(flags);
        let weights = Archive::of(&model(flags));
        settings.context = 1_000_000_000_000;
        let error = LanguageModel::with_weights(&settings, &regularization, VOCABULARY, &weights);
        error.expect_err("windows of 10¹² tokens are not in the file");
        (settings.context, settings.layers) = (3, 6);
        let error = LanguageModel::with_weights(&settings, &regularization, VOCABULARY, &weights);
        error.expect_err("windows of windows are not in the file");
    }
}

/// A file of weights may claim any size, and its memory is estimated before it is used.
#[test]
fn every_size_counts_in_the_memory() {
    for flags in [
        "--hidden-size {}",
        "--embedding-size {}",
        "--cell window --context {}",
        "--cell neural-window --context {} --layers 1024",
        "--head mixture --components {}",
    ] {
        for size in ["1000000000000000", "9223372036854775807"] {
            let (settings, _) = settings(&flags.replace("{}", size));
            let needed = settings.memory(VOCABULARY, 1.0);
            assert!(needed.0 > 1e15, "{flags}: {needed}");
        }
    }
}

#[test]
fn noise_is_of_training_alone() {
    for flags in [
        "--dropout 0.5",
        "--dropout 0.5 --locked-dropout",
        "--dropout-input 0.5",
        "--dropout-output 0.5",
        "--dropout-words 0.5",
        "--dropout-state 0.5",
        "--dropout-weights 0.5",
        "--dropout-weights 0.5 --dropout-state 0.5 --learned-start --cell gru",
    ] {
        let model = model(flags);
        let train = |seed| {
            let tape = Tape::new();
            let mut rng = bptt::rng(seed);
            model.train(&tape, &TOKENS, 2, &mut model.start(), &mut rng).dropped.value()
        };
        assert_eq!(train(1), train(1), "{flags}: the same seed");
        assert_ne!(train(1), train(2), "{flags}: another seed");
        let quiet = logits(&model, &TOKENS, &mut model.start());
        assert_eq!(quiet, logits(&model, &TOKENS, &mut model.start()), "{flags}");
    }
    let model = model("");
    let tape = Tape::new();
    let outputs = model.train(&tape, &TOKENS, 2, &mut model.start(), &mut bptt::rng(1));
    let hs = model.evaluate(&tape, &TOKENS, 2, &mut model.start());
    assert_eq!(outputs.dropped.value(), hs.value(), "without dropout, training is as evaluation");
}

#[test]
fn penalties_are_the_means_of_their_equations() {
    let (_, regularization) = settings("--activation-penalty 2 --temporal-penalty 3");
    let tape = Tape::new();
    let raw = tape.constant(Tensor::from_vec([3, 1, 2], vec![1.0, 2.0, 2.0, 4.0, 0.0, 4.0]));
    let dropped = tape.constant(Tensor::from_vec([3, 1, 2], vec![0.0, 2.0, 0.0, 4.0, 0.0, 4.0]));
    let penalty = Outputs { raw, dropped }.penalty(&regularization).expect("both factors");
    // 2 · (4 + 16 + 16) / 6 + 3 · (1 + 4 + 4 + 0) / 4
    assert_eq!(penalty.item(), 12.0 + 6.75);
    let (_, none) = settings("");
    assert!(Outputs { raw, dropped }.penalty(&none).is_none());
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (flags, expected) in [
        ("--cell memory-blocks --hidden-size 7", InvalidModel::Blocks { hidden_size: 7 }),
        ("--tied --head adaptive", InvalidModel::Tied),
        ("--tied --cell neural-window", InvalidModel::TiedWindow),
        (
            "--head adaptive --cutoffs 5,5",
            InvalidModel::Cutoffs { cutoffs: vec![5, 5], vocabulary_size: 11 },
        ),
        (
            "--head adaptive --cutoffs 11",
            InvalidModel::Cutoffs { cutoffs: vec![11], vocabulary_size: 11 },
        ),
        (
            "--cell min-gru --dropout-state 0.1",
            InvalidModel::StateIsNotRead { cell: CellKind::MinGru.into() },
        ),
        ("--cell mine --dropout-state 0.1", InvalidModel::NoNoise { cell: CellKind::Mine.into() }),
        (
            "--cell min-lstm --dropout-weights 0.1",
            InvalidModel::NoRecurrentWeights { cell: CellKind::MinLstm.into() },
        ),
    ] {
        assert_eq!(build(flags).expect_err(flags), expected);
    }
}
