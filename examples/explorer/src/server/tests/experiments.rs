use std::collections::HashSet;
use std::time::Duration;

use axum::http::StatusCode;

use super::Page;
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

#[tokio::test]
async fn after_a_restart_the_page_is_told_to_begin_anew() {
    let experiment = Page::new().experiment().await;
    let (status, refusal) = Page::new().get(&format!("{experiment}/look")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let message = refusal["error"].as_str().expect("a message");
    assert!(message.contains("create it anew from its settings"), "{message}");
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
    assert_eq!(updates().await, 1);
    worker.command(Command::Step).expect("it runs");
    assert_eq!(updates().await, 2);
    assert!(!moments.wait_for(|it| it.frame.updates == 2).await.expect("it runs").frame.is_playing);
}

/// Updates that come first do not keep the page waiting.
#[tokio::test]
async fn an_experiment_answers_before_it_has_caught_up() {
    let page = Page::new();
    let settings = r#"{ "hidden": [2], "length": 4, "updates": 100000 }"#;
    let (_, created) = super::json(page.create(settings).await).await;
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
