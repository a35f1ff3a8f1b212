//! Sizes of the window, enlargement, and what the user prefers.

use std::sync::Arc;

use crate::harness::{NOTHING, Stage, Tab, Test, tests};
use crate::views::{self, VIEWS};

pub(crate) const TESTS: &[Test] = tests![
    Beside no_view_is_wider_than_the_window
    Beside targets_are_large_enough
    Beside the_theme_follows_the_preference_and_the_switch
    Beside reduced_motion_is_respected
];

/// A phone, a page that is enlarged to 200 %, a desk and a wall.
const WINDOWS: [(u32, u32, f64); 4] =
    [(360, 740, 3.0), (640, 450, 2.0), (1280, 900, 1.0), (1920, 1080, 1.0)];

async fn no_view_is_wider_than_the_window(stage: Arc<Stage>) {
    let tab = stage.open("/?hidden=8,8,8,8&length=60&updates=3").await;
    tab.until_updates(3).await;
    for (width, height, scale) in WINDOWS {
        tab.resize_scaled(width, height, scale).await;
        tab.until(&format!("innerWidth === {width}")).await;
        for view in VIEWS {
            views::open(&tab, view).await;
            fits(&tab, &format!("{view} at {width} pixels")).await;
        }
        tab.click("#export-menu summary").await;
        fits(&tab, &format!("the menu at {width} pixels")).await;
        tab.press("Escape").await;
        tab.click("#tour-begin").await;
        tab.until("!document.getElementById('tour-next').closest('[hidden]')").await;
        fits(&tab, &format!("the tour at {width} pixels")).await;
        tab.click("#tour-end").await;
        tab.choose("#set-hidden", "8,8,8,8").await;
    }
}

/// The document does not scroll sideways, and what it shows does not end outside of it.
async fn fits(tab: &Tab, what: &str) {
    let outside: Vec<String> = tab
        .js(
            "[...document.querySelectorAll('body *')].filter((it) => {
                const rect = it.getBoundingClientRect();
                const scrolls = it.closest('.skip') || [...(function* () { for (let p = it.parentElement; p; p = p.parentElement) yield p; })()]
                    .some((p) => p !== document.body && getComputedStyle(p).overflowX !== 'visible');
                return it.checkVisibility() && rect.width > 1 && rect.right > document.documentElement.clientWidth + 1 && !scrolls;
            }).map((it) => it.outerHTML.slice(0, 100))",
        )
        .await;
    assert_eq!(outside, NOTHING, "{what}");
    let [content, window]: [f64; 2] = tab
        .js("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        .await;
    assert!(content <= window, "{what}: {content} is wider than {window}");
}

/// 24 by 24 CSS pixels, by WCAG 2.2 (2.5.8). Links within texts are exempt.
async fn targets_are_large_enough(stage: Arc<Stage>) {
    let tab = stage.open("/?hidden=8,8").await;
    for width in [360, 1280] {
        tab.resize(width, 800).await;
        for view in VIEWS {
            views::open(&tab, view).await;
            let small: Vec<String> = tab
                .js(
                    "[...document.querySelectorAll('button, input, select, textarea, [role=button], [role=tab]')]
                        .filter((it) => it.checkVisibility())
                        .filter((it) => { const rect = it.getBoundingClientRect(); return rect.width < 24 || rect.height < 24; })
                        .map((it) => it.outerHTML.slice(0, 80))",
                )
                .await;
            assert_eq!(small, NOTHING, "{view} at {width} pixels");
        }
    }
}

/// The mean of red, green and blue of the background, from 0 to 1.
const LIGHTNESS: &str = "(getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g)
    .slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3 / 255)";

async fn the_theme_follows_the_preference_and_the_switch(stage: Arc<Stage>) {
    let tab = stage.tab().await;
    tab.prefer("prefers-color-scheme", "dark").await;
    tab.open(&stage.site.origin(), "/").await;
    assert!(tab.js::<f64>(LIGHTNESS).await < 0.3);
    tab.prefer("prefers-color-scheme", "light").await;
    tab.until(&format!("{LIGHTNESS} > 0.7")).await;
    tab.click("#theme").await;
    tab.until(&format!("{LIGHTNESS} < 0.3")).await;
    tab.click("#theme").await;
    tab.until(&format!("{LIGHTNESS} > 0.7")).await;
}

async fn reduced_motion_is_respected(stage: Arc<Stage>) {
    let tab = stage.tab().await;
    tab.prefer("prefers-reduced-motion", "reduce").await;
    tab.open(&stage.site.origin(), "/").await;
    for view in VIEWS {
        views::open(&tab, view).await;
        let moving: Vec<String> = tab
            .js(
                "[...document.querySelectorAll('*')].filter((it) => {
                    const style = getComputedStyle(it);
                    const isLong = (times) => times.split(',').some((time) => parseFloat(time) > 0.01);
                    return (style.animationName !== 'none' && isLong(style.animationDuration)) || isLong(style.transitionDuration);
                }).map((it) => it.outerHTML.slice(0, 80))",
            )
            .await;
        assert_eq!(moving, NOTHING, "{view}");
        assert_eq!(tab.js::<usize>("document.getAnimations().length").await, 0, "{view}");
    }
}
