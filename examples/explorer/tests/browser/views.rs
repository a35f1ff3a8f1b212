//! Every view of every cell.

use std::sync::Arc;

use crate::harness::{Stage, Tab, Test, tests};

pub(crate) const TESTS: &[Test] = tests![Beside every_view_shows_every_cell];

pub(crate) const VIEWS: [&str; 6] = ["network", "unrolled", "cell", "gates", "weights", "gradient"];

/// Opens a view by its tab, and waits until it is drawn.
pub(crate) async fn open(tab: &Tab, view: &str) {
    forget(tab).await;
    tab.click(&format!("#tab-{view}")).await;
    drawn(tab, view).await;
}

/// Forgets which view is drawn, before something that draws one.
pub(crate) async fn forget(tab: &Tab) {
    tab.js::<()>("delete document.getElementById('panel').dataset.drawn; null").await;
}

/// Waits until a view is drawn, and all that was asked is answered. While the experiment plays, one question may follow
/// another without a pause.
pub(crate) async fn drawn(tab: &Tab, view: &str) {
    tab.until(&format!(
        "document.getElementById('tab-{view}').getAttribute('aria-selected') === 'true' && \
         document.getElementById('panel').dataset.drawn === 'tab-{view}' && \
         (asked === 0 || document.getElementById('play').textContent.includes('Pause'))"
    ))
    .await;
}

async fn every_view_shows_every_cell(stage: Arc<Stage>) {
    let tab = stage.open("/?hidden=4,2&length=6").await;
    let cells: Vec<String> =
        tab.js("[...document.querySelectorAll('#set-cell option')].map((it) => it.value)").await;
    assert!(cells.len() > 15 && cells.iter().any(|it| it == "mine"), "{cells:?}");
    for cell in cells {
        tab.set("cell", &cell).await;
        tab.until(&format!(
            "(new URLSearchParams(location.search).get('cell') ?? 'lstm') === '{cell}'"
        ))
        .await;
        tab.click("#step").await;
        tab.until_updates(1).await;
        for view in VIEWS {
            open(&tab, view).await;
        }
        assert_eq!(tab.text("#notice").await, "", "{cell}");
    }
}
