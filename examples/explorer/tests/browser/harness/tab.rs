//! A tab, and what its user does there.

use std::sync::Arc;
use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::log::EventEntryAdded;
use chromiumoxide::cdp::browser_protocol::network::EventRequestWillBeSent;
use chromiumoxide::cdp::browser_protocol::page::Viewport;
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown};
use chromiumoxide::keys::get_key_definition;
use chromiumoxide::listeners::EventStream;
use chromiumoxide::page::ScreenshotParams;
use chromiumoxide::types::{Command, Method, MethodId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt;

/// How long a test waits for what must happen. It guards against waiting for ever, and measures nothing.
const PATIENCE: Duration = Duration::from_secs(40);

/// A tab of the browser.
#[derive(Clone)]
pub(crate) struct Tab {
    page: Page,
    watch: Arc<Mutex<Watch>>,
}

/// A command of the browser's protocol by its name. Its answer is JSON, which later browsers may extend.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Call {
    #[serde(skip)]
    method: &'static str,
    parameters: Value,
}

impl Method for Call {
    fn identifier(&self) -> MethodId {
        self.method.into()
    }
}

impl Command for Call {
    type Response = Value;
}

impl Tab {
    pub(super) async fn new(page: Page) -> Self {
        let watch = Arc::new(Mutex::new(Watch::new(&page).await));
        let tab = Self { page, watch };
        for domain in ["Log.enable", "Network.enable", "Runtime.enable"] {
            tab.call(domain, json!({})).await;
        }
        tab.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        tab.resize(1280, 900).await;
        tab
    }

