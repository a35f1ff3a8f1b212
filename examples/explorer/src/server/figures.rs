//! Pictures of an experiment, for papers and slides.

use bptt::analysis::plot::{HeatMap, Lines, Picture};
use bptt::prelude::*;

use super::training::Log;
use crate::experiment::{Experiment, Losses};

/// Draws a picture as SVG: `loss.svg`, `prediction.svg` (not of a text), `by-lag.svg`, or the heat map of a probe such as
/// `0.f.svg`. Returns `None` if there is no such picture.
pub(super) fn draw(experiment: &Experiment, log: &Log, name: &str) -> Option<String> {
    let picture = match name.strip_suffix(".svg")? {
        "loss" => Some(loss(&log.since(0))),
        "prediction" => prediction(experiment),
        "by-lag" => Some(by_lag(experiment)),
        probe => heat_map(experiment, probe),
    };
    picture.map(|picture| picture.svg())
}

fn loss(losses: &[Losses]) -> Picture {
    let line = |of: fn(&Losses) -> f64| points(1, losses.iter().map(of));
    Lines::new("loss", "update", "loss")
        .log()
        .noisy("training", line(|it| it.training))
        .line("validation", line(|it| it.validation))
        .picture()
}

fn prediction(experiment: &Experiment) -> Option<Picture> {
    if experiment.characters().is_some() {
        return None; // classes have no order
    }
    let it = experiment.predict(0);
    let lines = Lines::new("prediction", "step", "value")
        .line("truth", points(0, it.truth))
        .dots("one step ahead", points(1, it.one_step))
        .line("free running", points(it.prompt, it.free));
    Some(lines.picture())
}

fn by_lag(experiment: &Experiment) -> Picture {
    Lines::new("gradient of the last step's loss", "lag (steps)", "norm")
        .log()
        .line("with respect to the states", points(0, experiment.lags(0).norms))
        .picture()
}

fn heat_map(experiment: &Experiment, probe: &str) -> Option<Picture> {
    let (layers, _) = experiment.net();
    let tape = Tape::inference();
    let probes = tape.probes();
    let _ys = layers.forward(tape.constant(experiment.sequence(0)));
    let is_known = probes.names().iter().any(|name| name == probe);
    is_known.then(|| HeatMap::of_probe(&probes, probe, 0).picture())
}

/// Returns the points of numbers that are counted from `first` on.
fn points(first: usize, numbers: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
    numbers.into_iter().enumerate().map(|(i, y)| ((first + i) as f64, y)).collect()
}
