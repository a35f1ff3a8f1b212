//! Pictures of the page for the guide.

use std::env;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::harness::{Stage, Tab, Test, tests};

pub(crate) const TESTS: &[Test] = tests![OnDemand pictures];

/// What is taken of the page.
#[derive(Clone, Copy)]
enum Part {
    /// What the window shows.
    Window,
    /// The open view, also below the end of the window.
    View,
}

/// Writes them to the folder that `EXPLORER_PICTURES` names, from the root of the repository.
async fn pictures(stage: Arc<Stage>) {
    let folder = env::var("EXPLORER_PICTURES").expect("EXPLORER_PICTURES names a folder");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let tab = stage.tab().await;
    tab.resize(1280, 760).await;
    for (name, path, part) in [
        ("network", "/?hidden=8,8&updates=300", Part::Window),
        ("unrolled", "/?hidden=8,8&updates=20&view=unrolled", Part::View),
        ("cell", "/?updates=400&view=cell&at=0,12,1", Part::View),
        ("gates", "/?updates=400&view=gates", Part::View),
        ("gradient", "/?preset=vanishing", Part::View),
        ("tour", "/?tour=6", Part::Window),
    ] {
        show(&tab, &stage, path).await;
        write(&tab, part, &folder.join(format!("explorer-{name}.png"))).await;
    }
    tab.prefer("prefers-color-scheme", "dark").await;
    show(&tab, &stage, "/?updates=300&view=gates").await;
    write(&tab, Part::Window, &folder.join("explorer-dark.png")).await;
    tab.prefer("prefers-color-scheme", "light").await;
    tab.resize(360, 740).await;
    show(&tab, &stage, "/?updates=300").await;
    write(&tab, Part::Window, &folder.join("explorer-narrow.png")).await;
}

/// Opens a path, and waits until all updates are made and shown.
async fn show(tab: &Tab, stage: &Stage, path: &str) {
    tab.open(&stage.site.origin(), path).await;
    tab.until(
        "document.getElementById('status').dataset.updates > 0 && \
         document.getElementById('play').textContent.includes('Play') && asked === 0",
    )
    .await;
    tab.js::<()>(
        "document.activeElement.blur();
        await new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(() => shown(null))))",
    )
    .await;
}

async fn write(tab: &Tab, part: Part, path: &Path) {
    let [x, y, width, height]: [f64; 4] = tab
        .js(match part {
            Part::Window => "[scrollX, scrollY, innerWidth, innerHeight]",
            Part::View => {
                "{
                const { x, y, width, height } = document.getElementById('panel').getBoundingClientRect();
                [x + scrollX, y + scrollY, width, Math.min(height, 760)]
                }"
            }
        })
        .await;
    let picture = tab.picture([x, y, width, height]).await;
    println!("{}: {} bytes", path.display(), picture.len());
    fs::write(path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
