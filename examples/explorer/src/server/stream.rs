//! The stream of what the page shows, by server-sent events.

use axum::response::sse::Event;
use serde::Serialize;
use serde_json::json;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::training::{Frame, Log, Moment};
use super::worker::Worker;
use crate::experiment::Losses;

/// What the page is told of a moment.
#[derive(Serialize)]
struct Told<'a> {
    frame: &'a Frame,
    losses: Points,
}

/// The losses from an update on.
#[derive(Serialize)]
struct Points {
    from: usize,
    points: Vec<Losses>,
}

/// Returns a `frame` event for each moment, and an `ended` event after the last. The first frame has all losses, others
/// have those since the frame before. A stream does not keep the experiment running.
pub(super) fn events(worker: &Worker) -> impl Stream<Item = Event> + use<> {
    let end = worker.end();
    let mut listener = Listener::default();
    let frames = WatchStream::new(worker.moments()).map(move |moment| listener.event(&moment));
    let ended = move |()| {
        let end = json!({ "error": end().to_string() });
        Event::default().event("ended").json_data(end).expect("a string can be written")
    };
    frames.chain(tokio_stream::once(()).map(ended))
}

/// What the other end of a stream knows.
#[derive(Default)]
struct Listener {
    log: Log,
    told: usize,
}

impl Listener {
    fn event(&mut self, Moment { frame, log }: &Moment) -> Event {
        if !log.is_same(&self.log) {
            *self = Self { log: log.clone(), told: 0 };
        }
        let losses = Points { from: self.told, points: log.since(self.told) };
        self.told += losses.points.len();
        let told = Told { frame, losses };
        Event::default().event("frame").json_data(told).expect("numbers can be written")
    }
}
