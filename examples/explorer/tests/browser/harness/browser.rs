//! The browser that all tests share.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chromiumoxide::browser::{Browser as Chromium, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::browser::BrowserContextId;
use chromiumoxide::cdp::browser_protocol::target::CreateTargetParams;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio_stream::StreamExt;

use super::tab::Tab;

const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "chrome-headless-shell",
];

/// Returns the browser that `CHROME` names, none if that is empty, or without it the first one on the `PATH`.
pub(super) fn executable() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROME") {
        return (!named.is_empty()).then(|| PathBuf::from(named));
    }
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let mut candidates = NAMES.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    candidates.find(|path| path.is_file())
}

/// A running browser.
pub(super) struct Browser {
    chromium: Mutex<Chromium>,
    _profile: TempDir,
}

impl Browser {
    pub(super) async fn launch(executable: &Path) -> Self {
        let profile = TempDir::new().expect("a folder for the profile");
        let config = BrowserConfig::builder()
            .chrome_executable(executable)
            .new_headless_mode()
            .no_sandbox() // containers allow none, and it shows our page alone
            .user_data_dir(profile.path())
            .viewport(None)
            .launch_timeout(Duration::from_secs(60))
            .build()
            .expect("a configuration");
        let launched = Chromium::launch(config).await;
        let (chromium, mut events) = launched
            .unwrap_or_else(|error| panic!("{} does not start: {error}", executable.display()));
        tokio::spawn(async move { while events.next().await.is_some() {} });
        Self { chromium: Mutex::new(chromium), _profile: profile }
    }

    /// Creates a context that shares nothing with others.
    pub(super) async fn context(&self) -> BrowserContextId {
        let created = self.chromium.lock().await.create_browser_context(Default::default()).await;
        created.expect("a context")
    }

    /// Opens an empty tab in a window of its own, so that it is not in the background.
    pub(super) async fn tab(&self, context: &BrowserContextId) -> Tab {
        let blank = CreateTargetParams::builder()
            .url("about:blank")
            .browser_context_id(context.clone())
            .new_window(true)
            .build();
        let page = self.chromium.lock().await.new_page(blank.expect("an address")).await;
        Tab::new(page.expect("a tab")).await
    }

    pub(super) async fn dispose(&self, context: BrowserContextId) {
        let _ = self.chromium.lock().await.dispose_browser_context(context).await; // it ends with the browser
    }

    pub(super) async fn close(&self) {
        let mut chromium = self.chromium.lock().await;
        let _ = chromium.close().await; // or else it is killed
        let _ = chromium.wait().await;
    }
}
