//! The server of the page.

mod assets;
mod error;
mod figures;
mod guard;
mod pace;
mod routes;
mod sessions;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod training;
mod worker;

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{delete, get, post};
use tokio::net::TcpListener;

use self::sessions::Sessions;

/// The largest body of a request, in bytes. Settings take a few hundred.
const LARGEST_BODY: usize = 64 << 10;
/// The time that requests have to end when the server stops.
const PATIENCE: Duration = Duration::from_secs(1);

/// The page loads nothing from elsewhere, sends no forms, and nothing may embed it.
const POLICY: &str =
    "default-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// Serves the page until `stop`. Then all experiments end, and requests have a second to end too.
///
/// # Errors
///
/// If no connection can be accepted any more.
pub async fn serve(listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    let sessions = Sessions::default();
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let graceful = async {
        let _ = stopped.await; // an error stops too
    };
    let served = axum::serve(listener, router(sessions.clone())).with_graceful_shutdown(graceful);
    let mut served = tokio::spawn(served.into_future());
    tokio::select! {
        ended = &mut served => return ended?,
        () = stop => {}
    }
    sessions.end();
    drop(stopping);
    tokio::time::timeout(PATIENCE, served).await.map_or(Ok(()), |ended| ended?)
}

/// Returns the page and what it asks for.
fn router(sessions: Sessions) -> Router {
    let experiment = Router::new()
        .route("/", delete(routes::end))
        .route("/events", get(routes::events))
        .route("/play", post(routes::play))
        .route("/pause", post(routes::pause))
        .route("/step", post(routes::step))
        .route("/reset", post(routes::reset))
        .route("/look", get(routes::look))
        .route("/weights", get(routes::weights))
        .route("/lags", get(routes::lags))
        .route("/walk", get(routes::walk))
        .route("/check", get(routes::check))
        .route("/export.json", get(routes::export))
        .route("/figures/{name}", get(routes::figure));
    Router::new()
        .route("/", get(assets::page))
        .route("/assets/{*name}", get(assets::asset))
        .route("/api/options", get(routes::options))
        .route("/api/experiments", post(routes::create))
        .nest("/api/experiments/{id}", experiment)
        .fallback(routes::unknown)
        .with_state(sessions)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(guard::own_page_only))
        .layer(from_fn(finish))
}

/// Gives every response the headers that it needs. What the page asks for is never cached, and refused as JSON.
async fn finish(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    if is_api {
        response = error::as_json(response).await;
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
