//! Requests of other pages are refused.
//!
//! The server listens on the loopback address, but any page that the browser shows can send requests there. A foreign
//! page is recognized by its `Origin`. A page whose name was made to point to the loopback address (DNS rebinding) is
//! recognized by its `Host`.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Refusal;

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
    let is_loopback = |authority: &str| {
        let name = authority.rsplit_once(':').map_or(authority, |(name, _port)| name);
        ["localhost", "127.0.0.1"].contains(&name)
    };
    if !is_loopback(&host) {
        return Err(Refusal::Foreign { what: "the host", value: host.into_owned() });
    }
    match text(ORIGIN) {
        Some(origin) if origin.strip_prefix("http://") != Some(&*host) => {
            Err(Refusal::Foreign { what: "the origin", value: origin.into_owned() })
        }
        _ => Ok(()),
    }
}
