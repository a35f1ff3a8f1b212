//! The server without a socket: requests go to the router.

mod experiments;
mod guard;
mod refusals;
mod stream;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, request};
use axum::response::Response;
use serde_json::Value;
use tower::ServiceExt;

use super::router;
use super::sessions::Sessions;
use super::worker::Worker;

/// A server, and a page that asks it.
struct Page {
    sessions: Sessions,
    router: Router,
}

impl Page {
    fn new() -> Self {
        let sessions = Sessions::default();
        Self { router: router(sessions.clone()), sessions }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("a router never fails")
    }

    /// Sends a request without a body.
    async fn ask(&self, method: Method, path: &str) -> Response {
        self.send(request(method, path).body(Body::empty()).expect("a request")).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        json(self.ask(Method::GET, path).await).await
    }

    async fn post(&self, path: &str) -> StatusCode {
        self.ask(Method::POST, path).await.status()
    }

    /// Asks for an experiment with these settings.
    async fn create(&self, settings: &str) -> Response {
        let request = request(Method::POST, "/api/experiments");
        let request = request.header("Content-Type", "application/json");
        self.send(request.body(Body::from(settings.to_owned())).expect("a request")).await
    }

    /// Creates a small experiment. Returns the path below which it answers.
    async fn experiment(&self) -> String {
        let (status, created) = json(self.create(r#"{ "hidden": [2], "length": 4 }"#).await).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        format!("/api/experiments/{}", created["id"].as_str().expect("an identifier"))
    }

    /// Returns the thread of an experiment.
    fn worker(&self, experiment: &str) -> std::sync::Arc<Worker> {
        let id = experiment.rsplit('/').next().expect("an identifier");
        self.sessions.find(id).expect("it runs")
    }
}

fn request(method: Method, path: &str) -> request::Builder {
    Request::builder().method(method).uri(path).header("Host", "127.0.0.1:7227")
}

async fn json(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}
