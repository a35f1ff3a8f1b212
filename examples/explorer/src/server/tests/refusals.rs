use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::{Page, json, request};

/// Whoever refuses, the page is told in JSON.
#[tokio::test]
async fn every_refusal_is_json() {
    let page = Page::new();
    let of = |path: &str| format!("/api/experiments/1/{path}");
    let experiment = page.experiment().await;
    let in_one = |path: &str| format!("{experiment}/{path}");
    let cases = [
        (Method::GET, "/api/nothing".to_owned(), StatusCode::NOT_FOUND),
        (Method::GET, "/api/".to_owned(), StatusCode::NOT_FOUND),
        (Method::PUT, "/api/options".to_owned(), StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, in_one("play"), StatusCode::METHOD_NOT_ALLOWED),
        (Method::POST, in_one("look"), StatusCode::METHOD_NOT_ALLOWED),
        (Method::POST, in_one("dance"), StatusCode::NOT_FOUND),
        (Method::GET, in_one("look?sequence=-1"), StatusCode::BAD_REQUEST),
        (Method::GET, in_one("walk?layer=first"), StatusCode::BAD_REQUEST),
        (Method::POST, in_one("play?updates_per_second=fast"), StatusCode::BAD_REQUEST),
        (Method::GET, in_one("figures/nothing.svg"), StatusCode::NOT_FOUND),
        (Method::GET, in_one("figures/0.x.svg"), StatusCode::NOT_FOUND),
        (Method::GET, in_one("figures/loss"), StatusCode::NOT_FOUND),
        (Method::GET, "/api/experiments/%FF/look".to_owned(), StatusCode::BAD_REQUEST),
        (Method::GET, of("events"), StatusCode::NOT_FOUND),
        (Method::GET, of("look"), StatusCode::NOT_FOUND),
        (Method::POST, of("play"), StatusCode::NOT_FOUND),
        (Method::POST, "/api/experiments".to_owned(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ];
    for (method, path, expected) in cases {
        let response = page.ask(method.clone(), &path).await;
        assert_eq!(response.headers()["content-type"], "application/json", "{method} {path}");
        let (status, refusal) = json(response).await;
        assert_eq!(status, expected, "{method} {path}: {refusal}");
        assert!(refusal["error"].as_str().is_some_and(|it| !it.is_empty()), "{path}: {refusal}");
        assert!(refusal["setting"].is_null(), "{path}: {refusal}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let page = Page::new();
    let unreadable = [
        ("", StatusCode::BAD_REQUEST),
        ("{", StatusCode::BAD_REQUEST),
        (r#"{ "rate": 1e999 }"#, StatusCode::BAD_REQUEST),
        ("7", StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{ "unknown": 1 }"#, StatusCode::UNPROCESSABLE_ENTITY),
    ];
    for (settings, expected) in unreadable {
        let (status, refusal) = json(page.create(settings).await).await;
        assert_eq!((status, &refusal["setting"]), (expected, &Value::Null), "{settings}");
    }
    for (setting, value, refusal) in [
        ("task", r#""dance""#, "`dance`: give one of sine, saw, square, sines, text"),
        ("text", "7", "`7`: give a string"),
        ("batch", r#""abc""#, "`abc`: give 1 to 256 sequences"),
        ("seed", "-1", "`-1`: give 0 to 4294967295 as the seed"),
        ("rate", "null", "`null`: give 0.000000001 to 10 as the learning rate"),
        ("hidden", "[8, null]", "`[8,null]`: give 1 to 256 units for each layer"),
        ("hidden", "[0]", "0: give 1 to 256 units for each layer"),
    ] {
        let created = page.create(&format!(r#"{{ "{setting}": {value} }}"#)).await;
        let (status, found) = json(created).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{found}");
        assert_eq!(found["setting"], setting);
        assert_eq!(found["error"], format!("`{setting}` cannot be {refusal}"));
    }
}

/// A method that is not allowed is answered by those that are (RFC 9110, section 15.5.6).
#[tokio::test]
async fn allowed_methods_are_told() {
    for (path, allowed) in [("options", "GET,HEAD"), ("experiments/1/play", "POST")] {
        let response = Page::new().ask(Method::PUT, &format!("/api/{path}")).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], allowed);
    }
}

#[tokio::test]
async fn a_pace_has_limits() {
    let page = Page::new();
    let experiment = page.experiment().await;
    for (pace, expected) in [
        ("0.99", StatusCode::UNPROCESSABLE_ENTITY),
        ("1", StatusCode::NO_CONTENT),
        ("1000", StatusCode::NO_CONTENT),
        ("1001", StatusCode::UNPROCESSABLE_ENTITY),
        ("NaN", StatusCode::UNPROCESSABLE_ENTITY),
        ("inf", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let status = page.post(&format!("{experiment}/play?updates_per_second={pace}")).await;
        assert_eq!(status, expected, "{pace}");
    }
}

/// Classes of characters have no order that a chart could show.
#[tokio::test]
async fn a_text_has_no_chart_of_its_prediction() {
    let page = Page::new();
    let (_, created) = json(page.create(r#"{ "task": "text", "text": "ab" }"#).await).await;
    assert_eq!(created["characters"], "ab");
    let of = |name: &str| {
        let id = created["id"].as_str().expect("an identifier");
        format!("/api/experiments/{id}/figures/{name}.svg")
    };
    assert_eq!(page.get(&of("prediction")).await.0, StatusCode::NOT_FOUND);
    let response = page.ask(Method::GET, &of("loss")).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_response_has_its_headers() {
    let page = Page::new();
    let foreign = request(Method::GET, "/").header("Origin", "null").body(Body::empty());
    let responses = [
        (page.ask(Method::GET, "/").await, StatusCode::OK, None),
        (page.ask(Method::GET, "/assets/none.js").await, StatusCode::NOT_FOUND, None),
        (page.ask(Method::GET, "/nothing").await, StatusCode::NOT_FOUND, None),
        (page.send(foreign.expect("a request")).await, StatusCode::FORBIDDEN, None),
        (page.ask(Method::GET, "/api/options").await, StatusCode::OK, Some("no-store")),
        (page.ask(Method::GET, "/api/x").await, StatusCode::NOT_FOUND, Some("no-store")),
        (page.create("{").await, StatusCode::BAD_REQUEST, Some("no-store")),
    ];
    for (response, status, cache) in responses {
        assert_eq!(response.status(), status);
        let header = |name: &str| response.headers().get(name).and_then(|it| it.to_str().ok());
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(
            header("content-security-policy"),
            Some("default-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
        );
        assert_eq!(header("referrer-policy"), Some("no-referrer"));
        assert_eq!(header("cross-origin-resource-policy"), Some("same-origin"));
        if cache.is_some() {
            assert_eq!(header("cache-control"), cache);
        }
    }
}
