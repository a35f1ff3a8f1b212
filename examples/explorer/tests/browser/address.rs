//! The address of the page determines what it shows.

use std::future::IntoFuture;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::harness::{Stage, Test, tests};

pub(crate) const TESTS: &[Test] = tests![
    Beside an_address_reproduces_an_experiment
    Beside tabs_do_not_disturb_each_other
    Beside an_impossible_address_says_why
    Beside a_foreign_page_reads_nothing
    Beside the_export_is_the_experiment
    Beside pictures_are_svg
];

/// All exact numbers on the page.
pub(crate) const EXACT: &str =
    "[...document.querySelectorAll('#panel [data-exact]')].map((it) => it.dataset.exact)";

async fn an_address_reproduces_an_experiment(stage: Arc<Stage>) {
    let path = "/?task=saw&cell=lstm&hidden=5,3&seed=3&noise=0.1&updates=200&view=cell";
    let [first, second] = [stage.open(path).await, stage.open(path).await];
    let mut shown = Vec::new();
    for tab in [first, second] {
        tab.until_updates(200).await;
        tab.until("document.getElementById('walk-h')").await;
        shown.push((tab.text("#status").await, tab.js::<Vec<String>>(EXACT).await));
    }
    assert!(shown[0].1.len() >= 6, "{shown:?}");
    assert_eq!(shown[0], shown[1]);
}

async fn tabs_do_not_disturb_each_other(stage: Arc<Stage>) {
    let first = stage.open("/?seed=1&view=cell").await;
    let second = stage.open("/?seed=2&cell=gru").await;
    first.until("document.getElementById('walk-h')").await;
    let before: Vec<String> = first.js(EXACT).await;
    second.click("#play").await;
    second.until("document.getElementById('status').dataset.updates > 20").await;
    assert_eq!(first.updates().await, 0);
    first.click("#step").await;
    first.until_updates(1).await;
    second.set("seed", "5").await;
    second.until_updates(0).await;
    first.click("#reset").await;
    first.until_updates(0).await;
    first.until(&format!("JSON.stringify({EXACT}) === '{}'", serde_json::json!(before))).await;
    assert_eq!(second.updates().await, 0);
}

async fn an_impossible_address_says_why(stage: Arc<Stage>) {
    for path in ["/?cell=perceptron", "/?rate=0", "/?hidden=x", "/?updates=-1", "/?seed=1.5"] {
        let tab = stage.tab().await;
        tab.excuse("422").await; // the browser logs refusals of the server
        tab.excuse("400").await;
        tab.open(&stage.site.origin(), path).await;
        tab.until("document.getElementById('notice').textContent.length > 10").await;
        tab.click("#step").await;
        tab.until_updates(1).await; // it shows an experiment all the same
    }
}

async fn a_foreign_page_reads_nothing(stage: Arc<Stage>) {
    let own = stage.open("/").await;
    let export: String = own.js("document.getElementById('export').href").await;
    let origin = stage.site.origin();
    let foreign = foreign_page().await;
    for page in ["about:blank", "data:text/html,<title>foreign</title>", &foreign] {
        let tab = stage.tab().await;
        tab.go(page).await;
        for complaint in ["CORS", "Failed to load resource", "blocked"] {
            tab.excuse(complaint).await;
        }
        for address in [format!("{origin}/"), format!("{origin}/api/options"), export.clone()] {
            let read: bool =
                tab.js(&format!("await fetch('{address}').then(() => true, () => false)")).await;
            assert!(!read, "{page} reads {address}");
        }
        let created = "{ method: 'POST', mode: 'no-cors', body: '{}' }";
        tab.js::<()>(&format!(
            "await fetch('{origin}/api/experiments', {created}).then(() => null, () => null)"
        ))
        .await;
        let step = export.replace("export.json", "step");
        tab.js::<()>(&format!(
            "await fetch('{step}', {{ method: 'POST', mode: 'no-cors' }}).then(() => null, () => null)"
        ))
        .await;
    }
    own.click("#step").await;
    own.until("document.getElementById('status').dataset.updates > 0").await;
    assert_eq!(own.updates().await, 1, "a foreign page has made updates");
}

/// Serves a page of the same host and another port, so that no rule of the browser but that of origins is in between.
async fn foreign_page() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let page = Router::new().route("/", get(|| async { Html("<title>foreign</title>") }));
    tokio::spawn(axum::serve(listener, page).into_future());
    format!("http://{address}/")
}

async fn the_export_is_the_experiment(stage: Arc<Stage>) {
    let tab = stage.open("/?task=sines&cell=gru&hidden=4&seed=9&updates=20").await;
    tab.until_updates(20).await;
    let text: String =
        tab.js("await fetch(document.getElementById('export').href).then((it) => it.text())").await;
    let export: Value = serde_json::from_str(&text).expect("JSON");
    let settings = &export["settings"];
    assert_eq!(settings["task"], "sines");
    assert_eq!(settings["cell"], "gru");
    assert_eq!(settings["hidden"], serde_json::json!([4]));
    assert_eq!(settings["seed"], 9);
    assert_eq!(export["updates"], 20);
    assert_eq!(export["losses"].as_array().map(Vec::len), Some(20));
}

/// Every link to a picture returns an SVG document, in every view.
async fn pictures_are_svg(stage: Arc<Stage>) {
    let tab = stage.open("/?updates=5").await;
    tab.until_updates(5).await;
    let mut seen = 0;
    for view in crate::views::VIEWS {
        crate::views::open(&tab, view).await;
        seen += tab
            .js::<usize>(
                "{
                const links = [...document.querySelectorAll('a[href*=\"/figures/\"]')];
                for (const { href } of links) {
                    const answer = await fetch(href);
                    const kind = answer.headers.get('content-type');
                    if (!answer.ok || !kind.startsWith('image/svg+xml')) throw new Error(`${href}: ${answer.status} ${kind}`);
                    const read = new DOMParser().parseFromString(await answer.text(), 'image/svg+xml');
                    if (read.documentElement.localName !== 'svg') throw new Error(`${href} is no SVG`);
                }
                links.length
                }",
            )
            .await;
    }
    assert!(seen > 10, "there are {seen} links");
}
