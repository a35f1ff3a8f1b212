//! Pictures of the page for the guide.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::harness::{Stage, Tab, Test, tests};
use crate::views;

pub(crate) const TESTS: &[Test] = tests![OnDemand pictures];

/// Writes them to the folder that `EXPLORER_PICTURES` names, from the root of the repository.
async fn pictures(stage: Arc<Stage>) {
    let folder = env::var("EXPLORER_PICTURES").expect("EXPLORER_PICTURES names a folder");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    for (view, path, updates) in [
        ("network", "/?hidden=8,8&updates=300", 300),
        ("unrolled", "/?updates=20", 20),
        ("cell", "/?hidden=4&updates=200", 200),
        ("gates", "/?updates=300", 300),
        ("gradient", "/?hidden=16&length=60&updates=100", 100),
    ] {
        let tab = shown(&stage, path, updates).await;
        views::open(&tab, view).await;
        write(&tab, &folder, view).await;
    }
    let tab = shown(&stage, "/?tour=16", 300).await;
    write(&tab, &folder, "tour").await;
    let tab = shown(&stage, "/?updates=300", 300).await;
    tab.prefer("prefers-color-scheme", "dark").await;
    views::open(&tab, "gates").await;
    write(&tab, &folder, "dark").await;
    let tab = shown(&stage, "/?updates=300", 300).await;
    tab.resize(360, 740).await;
    write(&tab, &folder, "narrow").await;
}

async fn shown(stage: &Stage, path: &str, updates: usize) -> Tab {
    let tab = stage.open(path).await;
    tab.until_updates(updates).await;
    tab
}

async fn write(tab: &Tab, folder: &Path, name: &str) {
    tab.js::<()>("window.scrollTo(0, 0); document.activeElement.blur()").await;
    tab.js::<()>("await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(null))))").await;
    let path: PathBuf = folder.join(format!("explorer-{name}.png"));
    let picture = tab.picture().await;
    println!("{}: {} bytes", path.display(), picture.len());
    fs::write(&path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
