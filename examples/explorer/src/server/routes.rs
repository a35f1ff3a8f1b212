//! What the page asks for.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use clap::ValueEnum;
use programs::cells::CellKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_stream::{Stream, StreamExt};

use super::error::Refusal;
use super::pace::Pace;
use super::sessions::Sessions;
use super::training::{Command, Log};
use super::worker::Worker;
use super::{figures, settings, stream};
use crate::experiment::{
    Experiment, Lags, Look, Losses, Place, Prediction, Settings, Weights, about, limits,
};

/// The cells with their equations, and the default settings with their limits.
pub(super) async fn options() -> Json<Value> {
    let cells: Vec<_> = CellKind::value_variants()
        .iter()
        .map(|cell| json!({ "name": cell, "about": about(*cell), "equations": cell.equations() }))
        .collect();
    Json(json!({ "cells": cells, "defaults": Settings::default(), "limits": limits() }))
}

/// Creates an experiment.
pub(super) async fn create(
    State(sessions): State<Sessions>,
    settings: Result<Json<Value>, JsonRejection>,
) -> Result<Response, Refusal> {
    let settings = settings::read(&settings?.0)?;
    let asked = settings.clone();
    let started = tokio::task::spawn_blocking(move || Worker::start(&asked)).await;
    let worker =
        Arc::new(started.map_err(|error| Refusal::Failed { message: error.to_string() })??);
    let characters = |it: &Experiment| it.characters().map(String::from_iter);
    let (characters, noisy) = worker.ask(move |it, _| (characters(it), it.noisy())).await?;
    let id = sessions.add(worker);
    let created =
        json!({ "id": id, "settings": settings, "characters": characters, "noisy": noisy });
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Ends an experiment.
pub(super) async fn end(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    sessions.remove(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Streams the frames of an experiment.
pub(super) async fn events(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let worker = sessions.find(&id)?;
    Ok(Sse::new(stream::events(&worker).map(Ok)).keep_alive(KeepAlive::default()))
}

/// Plays, as fast as possible or at a pace.
pub(super) async fn play(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(pace): Query<Pace>,
) -> Result<StatusCode, Refusal> {
    command(&sessions, &id, Command::Play { interval: pace.interval()? })
}

/// Stops playing.
pub(super) async fn pause(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    command(&sessions, &id, Command::Pause)
}

/// Makes one update.
pub(super) async fn step(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    command(&sessions, &id, Command::Step)
}

/// Goes back to the time before the first update.
pub(super) async fn reset(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    command(&sessions, &id, Command::Reset)
}

fn command(sessions: &Sessions, id: &str, command: Command) -> Result<StatusCode, Refusal> {
    sessions.find(id)?.command(command)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The validation sequence to look at.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Number {
    sequence: usize,
}

/// What happens inside the net.
pub(super) async fn look(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(Number { sequence }): Query<Number>,
) -> Result<Response, Refusal> {
    answer(&sessions, &id, move |it| it.look(sequence)).await
}

/// The parameters and their gradients.
pub(super) async fn weights(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(Number { sequence }): Query<Number>,
) -> Result<Response, Refusal> {
    answer(&sessions, &id, move |it| it.weights(sequence)).await
}

/// How far a loss reaches back.
pub(super) async fn lags(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(Number { sequence }): Query<Number>,
) -> Result<Response, Refusal> {
    answer(&sessions, &id, move |it| it.lags(sequence)).await
}

/// The steps inside a cell.
pub(super) async fn walk(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(Number { sequence }): Query<Number>,
    Query(place): Query<Place>,
) -> Result<Response, Refusal> {
    answer(&sessions, &id, move |it| it.walk(sequence, place)).await
}

/// Gradients against differences.
pub(super) async fn check(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(Number { sequence }): Query<Number>,
) -> Result<Response, Refusal> {
    answer(&sessions, &id, move |it| it.check(sequence)).await
}

/// Answers a question as JSON, which the thread of the experiment writes.
async fn answer<R: Serialize>(
    sessions: &Sessions,
    id: &str,
    question: impl FnOnce(&Experiment) -> R + Send + 'static,
) -> Result<Response, Refusal> {
    sessions.find(id)?.ask(|it, _| Json(question(it)).into_response()).await
}

/// All numbers of a moment.
#[derive(Serialize)]
struct Export<'a> {
    settings: &'a Settings,
    updates: usize,
    losses: Vec<Losses>,
    prediction: Prediction,
    look: Look,
    weights: Weights,
    lags: Lags,
}

/// All numbers of a moment as a file.
pub(super) async fn export(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let export = |it: &Experiment, log: &Log| {
        let export = Export {
            settings: it.settings(),
            updates: it.updates(),
            losses: log.all(),
            prediction: it.predict(0),
            look: it.look(0),
            weights: it.weights(0),
            lags: it.lags(0),
        };
        let disposition = (CONTENT_DISPOSITION, "attachment; filename=\"experiment.json\"");
        ([disposition], Json(export)).into_response()
    };
    sessions.find(&id)?.ask(export).await
}

/// A picture of a moment, as SVG.
pub(super) async fn figure(
    State(sessions): State<Sessions>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let asked = name.clone();
    let svg = sessions.find(&id)?.ask(move |it, log| figures::draw(it, log, &asked)).await?;
    let svg = svg.ok_or(Refusal::NoFigure { name })?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

/// Refuses an address that is not one of the page.
pub(super) async fn unknown(uri: Uri) -> Refusal {
    Refusal::NoAddress { path: uri.path().to_owned() }
}
