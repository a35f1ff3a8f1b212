//! What the page asks for.

use std::convert::Infallible;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use clap::ValueEnum;
use programs::cells::CellKind;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};

use super::error::Refusal;
use super::figures;
use super::sessions::Sessions;
use super::worker::{Action, Worker};
use crate::experiment::{Experiment, Settings};

/// The cells with their equations, and the default settings.
pub(super) async fn options() -> Json<Value> {
    let cells: Vec<_> = CellKind::value_variants()
        .iter()
        .map(|cell| json!({ "name": cell, "about": cell.about(), "equations": cell.equations() }))
        .collect();
    Json(json!({ "cells": cells, "defaults": Settings::default() }))
}

/// Creates an experiment.
pub(super) async fn create(
    State(sessions): State<Sessions>,
    settings: Result<Json<Settings>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(settings) = settings?;
    let worker = Worker::start(&settings)?;
    let (id, worker) = sessions.add(worker);
    let characters = worker.ask(|it| it.characters().map(String::from_iter)).await?;
    let created = json!({ "id": id, "settings": settings, "characters": characters });
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Streams the frames of an experiment, each with the losses since the last one.
pub(super) async fn events(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let worker = sessions.find(&id)?;
    let weak = std::sync::Arc::downgrade(&worker); // a stream does not keep an experiment running
    let mut told = 0;
    let frames = WatchStream::new(worker.frames()).map(move |frame| {
        let losses = weak.upgrade().map(|worker| {
            if frame.updates < told {
                told = 0; // it was reset
            }
            let losses = worker.losses(told);
            let from = told;
            told += losses.len();
            json!({ "from": from, "points": losses })
        });
        let event = Event::default().event("frame");
        Ok(event.json_data(json!({ "frame": frame, "losses": losses })).unwrap_or_default())
    });
    Ok(Sse::new(frames).keep_alive(KeepAlive::default()))
}

/// Plays, pauses, steps or resets.
pub(super) async fn act(
    State(sessions): State<Sessions>,
    Path((id, action)): Path<(String, Action)>,
) -> Result<StatusCode, Refusal> {
    sessions.find(&id)?.act(action)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where to look.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    sequence: usize,
    layer: usize,
    step: usize,
    unit: usize,
}

pub(super) async fn look(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(place): Query<Place>,
) -> Result<Response, Refusal> {
    let look = sessions.find(&id)?.ask(move |it| it.look(place.sequence)).await?;
    Ok(Json(look).into_response())
}

pub(super) async fn walk(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(Place { sequence, layer, step, unit }): Query<Place>,
) -> Result<Response, Refusal> {
    let worker = sessions.find(&id)?;
    let walk = worker.ask(move |it| it.walk(sequence, layer, step, unit)).await?;
    Ok(Json(walk).into_response())
}

pub(super) async fn check(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    Query(place): Query<Place>,
) -> Result<Response, Refusal> {
    let check = sessions.find(&id)?.ask(move |it| it.check(place.sequence)).await?;
    Ok(Json(check).into_response())
}

/// All numbers of a moment as a file.
pub(super) async fn export(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let worker = sessions.find(&id)?;
    let all = |it: &mut Experiment| {
        json!({
            "settings": it.settings(),
            "updates": it.losses().len(),
            "losses": it.losses(),
            "prediction": it.predict(0),
            "look": it.look(0),
        })
    };
    let all = worker.ask(all).await?;
    let disposition = (CONTENT_DISPOSITION, "attachment; filename=\"experiment.json\"");
    Ok(([disposition], Json(all)).into_response())
}

/// A picture of a moment, as SVG.
pub(super) async fn figure(
    State(sessions): State<Sessions>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let worker = sessions.find(&id)?;
    let asked = name.clone();
    let svg = worker.ask(move |it| figures::draw(it, &asked)).await?;
    let svg = svg.ok_or(Refusal::NoFigure { name })?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}
