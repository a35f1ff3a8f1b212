//! Names, headings, landmarks and contrast.

use std::env;
use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{NOTHING, Stage, Tab, Test, tests};
use crate::views::{self, VIEWS};

pub(crate) const TESTS: &[Test] = tests![
    Beside everything_has_a_name
    Beside the_document_has_an_outline
    Beside contrast_suffices
    OnDemand axe
];

/// Opens each view in turn, and the tour.
macro_rules! in_every_view {
    ($tab:ident, $view:ident => $body:expr) => {
        for $view in VIEWS {
            views::open(&$tab, $view).await;
            $body;
        }
        $tab.click("#tour-begin").await;
        $tab.until("!document.getElementById('tour-next').closest('[hidden]')").await;
        let $view = "tour";
        $body;
        $tab.click("#tour-end").await;
    };
}

/// In the tree that the browser gives to screen readers.
async fn everything_has_a_name(stage: Arc<Stage>) {
    let tab = stage.open("/?hidden=4,4&updates=2").await;
    tab.until_updates(2).await;
    in_every_view!(tab, view => {
        let tree = tab.call("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().expect("nodes");
        let needs_name = |node: &&Value| {
            let has = |name: &str| {
                let properties = node["properties"].as_array();
                properties.is_some_and(|it| it.iter().any(|it| it["name"] == name && it["value"]["value"] == true))
            };
            let role = node["role"]["value"].as_str().unwrap_or_default();
            let needs_label = ["image", "img", "graphics-document", "region", "form", "tablist", "tabpanel"].contains(&role);
            node["ignored"] != true && role != "RootWebArea" && (has("focusable") || needs_label)
        };
        let named = |node: &Value| node["name"]["value"].as_str().is_some_and(|name| !name.trim().is_empty());
        let (good, bad): (Vec<&Value>, Vec<&Value>) = nodes.iter().filter(needs_name).partition(|node| named(node));
        assert!(good.len() > 25, "{view}: {} nodes", good.len());
        let bad = bad.iter().map(|it| format!("{} {}", it["role"]["value"], it["backendDOMNodeId"]));
        assert_eq!(bad.collect::<Vec<_>>(), NOTHING, "{view}: these roles have no name");
        let unlabelled: Vec<String> = tab.js(UNLABELLED).await;
        assert_eq!(unlabelled, NOTHING, "{view}: drawings without a label");
    });
}

/// Canvases and drawings say what they show, or are hidden from screen readers.
const UNLABELLED: &str = "[...document.querySelectorAll('canvas, svg')]
    .filter((it) => it.checkVisibility() && !it.closest('[aria-hidden=true]'))
    .filter((it) => !it.getAttribute('aria-label')?.trim() && !it.getAttribute('aria-labelledby') && !it.querySelector(':scope > title'))
    .map((it) => it.outerHTML.slice(0, 80))";

const OUTLINE: &str = "{
    const faults = [];
    const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter((it) => it.checkVisibility());
    const levels = headings.map((it) => Number(it.localName[1]));
    if (levels.filter((level) => level === 1).length !== 1) faults.push(`h1: ${levels}`);
    if (levels[0] !== 1) faults.push(`the first heading is h${levels[0]}`);
    levels.forEach((level, i) => i && level > levels[i - 1] + 1 && faults.push(`${headings[i].outerHTML} follows h${levels[i - 1]}`));
    headings.filter((it) => !it.textContent.trim()).forEach((it) => faults.push(`empty ${it.outerHTML}`));
    if (!document.documentElement.lang) faults.push('no lang');
    if (!document.title.trim()) faults.push('no title');
    for (const [landmark, query] of [['main', 'main'], ['banner', 'body > header']])
        if (document.querySelectorAll(query).length !== 1) faults.push(`no one ${landmark}`);
    const ids = [...document.querySelectorAll('[id]')].map((it) => it.id);
    ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => faults.push(`two elements have the id ${id}`));
    for (const attribute of ['aria-controls', 'aria-labelledby', 'aria-describedby', 'for'])
        for (const it of document.querySelectorAll(`[${attribute}]`))
            for (const id of it.getAttribute(attribute).split(' '))
                if (!document.getElementById(id)) faults.push(`${attribute} of ${it.outerHTML.slice(0, 60)} names no element`);
    if (!document.querySelector('[aria-live]:not([aria-live=off]), [role=status], output')) faults.push('nothing tells of changes');
    const skip = document.querySelector('a[href^=\"#\"]');
    if (!skip || !document.querySelector(skip.getAttribute('href'))) faults.push('no link skips to the content');
    faults
}";

async fn the_document_has_an_outline(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    in_every_view!(tab, view => {
        let faults: Vec<String> = tab.js(OUTLINE).await;
        assert_eq!(faults, NOTHING, "{view}");
    });
}

async fn contrast_suffices(stage: Arc<Stage>) {
    let tab = stage.tab().await;
    tab.before_each_page(include_str!("canvas.js")).await;
    tab.open(&stage.site.origin(), "/?hidden=4,4&updates=3").await;
    tab.until_updates(3).await;
    tab.js::<()>(include_str!("contrast.js")).await;
    for theme in ["light", "dark"] {
        tab.prefer("prefers-color-scheme", theme).await;
        tab.until(&format!("document.documentElement.dataset.theme === '{theme}' && asked === 0"))
            .await;
        tab.js::<()>("drawing.styles.clear(); null").await;
        tab.resize(1270, 900).await; // so that all is drawn again
        tab.resize(1280, 900).await;
        in_every_view!(tab, view => sufficient(&tab, &format!("{view}, {theme}")).await);
        tab.set("rate", "0").await; // its refusal is a text, too
        tab.until("document.querySelector('[aria-invalid=true]')").await;
        sufficient(&tab, &format!("a refusal, {theme}")).await;
        tab.set("rate", "0.01").await;
        tab.set("task", "text").await;
        tab.until("new URLSearchParams(location.search).get('task') === 'text'").await;
        sufficient(&tab, &format!("a text, {theme}")).await;
        tab.set("task", "sine").await;
        tab.until("!new URLSearchParams(location.search).has('task')").await;
    }
    tab.excuse("422").await;
}

async fn sufficient(tab: &Tab, what: &str) {
    let judged: Value = tab.js("contrast.all()").await;
    assert!(judged["checked"].as_u64() > Some(30), "{what}: {judged}");
    assert_eq!(judged["found"], json!([]), "{what}");
}

/// The rules of axe-core, whose file the variable `AXE` names.
async fn axe(stage: Arc<Stage>) {
    let path = env::var("AXE").expect("AXE names the file axe.min.js; `tools/axe` prints it");
    let axe = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let tab = stage.open("/?hidden=4,4&updates=3").await;
    tab.until_updates(3).await;
    tab.js::<()>(&format!("{axe}\nnull")).await;
    let mut found = Vec::new();
    for theme in ["light", "dark"] {
        tab.prefer("prefers-color-scheme", theme).await;
        in_every_view!(tab, view => {
            let violations: Vec<String> = tab.js(
                "(await axe.run(document, { resultTypes: ['violations'] })).violations.flatMap((rule) =>
                    rule.nodes.map((node) => `${rule.id}: ${node.target}: ${node.failureSummary}`))").await;
            found.extend(violations.into_iter().map(|it| format!("{view}, {theme}: {it}")));
        });
    }
    assert_eq!(found, NOTHING, "{}", found.join("\n"));
}
