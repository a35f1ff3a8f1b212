//! The stream of what the page shows, by server-sent events.

use std::mem::replace;
use std::sync::Arc;

use axum::response::sse::Event;
use serde::Serialize;
use serde_json::json;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::error::Refusal;
use super::training::{Frame, Log, Moment};
use super::worker::{Viewer, Worker};
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
/// have those since the frame before. A stream does not keep the experiment running, but an experiment that has a stream
/// plays on.
pub(super) fn events(worker: &Worker) -> impl Stream<Item = Event> + use<> {
    let end = worker.end();
    let mut listener = Listener { log: Log::default(), told: 0, _viewer: worker.viewer() };
    let frames = WatchStream::new(worker.moments()).map(move |moment| listener.event(&moment));
    let ended = move |()| {
        let end = end();
        let kind = if matches!(end, Refusal::Failed { .. }) { "failed" } else { "ended" };
        let end = json!({ "error": end.to_string(), "kind": kind });
        Event::default().event("ended").json_data(end).expect("a string can be written")
    };
    frames.chain(tokio_stream::once(()).map(ended))
}

/// What the other end of a stream knows.
struct Listener {
    log: Log,
    told: usize,
    _viewer: Arc<Viewer>,
}

impl Listener {
    fn event(&mut self, Moment { frame, log, losses }: &Moment) -> Event {
        if !log.is_same(&self.log) {
            (self.log, self.told) = (log.clone(), 0);
        }
        let points = log.range(self.told..*losses);
        let losses = Points { from: replace(&mut self.told, *losses), points };
        let told = Told { frame, losses };
        Event::default().event("frame").json_data(told).expect("numbers can be written")
    }
}
