//! Play, pause, step and reset.

use std::sync::Arc;
use std::time::Duration;

use crate::harness::{Stage, Test, tests};
use crate::views;

pub(crate) const TESTS: &[Test] = tests![
    Beside the_page_loads
    Beside play_and_pause
    Beside step_makes_one_update
    Beside a_slow_click_counts_while_it_plays
    Beside nothing_moves_while_it_plays
    Beside views_follow_the_training
    Beside reset_goes_back_to_the_start
    Beside a_reset_leaves_the_goal
    Beside a_diverging_training_says_why
];

/// Everything comes from the server of the page. Errors and foreign requests of any test are found by the harness.
async fn the_page_loads(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    assert_eq!(tab.updates().await, 0);
    assert_eq!(tab.text("#notice").await, "");
    let (requests, origin) = (tab.requests().await, stage.site.origin());
    for path in ["/", "/assets/style.css", "/assets/main.js", "/api/options", "/api/experiments"] {
        assert!(requests.contains(&format!("{origin}{path}")), "{path} is not among {requests:?}");
    }
}

async fn play_and_pause(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.click("#play").await;
    tab.until("document.getElementById('play').textContent.includes('Pause')").await;
    tab.until("document.getElementById('status').dataset.updates > 5").await;
    tab.click("#play").await;
    tab.until("document.getElementById('play').textContent.includes('Play')").await;
    let updates = tab.updates().await;
    tab.click("#step").await; // its update is the next one, so none was made in between
    tab.until_updates(updates + 1).await;
}

async fn step_makes_one_update(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    for updates in 1..=3 {
        tab.click("#step").await;
        tab.until_updates(updates).await;
    }
}

/// A view is drawn anew several times while a button in it is held.
async fn a_slow_click_counts_while_it_plays(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.click("#play").await;
    views::open(&tab, "network").await;
    tab.click_slowly("#open-0", Duration::from_millis(700)).await;
    views::drawn(&tab, "cell").await;
}

/// What is below the state of the training stays in its place, however long its text is.
async fn nothing_moves_while_it_plays(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    let top = "document.getElementById('tabs').getBoundingClientRect().top + scrollY";
    for width in [360, 640, 1280] {
        tab.resize(width, 800).await;
        tab.click("#reset").await;
        tab.until_updates(0).await;
        let before: f64 = tab.js(top).await;
        tab.click("#play").await;
        tab.until("/updates a second/.test(document.getElementById('status').textContent)").await;
        let playing: f64 = tab.js(top).await;
        tab.click("#play").await;
        tab.until("document.getElementById('play').textContent.includes('Play')").await;
        let after: f64 = tab.js(top).await;
        assert_eq!([playing, after], [before; 2], "at {width} pixels");
    }
}

/// While it plays, each view is drawn again and again.
async fn views_follow_the_training(stage: Arc<Stage>) {
    let tab = stage.open("/").await;
    tab.js::<()>(
        "window.drawings = 0;
        document.addEventListener('drawn', () => window.drawings++, true)",
    )
    .await;
    tab.click("#play").await;
    for view in views::VIEWS {
        views::open(&tab, view).await;
        tab.js::<()>("window.drawings = 0; null").await;
        tab.until("window.drawings >= 3").await;
    }
}

async fn reset_goes_back_to_the_start(stage: Arc<Stage>) {
    let tab = stage.open("/?view=cell").await;
    tab.until("document.getElementById('walk-h')").await;
    let h = "document.getElementById('walk-h').dataset.exact";
    let before: String = tab.js(h).await;
    tab.click("#step").await;
    tab.until_updates(1).await;
    tab.until(&format!("{h} !== '{before}'")).await;
    tab.click("#play").await;
    tab.until("document.getElementById('status').dataset.updates > 5").await;
    tab.click("#reset").await;
    tab.until_updates(0).await;
    tab.until(&format!("{h} === '{before}'")).await;
}

async fn a_diverging_training_says_why(stage: Arc<Stage>) {
    let tab = stage.open("/?cell=irnn&optimizer=sgd&rate=10&clip=0").await;
    tab.click("#play").await;
    tab.until("/diverged.*learning rate/.test(document.getElementById('notice').textContent)")
        .await;
    tab.until("document.getElementById('play').textContent.includes('Play')").await;
}

/// After a reset the training is no longer on its way to the updates of its settings, and the address says so.
async fn a_reset_leaves_the_goal(stage: Arc<Stage>) {
    let tab = stage.open("/?updates=400").await;
    tab.until_updates(400).await;
    tab.click("#reset").await;
    tab.until_updates(0).await;
    tab.until("location.search === ''").await;
    tab.choose("#speed", "5").await;
    tab.click("#play").await;
    tab.until("document.getElementById('status').dataset.updates > 1").await;
    assert!(!tab.text("#status").await.contains(" of "));
}
