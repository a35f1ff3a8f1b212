//! The page without a pointer.

use std::sync::Arc;

use crate::harness::{Stage, Tab, Test, tests};
use crate::views::{self, VIEWS};

pub(crate) const TESTS: &[Test] = tests![
    Beside tab_reaches_everything_in_order
    Beside keys_play_step_and_reset
    Beside a_setting_is_typed
    Beside arrows_move_between_the_views
    Beside a_layer_opens_its_cell
];

/// What the tab key should reach, in the order of the document.
const REACHABLE: &str = "[...document.querySelectorAll(
        'a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex]'
    )].filter((it) => it.tabIndex >= 0 && it.checkVisibility({ visibilityProperty: true }))";

const NAME: &str = "document.activeElement.outerHTML.slice(0, 90)";

/// Every control is reached once, by a walk through the page, and shows that it has the focus.
async fn tab_reaches_everything_in_order(stage: Arc<Stage>) {
    let tab = stage.open("/?hidden=4,4").await;
    tab.js::<()>(include_str!("contrast.js")).await;
    let focused = format!("{REACHABLE}.indexOf(document.activeElement)");
    for theme in ["light", "dark"] {
        tab.prefer("prefers-color-scheme", theme).await;
        for view in VIEWS {
            views::open(&tab, view).await;
            tab.js::<()>("document.activeElement.blur(); getSelection().removeAllRanges(); document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')").await;
            let count: i64 = tab.js(&format!("{REACHABLE}.length")).await;
            assert!(count > 20, "{count} controls");
            for expected in 0..count {
                tab.press("Tab").await;
                let (at, name): (i64, String) = (tab.js(&focused).await, tab.js(NAME).await);
                assert_eq!(at, expected, "{view}: the focus is at {name}");
                let fault: String = tab.js("contrast.focus()").await;
                assert_eq!(fault, "", "{view}, {theme}: {name}");
            }
            tab.press_shifted("Tab").await;
            assert_eq!(tab.js::<i64>(&focused).await, count - 2, "{view}: backwards");
        }
    }
}

async fn keys_play_step_and_reset(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.press("s").await;
    tab.until_updates(1).await;
    tab.press(" ").await;
    tab.until("document.getElementById('status').dataset.updates > 5").await;
    tab.press(" ").await;
    tab.until("document.getElementById('play').textContent.includes('Play')").await;
    tab.press("r").await;
    tab.until_updates(0).await;

    // keys that are typed into a field are text
    tab.js::<()>("document.getElementById('set-hidden').focus()").await;
    for key in ["s", "r", " "] {
        tab.press(key).await;
    }
    assert!(tab.js::<String>("document.getElementById('set-hidden').value").await.contains("sr "));
    assert_eq!(tab.updates().await, 0);
    assert_eq!(tab.text("#play").await.trim(), "Play");
}

async fn a_setting_is_typed(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    for (setting, typed) in [("hidden", "4,6"), ("rate", "0.05")] {
        tab.js::<()>(&format!("document.getElementById('set-{setting}').select()")).await;
        for key in typed.chars() {
            tab.press(&key.to_string()).await;
        }
        tab.press("Enter").await;
        tab.until(&format!("new URLSearchParams(location.search).get('{setting}') === '{typed}'"))
            .await;
    }
    tab.press_shifted("Tab").await; // the focus is still in the field, so it leads to the one before
    assert_eq!(tab.js::<String>("document.activeElement.id").await, "set-hidden");
}

async fn arrows_move_between_the_views(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.js::<()>("document.querySelector('#tabs [aria-selected=true]').focus()").await;
    for view in VIEWS.iter().skip(1).chain(&VIEWS[..1]) {
        tab.press("ArrowRight").await;
        selected(&tab, view).await;
    }
    for view in VIEWS.iter().rev() {
        tab.press("ArrowLeft").await;
        selected(&tab, view).await;
    }
}

async fn selected(tab: &Tab, view: &str) {
    views::drawn(tab, view).await;
    assert_eq!(tab.js::<String>("document.activeElement.id").await, format!("tab-{view}"));
}

async fn a_layer_opens_its_cell(stage: Arc<Stage>) {
    let tab = stage.open("/?hidden=3,5").await;
    for (view, layer) in [("network", "open-1"), ("unrolled", "unrolled-1-23")] {
        for key in ["Enter", " "] {
            views::open(&tab, view).await;
            tab.js::<()>(&format!("document.getElementById('{layer}').focus()")).await;
            tab.press(key).await;
            opened(&tab).await;
        }
        views::open(&tab, view).await;
        tab.click(&format!("#{layer}")).await;
        opened(&tab).await;
    }
}

/// The cell of the second layer is open, and the key that has opened it has not played, too.
async fn opened(tab: &Tab) {
    views::drawn(tab, "cell").await;
    assert_eq!(tab.js::<String>("document.getElementById('walk-at-layer').value").await, "2");
    assert_eq!(tab.updates().await, 0);
}
