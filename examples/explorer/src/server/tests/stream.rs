use axum::body::BodyDataStream;
use axum::http::{Method, StatusCode};
use serde_json::Value;
use tokio_stream::StreamExt;

use super::Page;

/// The other end of a stream of server-sent events.
struct Events {
    body: BodyDataStream,
    read: String,
}

impl Events {
    async fn of(page: &Page, experiment: &str) -> Self {
        let response = page.ask(Method::GET, &format!("{experiment}/events")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), read: String::new() }
    }

    /// Returns the next event and its data, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
                let name = field("event: ").expect("a name").to_owned();
                let data = serde_json::from_str(field("data: ").expect("data")).expect("JSON");
                self.read = rest.to_owned();
                return Some((name, data));
            }
            let bytes = self.body.next().await?.expect("bytes");
            self.read.push_str(std::str::from_utf8(&bytes).expect("text"));
        }
    }

    /// Returns the number of updates of the next frame, the update from which its losses are, and their number.
    async fn frame(&mut self) -> [u64; 3] {
        let (name, data) = self.next().await.expect("an event");
        assert_eq!(name, "frame", "{data}");
        let losses = &data["losses"];
        let points = losses["points"].as_array().expect("a list").len() as u64;
        let number = |value: &Value| value.as_u64().expect("a number");
        [number(&data["frame"]["updates"]), number(&losses["from"]), points]
    }
}

async fn step(page: &Page, experiment: &str) {
    assert_eq!(page.post(&format!("{experiment}/step")).await, StatusCode::NO_CONTENT);
    page.get(&format!("{experiment}/lags")).await; // it has been made when the next question is answered
}

#[tokio::test]
async fn a_frame_has_the_losses_since_the_one_before() {
    let page = Page::new();
    let experiment = page.experiment().await;
    step(&page, &experiment).await;
    step(&page, &experiment).await;
    let mut first = Events::of(&page, &experiment).await;
    assert_eq!(first.frame().await, [2, 0, 2]);
    step(&page, &experiment).await;
    assert_eq!(first.frame().await, [3, 2, 1]);
    let mut second = Events::of(&page, &experiment).await;
    assert_eq!(second.frame().await, [3, 0, 3]);
    page.post(&format!("{experiment}/reset")).await;
    assert_eq!(first.frame().await, [0, 0, 0]);
    step(&page, &experiment).await;
    assert_eq!(first.frame().await, [1, 0, 1]);
}

/// The newest frame replaces those that were not read, and its losses are complete.
#[tokio::test]
async fn a_slow_listener_misses_frames_and_no_losses() {
    let page = Page::new();
    let experiment = page.experiment().await;
    let mut events = Events::of(&page, &experiment).await;
    assert_eq!(events.frame().await, [0, 0, 0]);
    for _ in 0..5 {
        step(&page, &experiment).await;
    }
    assert_eq!(events.frame().await, [5, 0, 5]);
}

/// While an event is written, the log may have gone on.
#[tokio::test]
async fn a_moment_has_the_losses_until_then() {
    let page = Page::new();
    let experiment = page.experiment().await;
    step(&page, &experiment).await;
    let moment = page.worker(&experiment).moments().borrow().clone();
    step(&page, &experiment).await;
    assert_eq!((moment.frame.updates, moment.losses), (1, 1));
    assert_eq!(page.worker(&experiment).moments().borrow().losses, 2);
}

#[tokio::test]
async fn a_frame_tells_all_that_the_page_shows() {
    let page = Page::new();
    let experiment = page.experiment().await;
    step(&page, &experiment).await;
    let (_, data) = Events::of(&page, &experiment).await.next().await.expect("a frame");
    let frame = &data["frame"];
    assert_eq!(frame["updates"], 1);
    assert_eq!(frame["epochs"], 1.0 / 32.0);
    assert_eq!(frame["isPlaying"], false);
    assert!(frame["divergence"].is_null());
    let prediction = &frame["prediction"];
    let lengths = ["truth", "oneStep", "free"].map(|of| prediction[of].as_array().map(Vec::len));
    assert_eq!((&prediction["prompt"], lengths), (&4.into(), [Some(8), Some(8), Some(4)]));
    let losses = &data["losses"]["points"][0];
    assert!(losses["training"].is_f64() && losses["validation"].is_f64(), "{losses}");
}

/// A stream ends with its experiment, which it does not keep running.
#[tokio::test]
async fn a_stream_tells_of_the_end() {
    let page = Page::new();
    let experiment = page.experiment().await;
    let mut events = Events::of(&page, &experiment).await;
    events.frame().await;
    page.sessions.end();
    let (name, data) = events.next().await.expect("an event");
    assert_eq!(name, "ended");
    assert!(data["error"].as_str().is_some_and(|it| it.contains("has ended")), "{data}");
    assert_eq!(data["kind"], "ended");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_stream_tells_of_a_fault() {
    let page = Page::new();
    let experiment = page.experiment().await;
    let mut events = Events::of(&page, &experiment).await;
    events.frame().await;
    let _ = page.worker(&experiment).ask(|_, _| panic!("a fault")).await;
    let (name, data) = events.next().await.expect("an event");
    assert_eq!(name, "ended");
    assert!(data["error"].as_str().is_some_and(|it| it.contains("a fault")), "{data}");
    assert_eq!(data["kind"], "failed");
}
