//! What the page offers and claims.

use explorer::experiment::{Experiment, Losses, Settings};
use serde_json::{Map, Value};

const PRESETS: &str = include_str!("../../page/presets.json");
const TOUR: &str = include_str!("../../page/tour.json");

fn entries(text: &str) -> Vec<Map<String, Value>> {
    serde_json::from_str(text).expect("a list of objects")
}

/// Returns the settings of an entry, and those that it compares them with.
fn settings(entry: &Map<String, Value>) -> [Settings; 2] {
    let mut settings = entry["settings"].as_object().expect("settings").clone();
    let read = |of: &Map<String, Value>| {
        let settings = serde_json::from_value(Value::Object(of.clone()));
        settings.unwrap_or_else(|error| panic!("{of:?}: {error}"))
    };
    let own = read(&settings);
    settings.extend(entry.get("against").and_then(Value::as_object).cloned().unwrap_or_default());
    [own, read(&settings)]
}

#[test]
fn presets_and_the_tour_have_possible_settings() {
    for (text, least) in [(PRESETS, 20), (TOUR, 24)] {
        let entries = entries(text);
        assert!(entries.len() >= least);
        for entry in &entries {
            for settings in settings(entry) {
                assert_eq!(settings.check(), Ok(()), "{entry:?}");
            }
            assert!(entry["title"].as_str().is_some_and(|it| !it.is_empty()), "{entry:?}");
        }
    }
}

#[test]
fn the_tour_has_24_steps_of_at_most_60_words() {
    let tour = entries(TOUR);
    assert_eq!(tour.len(), 24);
    for step in tour {
        let words = step["text"].as_str().expect("a text").split_whitespace().count();
        assert!(words <= 60, "{words} words: {step:?}");
    }
}

fn preset(id: &str) -> [Settings; 2] {
    let presets = entries(PRESETS);
    settings(presets.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no preset {id}")))
}

/// Trains a preset. Returns its losses.
fn trained(id: &str) -> Vec<Losses> {
    let [settings, _] = preset(id);
    let mut experiment = Experiment::new(&settings).expect("possible settings");
    (0..settings.updates).map(|_| experiment.update().expect("no divergence")).collect()
}

fn first(losses: &[Losses]) -> f64 {
    losses[0].validation
}

fn last(losses: &[Losses]) -> f64 {
    losses[losses.len() - 1].validation
}

/// Returns the standard deviation of the last twenty training losses, relative to their mean.
fn fluctuation(losses: &[Losses]) -> f64 {
    let last = losses[losses.len() - 20..].iter().map(|it| it.training);
    let mean = last.clone().sum::<f64>() / 20.0;
    (last.map(|it| (it - mean).powi(2)).sum::<f64>() / 20.0).sqrt() / mean
}

/// A low rate has learned little after 20 epochs. A high one jumps: on the way its losses are high, and where it ends is a
/// matter of rounding. One between the two has learned after 10.
#[test]
fn the_learning_rate_can_be_too_low_and_too_high() {
    let [low, medium, high] = ["rate-low", "rate-medium", "rate-high"].map(trained);
    assert!(last(&medium) < 0.02 * first(&medium), "{}", last(&medium));
    assert!(last(&low) < first(&low) && last(&low) > 0.5 * first(&low), "{}", last(&low));
    let mean = |losses: &[Losses]| {
        losses.iter().map(|it| it.validation).sum::<f64>() / losses.len() as f64
    };
    assert!(mean(&high) > 10.0 * mean(&medium), "{}", mean(&high));
    let jumps = |losses: &[Losses]| {
        losses.windows(2).filter(|pair| pair[1].validation > 1.5 * pair[0].validation).count()
    };
    assert_eq!(jumps(&low), 0);
    assert_eq!(jumps(&medium), 0);
    assert!(jumps(&high) > 10, "{}", jumps(&high));
}

/// Small batches learn in few epochs, by losses that fluctuate. Large ones fluctuate little, and make few updates.
#[test]
fn batches_trade_noise_for_updates() {
    let [low, medium, high] = ["batch-low", "batch-medium", "batch-high"].map(trained);
    assert!(last(&low) < 0.02 * first(&low), "{}", last(&low)); // 1 epoch
    assert!(last(&medium) < 0.05 * first(&medium), "{}", last(&medium)); // 10 epochs
    assert!(last(&high) > 4.0 * last(&medium), "{}", last(&high)); // 20 epochs
    let [low, medium] = [low, medium].map(|losses| fluctuation(&losses));
    assert!(low > 4.0 * medium, "{low} and {medium}");
}

/// Some noise makes the function less exact. Much of it hides the function.
#[test]
fn noise_hides_the_function() {
    let [none, some, high] = ["noise-none", "noise-some", "noise-high"].map(trained);
    assert!(last(&none) < last(&some), "{} and {}", last(&none), last(&some));
    assert!(last(&some) < 0.05 * first(&some), "{}", last(&some));
    assert!(last(&high) > 10.0 * last(&some), "{}", last(&high));
}

/// A character follows from one 25 steps before. The LSTM learns it, and its gradient reaches so far. That of the Elman
/// net vanishes.
#[test]
fn a_gradient_vanishes_before_it_reaches_what_matters() {
    let [lstm, elman] = preset("vanishing").map(|settings| {
        let mut experiment = Experiment::new(&settings).expect("possible settings");
        let losses = (0..settings.updates).map(|_| experiment.update().expect("no divergence"));
        let loss = losses.last().expect("updates").validation;
        let norms = experiment.lags(0).norms;
        (loss, norms[24] / norms[0])
    });
    assert!(lstm.0 < 0.5 * elman.0, "{lstm:?} and {elman:?}");
    assert!(lstm.1 > 0.01 && elman.1 < 1e-6, "{lstm:?} and {elman:?}");
}

/// The presets of a function or a text continue it.
#[test]
fn functions_and_texts_are_continued() {
    for (id, largest) in
        [("function", 0.1), ("saw", 0.15), ("square", 0.3), ("sines", 0.2), ("text", 0.0)]
    {
        let [settings, _] = preset(id);
        let mut experiment = Experiment::new(&settings).expect("possible settings");
        (0..settings.updates).for_each(|_| drop(experiment.update()));
        let prediction = experiment.predict(0);
        let truth = &prediction.truth[prediction.prompt..];
        let squares = prediction.free.iter().zip(truth).map(|(y, x)| (y - x).powi(2));
        let error = (squares.sum::<f64>() / truth.len() as f64).sqrt();
        assert!(error <= largest, "{id}: {error}");
    }
}
