//! The files of the page, which are in the binary.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// The page loads nothing from elsewhere, and nothing may embed it.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'";

macro_rules! files {
    ($($name:literal $kind:literal)*) => {
        &[$(($name, $kind, include_str!(concat!("../../page/", $name)))),*]
    };
}

/// The names of the files, their types and contents.
const FILES: &[(&str, &str, &str)] = files! {
    "api.js" "text/javascript; charset=utf-8"
    "cell.js" "text/javascript; charset=utf-8"
    "controls.js" "text/javascript; charset=utf-8"
    "dom.js" "text/javascript; charset=utf-8"
    "draw.js" "text/javascript; charset=utf-8"
    "gates.js" "text/javascript; charset=utf-8"
    "gradient.js" "text/javascript; charset=utf-8"
    "index.html" "text/html; charset=utf-8"
    "main.js" "text/javascript; charset=utf-8"
    "network.js" "text/javascript; charset=utf-8"
    "presets.js" "text/javascript; charset=utf-8"
    "style.css" "text/css; charset=utf-8"
    "tour.js" "text/javascript; charset=utf-8"
    "unrolled.js" "text/javascript; charset=utf-8"
    "url.js" "text/javascript; charset=utf-8"
};

pub(super) async fn page() -> Response {
    file("index.html")
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    file(&name)
}

fn file(name: &str) -> Response {
    match FILES.iter().find(|(it, ..)| *it == name) {
        Some((_, kind, text)) => {
            let headers = [
                (CONTENT_TYPE, *kind),
                (CACHE_CONTROL, "no-cache"),
                (CONTENT_SECURITY_POLICY, POLICY),
            ];
            (headers, *text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
