//! Pictures of an experiment, for papers and slides.

use bptt::analysis::plot::{CellGraph, HeatMap, Lines, Picture};
use bptt::prelude::*;
use programs::cells::{AnyCell, Visitor};

use super::training::Log;
use crate::experiment::{Experiment, Losses};

/// The steps of a cell that is drawn unfolded.
const STEPS: usize = 3;

/// Draws a picture as SVG: `loss.svg`, `prediction.svg` (not of a text), `by-lag.svg`, `cell.svg`, `cell-unfolded.svg`, or
/// the heat map of a probe such as `0.f.svg`. Returns `None` if there is no such picture.
pub(super) fn draw(experiment: &Experiment, log: &Log, name: &str) -> Option<String> {
    let picture = match name.strip_suffix(".svg")? {
        "loss" => Some(loss(&log.all())),
        "prediction" => prediction(experiment),
        "by-lag" => Some(by_lag(experiment)),
        "cell" => Some(graph(experiment, None)),
        "cell-unfolded" => Some(graph(experiment, Some(STEPS))),
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

/// Draws the cell of the lowest layer: one step with its state led back, or `steps` steps.
fn graph(experiment: &Experiment, steps: Option<usize>) -> Picture {
    let (sizes, rng) = (experiment.sizes(), &mut bptt::rng(0)); // only the shapes of weights are drawn
    let graph = Graph { input_size: sizes.input_size, steps };
    experiment.settings().cell.build(rng, sizes, graph)
}

/// Draws a cell of any type.
struct Graph {
    input_size: usize,
    steps: Option<usize>,
}

impl Visitor<f32> for Graph {
    type Output = Picture;

    fn cell<C: AnyCell<f32>>(self, cell: C) -> Picture {
        let graph = match self.steps {
            None => CellGraph::folded(&cell, self.input_size),
            Some(steps) => CellGraph::unfolded(&cell, self.input_size, steps),
        };
        graph.picture()
    }
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

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use programs::cells::CellKind;

    use super::graph;
    use crate::experiment::{Experiment, Settings};

    /// One step and several show each value that the equations name.
    #[test]
    fn every_cell_is_drawn() {
        for &cell in CellKind::value_variants() {
            let settings = Settings { cell, ..Settings::default() };
            let experiment =
                Experiment::new(&settings).expect("the default settings suit any cell");
            let texts = |steps| graph(&experiment, steps).svg().replace("&apos;", "'");
            let (folded, unfolded) = (texts(None), texts(Some(3)));
            for name in experiment.look(0).probes.into_iter().map(|probe| probe.name) {
                let is_value = |line: &str| line.starts_with(&format!("{name} = "));
                assert!(folded.lines().any(is_value), "{cell}: no {name} in {folded}");
                let is_in_step = |line: &str| line.split(", ").any(|it| it == name);
                assert!(unfolded.lines().any(is_in_step), "{cell}: no {name} in {unfolded}");
            }
            assert!(unfolded.contains("step 2") && !unfolded.contains("step 3"), "{cell}");
        }
    }
}