    /// Sends a command of the browser's protocol.
    pub(crate) async fn call(&self, method: &'static str, parameters: Value) -> Value {
        match self.page.execute(Call { method, parameters }).await {
            Ok(answer) => answer.result,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// Opens a path of the page, and waits until it shows the experiment. Requests to other origins are complaints from
    /// here on.
    pub(crate) async fn open(&self, origin: &str, path: &str) {
        self.watch.lock().await.origin = Some(origin.to_owned());
        self.before_each_page(include_str!("../rest.js")).await;
        self.go(&format!("{origin}{path}")).await;
        self.until("document.getElementById('status')?.dataset.updates !== undefined").await;
    }

    /// Runs a script before those of each page that is opened from here on.
    pub(crate) async fn before_each_page(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Opens an address.
    pub(crate) async fn go(&self, address: &str) {
        let opened = self.page.goto(address).await;
        opened.unwrap_or_else(|error| panic!("{address} does not open: {error}"));
    }

    /// Evaluates a script, whose last expression is the result. It may `await`.
    pub(crate) async fn js<T: DeserializeOwned>(&self, script: &str) -> T {
        let parameters = json!({
            "expression": script, "replMode": true, "awaitPromise": true, "returnByValue": true,
            "userGesture": true,
        });
        let mut answer = self.call("Runtime.evaluate", parameters).await;
        if let Some(exception) = answer.get("exceptionDetails") {
            panic!("{} in `{script}`", exception["exception"]["description"]);
        }
        let value = answer["result"]["value"].take();
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{error} in `{script}`"))
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let start = Instant::now();
        while !self.js::<bool>(&format!("Boolean({expression})")).await {
            if start.elapsed() > PATIENCE {
                let shown: String = self
                    .js("document.title + ': ' + document.getElementById('notice')?.textContent")
                    .await;
                panic!("it never holds that `{expression}`; the page shows `{shown}`");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the page shows an experiment after so many updates, which rests, and all that belongs to it.
    pub(crate) async fn until_updates(&self, updates: usize) {
        self.until(&format!(
            "document.getElementById('status').dataset.updates === '{updates}' && \
             document.getElementById('play').textContent.includes('Play') && asked === 0"
        ))
        .await;
    }

    /// Returns the number of updates that the page shows.
    pub(crate) async fn updates(&self) -> usize {
        self.js("Number(document.getElementById('status').dataset.updates)").await
    }

    /// Returns the text of an element.
    pub(crate) async fn text(&self, selector: &str) -> String {
        self.js(&format!("document.querySelector({}).textContent", json!(selector))).await
    }

    /// Clicks at the middle of an element, once it does not move. It must be on top there.
    pub(crate) async fn click(&self, selector: &str) {
        self.click_slowly(selector, Duration::ZERO).await;
    }

    /// Clicks, and holds the button for a while.
    pub(crate) async fn click_slowly(&self, selector: &str, held: Duration) {
        let selector = json!(selector);
        let [x, y]: [f64; 2] = self
            .js(&format!(
                "{{
                const place = element => JSON.stringify(element.getBoundingClientRect());
                let element = document.querySelector({selector}), last;
                do {{
                    element.scrollIntoView({{ block: 'center', inline: 'center', behavior: 'instant' }});
                    last = place(element);
                    await new Promise(requestAnimationFrame);
                    element = document.querySelector({selector}); // the page may have made a new one
                }} while (last !== place(element));
                const {{ x, y, width, height }} = element.getBoundingClientRect();
                const [u, v] = [x + width / 2, y + height / 2];
                const top = document.elementFromPoint(u, v);
                if (!element.contains(top)) throw new Error(`${{top?.outerHTML}} lies above it`);
                [u, v]
                }}",
            ))
            .await;
        for (kind, pause) in [("mousePressed", held), ("mouseReleased", Duration::ZERO)] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await;
            sleep(pause).await;
        }
    }

    /// Presses a key, such as `Tab` or `a`.
    pub(crate) async fn press(&self, key: &str) {
        self.press_with(key, 0).await;
    }

    /// Presses a key together with the shift key.
    pub(crate) async fn press_shifted(&self, key: &str) {
        self.press_with(key, 8).await;
    }

    async fn press_with(&self, key: &str, modifiers: u8) {
        let definition = get_key_definition(key).expect("a key of the keyboard");
        let text = definition.text.or((key.chars().count() == 1).then_some(key));
        for kind in [if text.is_some() { "keyDown" } else { "rawKeyDown" }, "keyUp"] {
            let parameters = json!({
                "type": kind, "key": definition.key, "code": definition.code, "modifiers": modifiers,
                "windowsVirtualKeyCode": definition.key_code,
                "text": if kind == "keyDown" { text } else { None },
            });
            self.call("Input.dispatchKeyEvent", without_null(parameters)).await;
        }
    }

    /// Chooses a value of a setting, as one who leaves its field does.
    pub(crate) async fn set(&self, setting: &str, value: &str) {
        self.choose(&format!("#set-{setting}"), value).await;
    }

    /// Chooses a value of a field.
    pub(crate) async fn choose(&self, selector: &str, value: &str) {
        self.js::<()>(&format!(
            "{{
            const field = document.querySelector({});
            field.value = {};
            for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {{ bubbles: true }}));
            null
            }}",
            json!(selector),
            json!(value)
        ))
        .await;
    }

    /// Gives the page a size in CSS pixels.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        self.resize_scaled(width, height, 1.0).await;
    }

    /// Gives the page a size in CSS pixels, each of which has `scale` pixels of the screen.
    pub(crate) async fn resize_scaled(&self, width: u32, height: u32, scale: f64) {
        let parameters = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", parameters).await;
    }

    /// Sets what the user prefers, such as `prefers-color-scheme` to `dark`.
    pub(crate) async fn prefer(&self, feature: &str, value: &str) {
        let features = json!({ "features": [{ "name": feature, "value": value }] });
        self.call("Emulation.setEmulatedMedia", features).await;
    }

    /// Does not take for a complaint what contains `said`, whose cause is the test.
    pub(crate) async fn excuse(&self, said: &str) {
        self.watch.lock().await.excused.push(said.to_owned());
    }

    /// Waits until the tab has complained of something, and excuses it.
    pub(crate) async fn complains_of(&self, said: &str) {
        let start = Instant::now();
        while !self.watch.lock().await.heard().await.iter().any(|it| it.contains(said)) {
            assert!(start.elapsed() < PATIENCE, "nothing was said of `{said}`");
            sleep(Duration::from_millis(20)).await;
        }
        self.excuse(said).await;
    }

    /// Returns what the tab has complained of, but for what is excused.
    pub(super) async fn complaints(&self) -> Vec<String> {
        for _ in 0..2 {
            let _ = self
                .page
                .execute(Call {
                    method: "Runtime.evaluate",
                    parameters: json!({ "expression": "0" }),
                })
                .await;
        }
        let mut watch = self.watch.lock().await;
        let excused = watch.excused.clone();
        let mut heard = watch.heard().await.to_vec();
        heard.retain(|it| !excused.iter().any(|said| it.contains(said)));
        heard
    }

    /// Returns the requests so far.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let mut watch = self.watch.lock().await;
        watch.heard().await;
        watch.requested.clone()
    }

    /// Returns a picture of a part of the document, of this left, top, width and height, as a PNG file.
    pub(crate) async fn picture(&self, [x, y, width, height]: [f64; 4]) -> Vec<u8> {
        let part = Viewport { x, y, width, height, scale: 1.0 };
        let parameters =
            ScreenshotParams::builder().clip(part).capture_beyond_viewport(true).build();
        self.page.screenshot(parameters).await.expect("a picture")
    }
}

