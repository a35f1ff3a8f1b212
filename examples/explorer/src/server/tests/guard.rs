use axum::body::Body;
use axum::http::{Method, StatusCode};

use super::{Page, json, request};

async fn status(host: &str, origin: Option<&str>) -> StatusCode {
    let mut request = axum::http::Request::builder().uri("/api/options").header("Host", host);
    if let Some(origin) = origin {
        request = request.header("Origin", origin);
    }
    Page::new().send(request.body(Body::empty()).expect("a request")).await.status()
}

#[tokio::test]
async fn the_page_itself_may_ask() {
    for host in ["127.0.0.1:7227", "localhost:7227", "[::1]:7227", "localhost", "[::1]"] {
        assert_eq!(status(host, None).await, StatusCode::OK, "{host}");
        let origin = format!("http://{host}");
        assert_eq!(status(host, Some(&origin)).await, StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn other_pages_may_not() {
    let host = "127.0.0.1:7227";
    let origins = [
        "null",
        "",
        "http://example.org",
        "http://127.0.0.1",
        "http://127.0.0.1:8000",
        "https://127.0.0.1:7227",
        "http://localhost:7227",
        "http://127.0.0.1:7227.example.org",
    ];
    for origin in origins {
        assert_eq!(status(host, Some(origin)).await, StatusCode::FORBIDDEN, "{origin}");
    }
}

/// A name of another page may point to the loopback address.
#[tokio::test]
async fn other_hosts_are_refused() {
    let hosts = [
        "",
        "example.org",
        "example.org:7227",
        "127.0.0.1.example.org:7227",
        "localhost.example.org",
        "127.0.0.1@example.org",
        "example.org@127.0.0.1",
        "[::1].example.org",
        "[::2]:7227",
        "::1",
        "127.0.0.2:7227",
        "localhost:port",
    ];
    for host in hosts {
        assert_eq!(status(host, None).await, StatusCode::FORBIDDEN, "{host}");
        let origin = format!("http://{host}");
        assert_eq!(status(host, Some(&origin)).await, StatusCode::FORBIDDEN, "{host}");
    }
}

#[tokio::test]
async fn requests_have_limits() {
    let large = vec![b' '; (64 << 10) + 1];
    let request =
        |path: &str| request(Method::POST, path).header("Content-Type", "application/json");
    let page = Page::new();
    let told = request("/api/experiments").header("Content-Length", large.len());
    let untold = request("/api/experiments"); // as of a body in chunks
    let unread = request("/api/experiments/1/play").header("Content-Length", large.len());
    for request in [told, untold, unread] {
        let request = request.body(Body::from(large.clone())).expect("a request");
        let (status, refusal) = json(page.send(request).await).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(refusal["error"].is_string(), "{refusal}");
    }
    let mut just_small_enough = large.clone();
    just_small_enough.pop();
    let (last, blanks) = just_small_enough.split_last_mut().expect("a body");
    (*last, blanks[0]) = (b'}', b'{');
    let request = request("/api/experiments").body(Body::from(just_small_enough));
    let response = page.send(request.expect("a request")).await;
    assert_eq!(response.status(), StatusCode::CREATED);
}
