//! The server of the page.

mod assets;
mod error;
mod figures;
mod guard;
mod routes;
mod sessions;
mod worker;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};

pub use self::error::Refusal;
pub use self::worker::{Action, Frame, Worker};

/// The largest body of a request, in bytes. Settings take a few hundred.
const LARGEST_BODY: usize = 64 << 10;

/// Returns the page and what it asks for.
pub fn router() -> Router {
    Router::new()
        .route("/", get(assets::page))
        .route("/assets/{*name}", get(assets::asset))
        .route("/api/options", get(routes::options))
        .route("/api/experiments", post(routes::create))
        .route("/api/experiments/{id}/events", get(routes::events))
        .route("/api/experiments/{id}/look", get(routes::look))
        .route("/api/experiments/{id}/walk", get(routes::walk))
        .route("/api/experiments/{id}/check", get(routes::check))
        .route("/api/experiments/{id}/export.json", get(routes::export))
        .route("/api/experiments/{id}/figures/{name}", get(routes::figure))
        .route("/api/experiments/{id}/{action}", post(routes::act))
        .with_state(sessions::Sessions::new())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(guard::own_page_only))
}