fn without_null(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

/// What a tab says and asks for.
struct Watch {
    console: EventStream<EventConsoleApiCalled>,
    exceptions: EventStream<EventExceptionThrown>,
    log: EventStream<EventEntryAdded>,
    requests: EventStream<EventRequestWillBeSent>,
    /// The only origin that the tab may ask.
    origin: Option<String>,
    heard: Vec<String>,
    requested: Vec<String>,
    excused: Vec<String>,
}

impl Watch {
    async fn new(page: &Page) -> Self {
        Self {
            console: page.event_listener().await.expect("a listener"),
            exceptions: page.event_listener().await.expect("a listener"),
            log: page.event_listener().await.expect("a listener"),
            requests: page.event_listener().await.expect("a listener"),
            origin: None,
            heard: Vec::new(),
            requested: Vec::new(),
            excused: Vec::new(),
        }
    }

    /// Reads what has arrived, and returns all complaints so far.
    async fn heard(&mut self) -> &[String] {
        while let Some(event) = arrived(&mut self.console).await {
            let kind = event.r#type.as_ref().to_owned();
            if ["error", "warning", "assert"].contains(&&*kind) {
                let said = event
                    .args
                    .iter()
                    .filter_map(|it| it.value.clone().or(it.description.clone().map(Value::from)));
                self.heard.push(format!("console.{kind}: {:?}", said.collect::<Vec<_>>()));
            }
        }
        while let Some(event) = arrived(&mut self.exceptions).await {
            let details = &event.exception_details;
            let said = details.exception.as_ref().and_then(|it| it.description.as_ref());
            self.heard.push(format!("an exception: {}", said.unwrap_or(&details.text)));
        }
        while let Some(event) = arrived(&mut self.log).await {
            if ["error", "warning"].contains(&event.entry.level.as_ref()) {
                let place = event.entry.url.as_deref().unwrap_or_default();
                self.heard.push(format!("the log: {} {place}", event.entry.text));
            }
        }
        while let Some(event) = arrived(&mut self.requests).await {
            let address = event.request.url.clone();
            let is_own = |origin: &String| address.starts_with(&format!("{origin}/"));
            let is_local = address.starts_with("data:") || address.starts_with("blob:");
            if !is_local && !self.origin.as_ref().is_none_or(is_own) {
                self.heard.push(format!("a request of another origin: {address}"));
            }
            self.requested.push(address);
        }
        &self.heard
    }
}

/// Returns the next event that has arrived already.
async fn arrived<T: chromiumoxide::cdp::IntoEventKind + Unpin>(
    stream: &mut EventStream<T>,
) -> Option<Arc<T>> {
    timeout(Duration::ZERO, stream.next()).await.ok().flatten()
}
