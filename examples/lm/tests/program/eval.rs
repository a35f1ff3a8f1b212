//! What `lm eval` tells besides the loss.

use bptt::decode::Sampling;
use lm::baselines::ContinuousCache;
use lm::config::Config;
use lm::evaluation::surprisals;
use lm::generation::Continuation;
use lm::inspection::{Reading, read};
use lm::text::{Corpus, Streams, Tokens};
use lm::training::Saved;
use serde_json::Value;

use crate::support::{Place, argument, bytes, lm, told};

/// Returns what `eval` of the run writes.
fn eval(place: &Place, more: &[&str]) -> String {
    let mut arguments = vec!["eval".to_owned(), "--run".into(), argument(&place.path("run"))];
    arguments.extend(more.iter().map(|&it| it.to_owned()));
    let output = lm(&arguments).stdout(std::process::Stdio::piped()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn json(place: &Place, more: &[&str]) -> Value {
    serde_json::from_str(&eval(place, &[more, &["--json"]].concat())).expect("one JSON object")
}

#[track_caller]
fn assert_close(a: &Value, b: f64) {
    let a = a.as_f64().expect("a number");
    assert!((a - b).abs() < 1e-6 * b.abs().max(1.0), "{a} {b}");
}

/// A run of two steps, its model, and the validation text.
fn trained() -> (Place, Saved, Corpus) {
    let place = Place::new();
    place.finish("run", 2);
    let saved = Saved::load(&place.path("run")).expect("complete");
    let config = Config::from_file(&place.run("run").config).expect("its own");
    let corpus = Corpus::open(&config.text, &place.path("store")).expect("its own");
    (place, saved, corpus)
}

#[test]
fn the_table_and_the_json_tell_the_same() {
    let (place, ..) = trained();
    let (table, json) = (eval(&place, &[]), json(&place, &[]));
    let json = json.as_object().expect("an object");
    assert_eq!(table.lines().count(), json.len());
    for line in table.lines() {
        let (name, value) = line.split_at(20);
        let (name, value) = (name.trim().replace(' ', "_"), value.trim());
        match &json[&name] {
            Value::String(text) => assert_eq!(value, text),
            number => {
                let shown: f64 = value.parse().expect("a number");
                assert!((shown - number.as_f64().expect("a number")).abs() <= 5e-5, "{line}");
            }
        }
    }
}

#[test]
fn the_surprisals_of_words_sum_up_to_that_of_the_text() {
    let (place, ..) = trained();
    let file = place.path("words.tsv");
    let results = json(&place, &["--per-word", &argument(&file)]);
    let lines = String::from_utf8(bytes(&file)).expect("UTF-8");
    let lines: Vec<(&str, f64)> = lines
        .lines()
        .map(|line| line.split_once('\t').expect("a tab"))
        .map(|(word, nats)| (word, nats.parse().expect("a number")))
        .collect();
    let total: f64 = lines.iter().map(|(_, nats)| nats).sum();
    let tokens = results["tokens"].as_f64().expect("a number");
    assert_close(&results["nats_per_token"], total / tokens);
    assert_close(&json(&place, &[])["nats_per_token"], total / tokens);
    assert!(lines.iter().filter(|(word, _)| *word == "fox").count() > 2, "{lines:?}");
}

/// The cache reads the text in its order. The reference follows the equation over the outputs that `inspect` reads.
#[test]
fn a_cache_stands_beside_the_model() {
    let (place, saved, corpus) = trained();
    let model = saved.model().expect("its own weights");
    let tokens = &corpus.validation.tokens;
    let Reading { surprisals, layers, .. } = read(&model, tokens, 0, usize::MAX);
    let highest = layers.last().expect("there are layers");
    let units: Vec<Vec<f32>> =
        (0..highest.hidden_size()).map(|unit| highest.of_unit(unit).collect()).collect();
    let mut cache = ContinuousCache::new(40, 0.7, 0.2);
    let mut total = 0.0;
    for place in 1..tokens.len() {
        let h: Vec<f32> = units.iter().map(|unit| unit[place - 1]).collect();
        let base = (-surprisals[place].expect("tokens before")).exp();
        total -= cache.probability(base, &h, tokens.get(place)).ln();
        cache.observe(&h, tokens.get(place));
    }
    let expected = total / (tokens.len() - 1) as f64;
    let flags = ["--cache", "40", "--cache-theta", "0.7", "--cache-lambda", "0.2", "--window", "7"];
    assert_close(&json(&place, &flags)["nats_per_token"], expected);
    let without = json(&place, &[])["nats_per_token"].as_f64().expect("a number");
    assert!((without - expected).abs() > 1e-3, "the test would see no difference");
    assert_close(
        &json(&place, &["--cache", "40", "--cache-lambda", "0"])["nats_per_token"],
        without,
    );
}

/// The statistics of the gradients are those of the run's training text, also if the text to measure is another file.
#[test]
fn dynamic_evaluation_of_another_text_has_the_statistics_of_the_run() {
    let (place, saved, corpus) = trained();
    let text = saved.vocabulary.decode(&corpus.validation.tokens.to_vec());
    let file = place.path("other.txt");
    std::fs::write(&file, text).expect("writable");
    let own = json(&place, &["--dynamic"])["nats_per_token"].as_f64().expect("a number");
    let other = json(&place, &["--dynamic", "--text", &argument(&file)]);
    assert_close(&other["nats_per_token"], own);
    let plain = json(&place, &[])["nats_per_token"].as_f64().expect("a number");
    assert!((own - plain).abs() > 1e-4, "the test would see no difference: {own} {plain}");
}

#[test]
fn surprisals_are_in_the_order_of_the_text() {
    let (_place, saved, corpus) = trained();
    let model = saved.model().expect("its own weights");
    let tokens = &corpus.validation.tokens;
    let streams = Streams::new(tokens, 3, 20).expect("long enough");
    let steps = streams.steps();
    let found = surprisals(&model, &streams, 7, None);
    assert_eq!(found.len(), streams.covered() - 1);
    for (stream, found) in found.chunks(steps).enumerate() {
        let start = stream * steps;
        let alone = Tokens::from(tokens.iter(start..start + steps + 1).collect::<Vec<_>>());
        let expected = read(&model, &alone, 0, usize::MAX).surprisals;
        for (nats, expected) in found.iter().zip(&expected[1..]) {
            assert!((nats - expected.expect("tokens before")).abs() < 1e-5);
        }
    }
}

#[test]
fn a_language_has_a_floor() {
    let place = Place::new();
    let folder = argument(&place.path("run"));
    let flags = "--language embedded-reber --train-symbols 3000 --validation-symbols 900 --test-symbols 500 \
        --hidden-size 8 --embedding-size 8 --batch-size 4 --window 16 --steps 2 --threads 1";
    let arguments = ["train", "--out", &folder].into_iter().chain(flags.split_whitespace());
    let output = lm(&arguments.map(str::to_owned).collect::<Vec<_>>()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));

    let config = Config::from_file(&place.run("run").config).expect("its own");
    let corpus = Corpus::open(&config.text, &place.path("store")).expect("its own");
    let language = config.text.language.expect("it was given");
    let text = corpus.vocabulary.decode(&corpus.validation.tokens.to_vec());
    let surprisals = language.surprisals(&text);
    let expected = surprisals[1..].iter().sum::<f64>() / (surprisals.len() - 1) as f64;
    let found = json(&place, &[]);
    assert_close(&found["floor"], expected);
    let above = found["nats_per_token"].as_f64().expect("a number") - expected;
    assert_close(&found["above_the_floor"], above);
    assert!(above > 0.1 && (expected - language.entropy_rate()).abs() < 0.05, "{above} {expected}");
}

/// `generate --half` draws from a stepper in half precision, whose logits are near those in full precision.
#[test]
fn half_precision_writes_what_its_stepper_draws() {
    let (place, saved, _) = trained();
    let model = saved.model().expect("complete");
    let [mut full, mut half] = [model.stepper(1), model.stepper(1).half_precision()];
    for stepper in [&mut full, &mut half] {
        stepper.step(&[model.embedding_of(0)]);
    }
    let differences = full.output(0).iter().zip(half.output(0)).map(|(a, b)| (a - b).abs());
    let largest = differences.fold(0.0, f32::max);
    assert!(largest > 0.0 && largest < 1e-2, "{largest}");

    let run = argument(&place.path("run"));
    let arguments = ["generate", "--run", &run, "--length", "20", "--temperature", "1", "--half"];
    let output = lm(&arguments.map(str::to_owned)).stdout(std::process::Stdio::piped()).output();
    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let stepper = model.stepper(1).half_precision();
    let drawn = Continuation::new(&model, stepper, &saved.opening(), Sampling::new(), 1).take(20);
    let expected = saved.vocabulary.decode(&drawn.collect::<Vec<_>>());
    assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), format!("{expected}\n"));
}
