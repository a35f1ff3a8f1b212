//! Numbers on the screen are those of the library, to the bit.

use std::sync::Arc;

use explorer::experiment::{Experiment, Place, Settings};
use serde_json::json;

use crate::address::EXACT;
use crate::harness::{Stage, Tab, Test, tests};
use crate::views;

pub(crate) const TESTS: &[Test] = tests![
    Beside the_walk_shows_the_numbers_of_the_library
    Beside the_tables_show_the_numbers_of_the_library
    Beside the_answers_are_those_of_the_library
    Beside the_check_finds_the_gradients_right
];

const UPDATES: usize = 20;

const PATH: &str = "/?hidden=5,3&seed=4&task=sines&updates=20";

fn trained() -> Experiment {
    let settings = json!({ "hidden": [5, 3], "seed": 4, "task": "sines" });
    let settings: Settings = serde_json::from_value(settings).expect("settings");
    let mut experiment = Experiment::new(&settings).expect("settings in their range");
    for _ in 0..UPDATES {
        experiment.update().expect("it learns");
    }
    experiment
}

async fn the_walk_shows_the_numbers_of_the_library(stage: Arc<Stage>) {
    let tab = stage.open(&format!("{PATH}&view=cell")).await;
    tab.until_updates(UPDATES).await;
    tab.until("document.getElementById('walk-h')").await;
    let experiment = trained();
    for (layer, step, unit) in [(0, 0, 0), (0, 7, 4), (1, 0, 2), (1, 23, 1)] {
        // layers are counted from 1
        for (place, value) in [("layer", layer + 1), ("step", step), ("unit", unit)] {
            views::forget(&tab).await;
            tab.choose(&format!("#walk-at-{place}"), &value.to_string()).await;
            views::drawn(&tab, "cell").await;
        }
        let walk = experiment.walk(0, Place { layer, step, unit });
        let h = walk.values.iter().find(|it| it.name == "h").expect("an LSTM has it").value;
        tab.until(&format!("document.getElementById('walk-h')?.dataset.exact === String({h:?})"))
            .await;
        for name in ["i", "f", "g", "o", "c", "h"] {
            let value =
                walk.values.iter().find(|it| it.name == name).expect("an LSTM has it").value;
            assert_eq!(
                exact(&tab, &format!("walk-{name}")).await.to_bits(),
                value.to_bits(),
                "{name}"
            );
        }
    }
}

/// The norms of parameters and gradients, and the gradient by lag.
async fn the_tables_show_the_numbers_of_the_library(stage: Arc<Stage>) {
    let tab = stage.open(PATH).await;
    tab.until_updates(UPDATES).await;
    let experiment = trained();
    let look = serde_json::to_value(experiment.look(0)).expect("JSON");
    let parameters = look["parameters"].as_array().expect("a list").iter();
    let norms = parameters.flat_map(|it| [it["norm"].as_f64(), it["gradientNorm"].as_f64()]);
    let norms: Vec<f64> = norms.map(|it| it.expect("a number")).collect();
    let lags = serde_json::to_value(experiment.lags(0)).expect("JSON");
    let lags = lags["norms"].as_array().expect("a list").iter();
    let lags: Vec<f64> = lags.map(|it| it.as_f64().expect("a number")).collect();
    for (view, expected) in [("unrolled", &norms), ("weights", &norms), ("gradient", &lags)] {
        views::open(&tab, view).await;
        let shown: Vec<String> = tab.js(EXACT).await;
        let shown: Vec<f64> = shown.iter().map(|it| it.parse().expect("a number")).collect();
        let bits = |values: &[f64]| values.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&shown), bits(expected), "{view}: {shown:?} against {expected:?}");
    }
}

async fn exact(tab: &Tab, id: &str) -> f64 {
    let digits: String = tab.js(&format!("document.getElementById('{id}').dataset.exact")).await;
    digits.parse().expect("a number")
}

/// As JSON, whose digits are those of the exact numbers.
async fn the_answers_are_those_of_the_library(stage: Arc<Stage>) {
    let tab = stage.open(PATH).await;
    tab.until_updates(UPDATES).await;
    let experiment = trained();
    let base = "document.getElementById('export').href.replace(/export.*/, '')";
    let answers = [
        ("look", serde_json::to_string(&experiment.look(0))),
        ("weights", serde_json::to_string(&experiment.weights(0))),
        ("lags", serde_json::to_string(&experiment.lags(0))),
        (
            "walk?layer=1&step=9&unit=2",
            serde_json::to_string(&experiment.walk(0, Place { layer: 1, step: 9, unit: 2 })),
        ),
    ];
    for (question, expected) in answers {
        let answer: String =
            tab.js(&format!("await fetch({base} + '{question}').then((it) => it.text())")).await;
        assert_eq!(answer, expected.expect("JSON"), "{question}");
    }
}

async fn the_check_finds_the_gradients_right(stage: Arc<Stage>) {
    let tab = stage.open("/?hidden=4,3&updates=3").await;
    tab.until_updates(3).await;
    views::open(&tab, "gradient").await;
    tab.click("#check").await;
    tab.until("document.getElementById('worst')?.dataset.exact").await;
    let worst = exact(&tab, "worst").await;
    assert!(worst > 0.0 && worst < 1e-6, "{worst}");
}
