//! Settings: each can be changed, and what is refused says why at its field.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Stage, Tab, Test, tests};
use crate::views;

pub(crate) const TESTS: &[Test] = tests![
    Beside each_setting_begins_another_experiment
    Beside a_refused_value_says_why_at_its_field
    Beside changes_at_once_all_count
    Beside a_custom_text_is_learned
    Beside each_preset_opens
];

/// The settings, and a value that differs from the default.
const OTHERS: [(&str, &str); 10] = [
    ("task", "square"),
    ("cell", "gru"),
    ("hidden", "4,6"),
    ("rate", "0.02"),
    ("batch", "16"),
    ("noise", "0.25"),
    ("length", "12"),
    ("optimizer", "sgd"),
    ("clip", "0.5"),
    ("seed", "7"),
];

async fn each_setting_begins_another_experiment(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    for (setting, value) in OTHERS {
        tab.click("#step").await;
        tab.until_updates(1).await;
        tab.set(setting, value).await;
        tab.until(&format!("new URLSearchParams(location.search).get('{setting}') === '{value}'"))
            .await;
        tab.until_updates(0).await;
        let shown: String =
            tab.js(&format!("document.getElementById('set-{setting}').value")).await;
        assert_eq!(shown.replace(' ', ""), value, "{setting}");
        assert_eq!(fault_of(&tab, setting).await, "", "{setting}");
    }
    tab.click("#step").await;
    tab.until_updates(1).await;
    let address: String = tab.js("location.search").await;
    for (setting, value) in OTHERS {
        assert!(address.contains(&format!("{setting}={value}")), "{setting} is not in {address}");
    }
}

async fn a_refused_value_says_why_at_its_field(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.excuse("422").await; // the browser logs refusals of the server
    tab.click("#play").await;
    tab.until("document.getElementById('status').dataset.updates > 0").await;
    let refused = [
        ("hidden", "0"),
        ("hidden", "257"),
        ("hidden", "1,1,1,1,1"),
        ("hidden", "many"),
        ("rate", "0"),
        ("rate", "-1"),
        ("rate", "11"),
        ("batch", "0"),
        ("batch", "257"),
        ("batch", "1.5"),
        ("noise", "-0.1"),
        ("noise", "2.1"),
        ("length", "1"),
        ("length", "201"),
        ("clip", "-1"),
        ("seed", "-1"),
        ("seed", "4294967296"),
    ];
    for (setting, value) in refused {
        let good: String = tab.js(&format!("document.getElementById('set-{setting}').value")).await;
        tab.set(setting, value).await;
        tab.until(&format!(
            "document.getElementById('set-{setting}').getAttribute('aria-invalid') === 'true'"
        ))
        .await;
        assert_ne!(fault_of(&tab, setting).await, "", "{setting} = {value}");
        let updates = tab.updates().await;
        tab.until(&format!("document.getElementById('status').dataset.updates > {updates}")).await;
        tab.set(setting, &good).await;
        tab.until(&format!(
            "document.getElementById('set-{setting}').getAttribute('aria-invalid') !== 'true'"
        ))
        .await;
        assert_eq!(fault_of(&tab, setting).await, "", "{setting} = {good} after {value}");
        tab.until_updates(0).await;
        tab.click("#play").await;
        tab.until("document.getElementById('status').dataset.updates > 0").await;
    }
}

/// What the texts that describe a field say of its fault.
async fn fault_of(tab: &Tab, setting: &str) -> String {
    tab.js(&format!(
        "{{
        const field = document.getElementById({});
        const ids = `${{field.getAttribute('aria-describedby') ?? ''}} ${{field.getAttribute('aria-errormessage') ?? ''}}`;
        ids.trim().split(/\\s+/).map((id) => document.getElementById(id))
            .filter((it) => it?.matches('[role=alert], .fault')).map((it) => it.textContent).join(' ').trim()
        }}",
        json!(format!("set-{setting}"))
    ))
    .await
}

async fn a_custom_text_is_learned(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.set("task", "text").await;
    tab.until("new URLSearchParams(location.search).get('task') === 'text'").await;
    tab.set("text", "abcabcabd").await;
    tab.until("new URLSearchParams(location.search).get('text') === 'abcabcabd'").await;
    tab.click("#step").await;
    tab.until_updates(1).await;
}

async fn each_preset_opens(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    let presets: Vec<Value> =
        tab.js("await fetch('/assets/presets.json').then((it) => it.json())").await;
    let offered: Vec<String> = tab
        .js("[...document.querySelectorAll('#preset option')].map((it) => it.value).filter(Boolean)")
        .await;
    assert_eq!(
        presets.iter().map(|it| it["id"].as_str()).collect::<Vec<_>>(),
        offered.iter().map(|it| Some(&**it)).collect::<Vec<_>>()
    );
    for preset in presets {
        tab.choose("#preset", preset["id"].as_str().expect("a name")).await;
        let wanted = preset["settings"].as_object().expect("settings");
        for (setting, value) in wanted.iter().filter(|(setting, _)| *setting != "updates") {
            let value = format!("String({value})");
            tab.until(&format!("document.getElementById('set-{setting}').value === {value}")).await;
        }
        views::drawn(&tab, preset["view"].as_str().unwrap_or("network")).await;
        assert_eq!(tab.text("#notice").await, "", "{preset}");
    }
}

/// What is changed before the server has answered is not lost, and a comparison keeps what was changed before it.
async fn changes_at_once_all_count(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.js::<()>(
        "for (const [name, value] of [['cell', 'gru'], ['rate', '0.02']]) {
            const field = document.getElementById(`set-${name}`);
            field.value = value;
            field.dispatchEvent(new Event('change'));
        }
        document.getElementById('compare').click();
        null",
    )
    .await;
    tab.until("location.search === '?cell=gru&rate=0.02&against='").await;
}
