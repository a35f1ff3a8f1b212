//! Runs in folders: resumed to the bit, whatever the settings.

use std::path::Path;

use clap::Parser;

use super::*;
use crate::config::Config;
use crate::error::Error;
use crate::run::{Event, RunFiles};
use crate::text::Corpus;
use bptt::analysis::record::{Entry, read_log};
use programs::terminal::Progress;

#[derive(Parser)]
#[command(no_binary_name = true, args_override_self = true)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

const SMALL: &str = "--language reber --train-symbols 600 --validation-symbols 80 --test-symbols 80 \
                     --hidden-size 6 --embedding-size 4 --batch-size 3 --window 16 --validate-every 4 --steps 30";

fn config(flags: &str) -> Config {
    Flags::parse_from(SMALL.split_whitespace().chain(flags.split_whitespace())).config
}

fn corpus(config: &Config) -> Corpus {
    Corpus::open(&config.text, Path::new("unused")).expect("a language is in memory")
}

/// Trains in the folder for so many further steps, or to the end.
fn train(config: &Config, corpus: &Corpus, folder: &Path, further: Option<usize>) {
    let session = match RunFiles::of(folder).checkpoint.exists() {
        true => Session::resume(config, corpus, folder),
        false => Session::begin(config, corpus, folder),
    };
    let mut session = session.expect("a folder of this run");
    let mut left = further;
    let stop = || match left.as_mut() {
        Some(0) => Some(Ending::Interrupted),
        Some(left) => {
            *left -= 1;
            None
        }
        None => None,
    };
    session.run(&mut Progress::hidden(), stop).expect("no divergence");
}

/// Returns the log without what clocks say.
fn log(folder: &Path) -> Vec<Event> {
    let mut events = read_log(&RunFiles::of(folder).log).expect("a log");
    for event in &mut events {
        match event {
            Event::Start { unix_seconds, .. } => *unix_seconds = 0.0,
            Event::Step { tokens_per_second, seconds, .. } => {
                (*tokens_per_second, *seconds) = (0.0, 0.0);
            }
            Event::Validation { seconds, .. } => *seconds = 0.0,
            _ => {}
        }
    }
    events
}

#[test]
fn a_resumed_run_ends_like_one_that_never_stopped() {
    for flags in [
        "",
        "--dropout 0.3 --dropout-weights 0.2 --random-windows --learned-start",
        "--optimizer sgd --learning-rate 1 --momentum 0.5 --schedule plateau --validate-every 2",
        "--average exponential --average-decay 0.8 --optimizer rms-prop",
        "--average triggered --average-patience 1 --validate-every 1 --learning-rate 0.3 --schedule constant",
        "--cell gru --layers 1 --tied --optimizer adagrad --head mixture --components 2",
    ] {
        let config = config(flags);
        let corpus = corpus(&config);
        let folder = tempfile::tempdir().expect("a folder");
        let [whole, pieces] = ["whole", "pieces"].map(|name| folder.path().join(name));
        train(&config, &corpus, &whole, None);
        for further in [Some(0), Some(5), Some(1), Some(9), None] {
            train(&config, &corpus, &pieces, further);
        }
        let [whole, pieces] = [&whole, &pieces].map(|folder| {
            let files = RunFiles::of(folder);
            let read = |file| std::fs::read(file).expect("saved");
            (read(&files.weights), read(&files.checkpoint), log(folder))
        });
        assert_eq!(whole.2, pieces.2, "{flags}: the log");
        assert!(whole.0 == pieces.0, "{flags}: the best weights");
        assert!(whole.1 == pieces.1, "{flags}: the checkpoint");
    }
}

#[test]
fn a_triggered_average_is_what_is_measured_and_saved() {
    let flags = "--validate-every 1 --learning-rate 0.3 --schedule constant --average-patience 1";
    let [plain, averaged] = ["--average none", "--average triggered"].map(|average| {
        let config = config(&format!("{flags} {average}"));
        let corpus = corpus(&config);
        let folder = tempfile::tempdir().expect("a folder");
        train(&config, &corpus, folder.path(), None);
        let events = log(folder.path());
        let of_kind = |event: &Event| match *event {
            Event::Step { nats, .. } => (Some(nats), None),
            Event::Validation { nats, .. } => (None, Some(nats)),
            _ => (None, None),
        };
        let (steps, validations): (Vec<_>, Vec<_>) = events.iter().map(of_kind).unzip();
        let steps: Vec<_> = steps.into_iter().flatten().collect();
        let validations: Vec<_> = validations.into_iter().flatten().collect();
        let best = Saved::load(folder.path()).expect("saved").nats;
        assert_eq!(best, validations.iter().copied().fold(f64::INFINITY, f64::min));
        (steps, validations)
    });
    assert_eq!(plain.0, averaged.0, "the average is no part of training");
    assert_ne!(plain.1, averaged.1, "but it is what is measured");
    let same = plain.1.iter().zip(&averaged.1).take_while(|(a, b)| a == b).count();
    assert!((2..25).contains(&same), "until it starts, there is none: {same}");
}

#[test]
fn another_text_or_setting_is_not_resumed() {
    let config_before = config("");
    let before = corpus(&config_before);
    let folder = tempfile::tempdir().expect("a folder");
    train(&config_before, &before, folder.path(), Some(3));

    let other = config("--layers 3");
    let error = Session::resume(&other, &before, folder.path()).expect_err("another model");
    assert!(matches!(error, Error::ChangedSetting { name } if name == "model.layers"));
    let text = corpus(&config("--language-seed 9"));
    let error = Session::resume(&config_before, &text, folder.path()).expect_err("another text");
    assert!(matches!(error, Error::ChangedText), "{error}");
    let longer = config("--steps 40");
    train(&longer, &before, folder.path(), None);
    let steps = log(folder.path()).iter().map(Event::step).max();
    assert_eq!(steps, Some(40), "the number of steps may change");
}

#[test]
fn a_run_that_diverges_keeps_its_best_weights() {
    let config = config("--optimizer sgd --learning-rate 1e20 --clip 1e20");
    let corpus = corpus(&config);
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = Session::begin(&config, &corpus, folder.path()).expect("a new run");
    let error = session.run(&mut Progress::hidden(), || None).expect_err("diverges");
    let message = error.to_string();
    assert!(
        message.contains("diverged at step") && message.contains("model.safetensors"),
        "{message}"
    );
    assert_eq!(Saved::load(folder.path()).expect("the weights before").step, 0);
}
