use std::collections::HashSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::{Page, json};
use crate::server::error::Refusal;
use crate::server::training::Command;

#[tokio::test]
async fn a_seventeenth_experiment_ends_the_one_not_used_for_longest() {
    let page = Page::new();
    let mut experiments = Vec::new();
    for _ in 0..16 {
        experiments.push(page.experiment().await);
    }
    let status = async |experiment: &str| page.get(&format!("{experiment}/lags")).await.0;
    assert_eq!(status(&experiments[0]).await, StatusCode::OK);
    experiments.push(page.experiment().await);
    assert_eq!(status(&experiments[1]).await, StatusCode::NOT_FOUND);
    for others in [&experiments[..1], &experiments[2..]] {
        for experiment in others {
            assert_eq!(status(experiment).await, StatusCode::OK);
        }
    }
    assert_eq!(experiments.iter().collect::<HashSet<_>>().len(), 17);
}

/// Pages that are open keep their experiments.
#[tokio::test]
async fn a_seventeenth_experiment_ends_one_without_a_stream() {
    let page = Page::new();
    let mut experiments = Vec::new();
    for _ in 0..16 {
        experiments.push(page.experiment().await);
    }
    let streams = async |of: &[String]| {
        let mut streams = Vec::new();
        for experiment in of {
            streams.push(page.ask(Method::GET, &format!("{experiment}/events")).await);
        }
        streams
    };
    let status = async |experiment: &str| page.get(&format!("{experiment}/lags")).await.0;
    let watched = streams(&experiments[..15]).await;
    assert_eq!(status(&experiments[15]).await, StatusCode::OK); // it was used last
    experiments.push(page.experiment().await);
    assert_eq!(status(&experiments[15]).await, StatusCode::NOT_FOUND);
    drop(watched);
    page.experiment().await;
    assert_eq!(status(&experiments[0]).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_ends_its_experiment() {
    let page = Page::new();
    let [own, other] = [page.experiment().await, page.experiment().await];
    let delete = async || page.ask(Method::DELETE, &own).await.status();
    assert_eq!(delete().await, StatusCode::NO_CONTENT);
    assert_eq!(delete().await, StatusCode::NOT_FOUND);
    assert_eq!(page.get(&format!("{own}/lags")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(page.get(&format!("{other}/lags")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn noisy_data_are_told() {
    let page = Page::new();
    let noisy = async |settings: &str| json(page.create(settings).await).await.1["noisy"].clone();
    let values = noisy(r#"{ "length": 4, "noise": 0.5 }"#).await;
    let clean = page.create(r#"{ "length": 4 }"#).await;
    assert_eq!(values.as_array().map(Vec::len), Some(4));
    assert!(json(clean).await.1["noisy"].is_null());
    assert!(noisy(r#"{ "task": "text", "noise": 0.5 }"#).await.is_null());
}

/// The page offers what the settings may be.
#[tokio::test]
async fn the_limits_are_those_of_the_settings() {
    let page = Page::new();
    let (_, options) = page.get("/api/options").await;
    let limits = options["limits"].as_object().expect("limits");
    for (name, value) in options["defaults"].as_object().expect("settings") {
        assert_eq!(limits.contains_key(name), !matches!(&**name, "task" | "cell" | "optimizer"));
        if let (Some(limits), true) = (limits.get(name), value.is_number()) {
            for (limit, beyond) in [("min", -1.0), ("max", 1.0)] {
                let limit = limits[limit].as_f64().expect("a number");
                let is_whole = limits["isWhole"].as_bool().expect("a flag");
                let number = |x: f64| if is_whole { format!("{x:.0}") } else { format!("{x:e}") };
                let create = async |x: f64| {
                    let settings =
                        format!(r#"{{ "hidden": [1], "length": 2, "{name}": {} }}"#, number(x));
                    let settings = settings.replace(r#""length": 2, "length""#, r#""length""#);
                    page.create(&settings).await.status()
                };
                assert_eq!(create(limit).await, StatusCode::CREATED, "{name}: {limit}");
                let beyond = create(limit + beyond).await;
                assert_eq!(beyond, StatusCode::UNPROCESSABLE_ENTITY, "{name}: beyond {limit}");
            }
        }
    }
    assert_eq!(limits["layers"]["max"], 4.0);
    assert_eq!(limits["text"]["max"], 400.0);
    assert_eq!(limits["hidden"]["max"], 256.0);
}

#[tokio::test]
async fn after_a_restart_the_page_is_told_to_begin_anew() {
    let experiment = Page::new().experiment().await;
    let (status, refusal) = Page::new().get(&format!("{experiment}/look")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let message = refusal["error"].as_str().expect("a message");
    assert!(message.contains("there is no experiment"), "{message}");
}

#[tokio::test]
async fn actions_play_pause_step_and_reset() {
    let page = Page::new();
    let experiment = page.experiment().await;
    let updates = async || page.get(&format!("{experiment}/lags")).await.1["updates"].clone();
    let act = async |action: &str| {
        assert_eq!(page.post(&format!("{experiment}/{action}")).await, StatusCode::NO_CONTENT);
    };
    for expected in 1..=3 {
        act("step").await;
        assert_eq!(updates().await, expected);
    }
    act("reset").await;
    assert_eq!(updates().await, 0);
    act("play").await;
    while updates().await.as_u64() < Some(5) {}
    act("pause").await;
    let paused = updates().await;
    assert_eq!(updates().await, paused);
    act("step").await;
    assert_eq!(updates().await.as_u64(), paused.as_u64().map(|it| it + 1));
}

/// The next update waits, commands do not.
#[tokio::test]
async fn a_pace_delays_updates_and_nothing_else() {
    let page = Page::new();
    let experiment = page.experiment().await;
    let worker = page.worker(&experiment);
    let hour = Duration::from_secs(3600);
    worker.command(Command::Play { interval: hour }).expect("it runs");
    let mut moments = worker.moments();
    let moment = moments.wait_for(|it| it.frame.updates == 1).await.expect("it runs").clone();
    assert!(moment.frame.is_playing);
    let updates = async || worker.ask(|it, _| it.updates()).await.expect("it runs");
    for _ in 0..100 {
        assert_eq!(updates().await, 1);
    }
    worker.command(Command::Step).expect("it runs");
    assert_eq!(updates().await, 2);
    assert!(!moments.wait_for(|it| it.frame.updates == 2).await.expect("it runs").frame.is_playing);
}

/// Updates that come first do not keep the page waiting.
#[tokio::test]
async fn an_experiment_answers_before_it_has_caught_up() {
    let page = Page::new();
    let settings = r#"{ "hidden": [2], "length": 4, "updates": 100000 }"#;
    let (_, created) = json(page.create(settings).await).await;
    let experiment = format!("/api/experiments/{}", created["id"].as_str().expect("one"));
    let (_, lags) = page.get(&format!("{experiment}/lags")).await;
    assert!(lags["updates"].as_u64() < Some(100_000));
    assert_eq!(page.post(&format!("{experiment}/pause")).await, StatusCode::NO_CONTENT);
    let mut moments = page.worker(&experiment).moments();
    assert!(moments.wait_for(|it| !it.frame.is_playing).await.is_ok());
}

#[tokio::test]
async fn a_fault_ends_one_experiment_alone() {
    let page = Page::new();
    let [ill, healthy] = [page.experiment().await, page.experiment().await];
    let worker = page.worker(&ill);
    let answer = worker.ask(|it, _| assert_eq!(it.updates(), 1, "a fault")).await;
    let Err(Refusal::Failed { message }) = answer else { panic!("{answer:?}") };
    assert!(message.contains("a fault"), "{message}");
    for path in ["look", "export.json", "figures/loss.svg"] {
        let (status, refusal) = page.get(&format!("{ill}/{path}")).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(refusal["error"].as_str().is_some_and(|it| it.contains("a fault")), "{refusal}");
    }
    assert_eq!(page.post(&format!("{ill}/step")).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(page.get(&format!("{healthy}/look")).await.0, StatusCode::OK);
    assert_eq!(page.post(&format!("{healthy}/step")).await, StatusCode::NO_CONTENT);
}
