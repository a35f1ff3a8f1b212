//! Why a request is refused, as a status and JSON.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::LARGEST_BODY;
use crate::experiment::SettingsError;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The request comes from another page or names another host.
    #[error("{what} `{value}` is not this page's; open the address that the program prints")]
    Foreign { what: &'static str, value: String },
    /// The request is larger than any of the page.
    #[error("a request has at most {LARGEST_BODY} bytes")]
    TooLarge,
    /// There is no such address.
    #[error("there is nothing at `{path}`")]
    NoAddress { path: String },
    /// There is no such experiment, for instance after a restart of the program.
    #[error("there is no experiment {id}; it may have ended with an earlier run of the program")]
    NoExperiment { id: String },
    /// There is no such picture.
    #[error(
        "there is no figure `{name}`; there are loss.svg, prediction.svg (not of a text), by-lag.svg, cell.svg, \
         cell-unfolded.svg, and a heat map of each named value, such as 0.h.svg"
    )]
    NoFigure { name: String },
    /// A setting is out of its range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The body is no JSON.
    #[error("the settings cannot be read: {0}")]
    Body(#[from] JsonRejection),
    /// The body is JSON, but no settings.
    #[error("the settings cannot be read: {reason}")]
    Unreadable { reason: String },
    /// The experiment has ended by request, since others took its place, or with the program.
    #[error("this experiment has ended, as others were begun after it or the program stops")]
    Ended,
    /// The experiment has ended by a fault of the program.
    #[error(
        "the experiment has ended by a fault of the program: {message}. Other experiments go on"
    )]
    Failed { message: String },
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Foreign { .. } => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoAddress { .. }
            | Self::NoExperiment { .. }
            | Self::NoFigure { .. }
            | Self::Ended => StatusCode::NOT_FOUND,
            Self::Settings(_) | Self::Unreadable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Body(rejection) => rejection.status(),
            Self::Failed { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let setting = match &self {
            Self::Settings(error) => Some(&*error.setting),
            _ => None,
        };
        json_refusal(self.status(), &self.to_string(), setting)
    }
}

/// Turns a refusal by the HTTP library, which is text or nothing, into JSON.
pub(super) async fn as_json(response: Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|it| it == "application/json");
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let body = to_bytes(response.into_body(), LARGEST_BODY).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let reason = status.canonical_reason().unwrap_or_default();
    json_refusal(status, if text.is_empty() { reason } else { &text }, None)
}

fn json_refusal(status: StatusCode, error: &str, setting: Option<&str>) -> Response {
    (status, Json(json!({ "error": error, "setting": setting }))).into_response()
}
