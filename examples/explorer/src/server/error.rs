//! Why a request is refused, as a status and JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::experiment::SettingsError;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request comes from another page or names another host.
    #[error("{what} `{value}` is not this page's; open the address that the program prints")]
    Foreign {
        /// The header.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// There is no such experiment, for instance after a restart of the program.
    #[error("there is no experiment {id}; create it anew from its settings")]
    NoExperiment {
        /// The number that was asked for.
        id: String,
    },
    /// There is no such picture.
    #[error("there is no figure `{name}`")]
    NoFigure {
        /// The name that was asked for.
        name: String,
    },
    /// A setting is out of its range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The body is no description of settings.
    #[error("the settings cannot be read: {0}")]
    Body(#[from] axum::extract::rejection::JsonRejection),
    /// The experiment has ended, since another one took its place.
    #[error("the experiment has ended; create it anew from its settings")]
    Ended,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let setting = match &self {
            Self::Settings(error) => Some(error.setting),
            _ => None,
        };
        let status = match &self {
            Self::Foreign { .. } => StatusCode::FORBIDDEN,
            Self::NoExperiment { .. } | Self::NoFigure { .. } | Self::Ended => {
                StatusCode::NOT_FOUND
            }
            Self::Settings(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Body(rejection) => rejection.status(),
        };
        (status, Json(json!({ "error": self.to_string(), "setting": setting }))).into_response()
    }
}
