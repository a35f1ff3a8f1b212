//! Requests of other pages are refused.
//!
//! The server listens on the loopback address, but any page that the browser shows can send requests there. A foreign
//! page is recognized by its `Origin`. A page whose name was made to point to the loopback address (DNS rebinding) is
//! recognized by its `Host`. Any port is accepted in `Host`, so that a port can be forwarded from another machine.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::LARGEST_BODY;
use super::error::Refusal;

/// The names of the loopback address.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Passes on requests of this page alone.
pub(super) async fn own_page_only(request: Request, next: Next) -> Response {
    match check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let host = text(HOST).unwrap_or_default();
    if !is_loopback(&host) {
        return Err(Refusal::Foreign { what: "the host", value: host.into_owned() });
    }
    if let Some(origin) = text(ORIGIN)
        && origin.strip_prefix("http://") != Some(&*host)
    {
        return Err(Refusal::Foreign { what: "the origin", value: origin.into_owned() });
    }
    let length = text(CONTENT_LENGTH).and_then(|it| it.parse().ok());
    if length.is_some_and(|length: usize| length > LARGEST_BODY) {
        return Err(Refusal::TooLarge);
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let is_port = |rest: &str| rest.strip_prefix(':').is_some_and(|it| it.parse::<u16>().is_ok());
    let mut rests = LOOPBACK.iter().filter_map(|name| host.strip_prefix(name));
    rests.any(|rest| rest.is_empty() || is_port(rest))
}
