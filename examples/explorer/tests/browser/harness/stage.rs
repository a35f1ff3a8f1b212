//! What one test works with.

use std::sync::{Arc, Mutex, PoisonError};

use chromiumoxide::cdp::browser_protocol::browser::BrowserContextId;

use super::browser::Browser;
use super::{Site, Tab};

/// A server and a private context of the browser.
pub(crate) struct Stage {
    pub(crate) site: Site,
    browser: Arc<Browser>,
    context: BrowserContextId,
    tabs: Mutex<Vec<Tab>>,
}

impl Stage {
    pub(super) async fn new(browser: Arc<Browser>) -> Self {
        let (site, context) = (Site::start().await, browser.context().await);
        Self { site, browser, context, tabs: Mutex::default() }
    }

    /// Opens an empty tab.
    pub(crate) async fn tab(&self) -> Tab {
        let tab = self.browser.tab(&self.context).await;
        self.tabs.lock().unwrap_or_else(PoisonError::into_inner).push(tab.clone());
        tab
    }

    /// Opens the page at a path such as `/?cell=gru`, and waits until it shows the experiment.
    pub(crate) async fn open(&self, path: &str) -> Tab {
        let tab = self.tab().await;
        tab.open(&self.site.origin(), path).await;
        tab
    }

    /// Closes the tabs, and returns what they complained of.
    pub(super) async fn end(&self) -> String {
        let tabs = std::mem::take(&mut *self.tabs.lock().unwrap_or_else(PoisonError::into_inner));
        let mut complaints = Vec::new();
        for tab in tabs {
            complaints.extend(tab.complaints().await);
        }
        self.browser.dispose(self.context.clone()).await;
        complaints.join("\n")
    }
}
