//! The guided tour.

use std::collections::HashSet;
use std::sync::Arc;

use crate::harness::{Stage, Tab, Test, tests};

pub(crate) const TESTS: &[Test] =
    tests![Beside the_tour_by_keyboard Beside a_link_opens_a_step_of_the_tour];

const STEPS: usize = 24;

async fn the_tour_by_keyboard(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.js::<()>("document.getElementById('tour-begin').focus()").await;
    tab.press("Enter").await;
    let mut seen = Vec::new();
    for step in 1..=STEPS {
        shown(&tab, step).await;
        let title = tab.text("#tour-title").await;
        let text = tab.text("#tour-text").await;
        let link: String =
            tab.js("document.getElementById('tour-link').getAttribute('href')").await;
        assert!(!title.is_empty() && !text.is_empty(), "step {step}");
        assert!(text.split_whitespace().count() <= 60, "step {step} is long: {text}");
        assert_eq!(tab.text("#notice").await, "", "step {step}");
        seen.push((title, link));
        if step < STEPS {
            tab_to(&tab, "tour-next").await;
            tab.press("Enter").await;
        }
    }
    let titles: HashSet<_> = seen.iter().map(|it| &it.0).collect();
    let links: HashSet<_> = seen.iter().map(|it| &it.1).collect();
    assert_eq!((titles.len(), links.len()), (STEPS, STEPS), "{seen:?}");
    assert!(tab.js::<bool>("document.getElementById('tour-next').disabled").await);
    for step in (1..STEPS).rev() {
        tab_to(&tab, "tour-back").await;
        tab.press("Enter").await;
        shown(&tab, step).await;
        assert_eq!(tab.text("#tour-title").await, seen[step - 1].0);
    }
    tab_to(&tab, "tour-end").await;
    tab.press("Enter").await;
    tab.until("!document.getElementById('tour-title').checkVisibility()").await;
}

/// Waits until a step is shown, whose title then has the focus.
async fn shown(tab: &Tab, step: usize) {
    tab.until(&format!(
        "/\\b{step}\\b.*\\b{STEPS}\\b/.test(document.getElementById('tour-place').textContent) && \
         document.activeElement.id === 'tour-title' && \
         document.getElementById('panel').childElementCount > 0"
    ))
    .await;
}

/// Presses the tab key until an element of the tour has the focus.
async fn tab_to(tab: &Tab, id: &str) {
    for _ in 0..8 {
        tab.press("Tab").await;
        if tab.js::<String>("document.activeElement.id").await == id {
            return;
        }
    }
    panic!("the tab key does not lead from the title to {id}");
}

async fn a_link_opens_a_step_of_the_tour(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.click("#tour-begin").await;
    shown(&tab, 1).await;
    for step in 2..=5 {
        // not by the pointer, since the page scrolls to what a step shows
        tab.js::<()>("document.getElementById('tour-next').click(); null").await;
        shown(&tab, step).await;
    }
    let title = tab.text("#tour-title").await;
    let link: String = tab.js("document.getElementById('tour-link').getAttribute('href')").await;
    let other = stage.open(&link).await;
    shown(&other, 5).await;
    other.until_updates(1).await;
    tab.until_updates(1).await;
    assert_eq!(other.text("#tour-title").await, title);
    assert_eq!(other.text("#status").await, tab.text("#status").await);
}
