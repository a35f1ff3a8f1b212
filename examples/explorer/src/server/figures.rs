//! Pictures of an experiment, for papers and slides.

use bptt::analysis::plot::{HeatMap, Lines};
use bptt::prelude::*;

use crate::experiment::Experiment;

/// Draws a picture as SVG: `loss.svg`, `prediction.svg`, `by-lag.svg`, or the heat map of a probe such as `0.f.svg`.
/// Returns `None` for any other name.
pub(super) fn draw(experiment: &Experiment, name: &str) -> Option<String> {
    let counted =
        |values: &[f64]| values.iter().enumerate().map(|(i, &y)| (i as f64, y)).collect::<Vec<_>>();
    let picture = match name.strip_suffix(".svg")? {
        "loss" => {
            let [training, validation]: [Vec<f64>; 2] = [
                experiment.losses().iter().map(|it| it.training.into()).collect(),
                experiment.losses().iter().map(|it| it.validation.into()).collect(),
            ];
            let lines = Lines::new("loss", "update", "loss").log();
            lines
                .noisy("training", counted(&training))
                .line("validation", counted(&validation))
                .picture()
        }
        "prediction" => {
            let it = experiment.predict(0);
            let from = |first: usize, values: &[f64]| {
                values.iter().enumerate().map(|(i, &y)| ((first + i) as f64, y)).collect::<Vec<_>>()
            };
            Lines::new("prediction", "step", "value")
                .line("truth", from(0, &it.truth))
                .dots("one step ahead", from(1, &it.one_step))
                .line("free running", from(it.prompt, &it.free))
                .picture()
        }
        "by-lag" => {
            let look = experiment.look(0);
            let lines = Lines::new("gradient of the last step's loss", "lag (steps)", "norm").log();
            lines.line("with respect to the states", counted(&look.by_lag)).picture()
        }
        probe => {
            let tape = Tape::inference();
            let probes = tape.probes();
            let sequence = experiment.sequence(0).slice(0, 0..experiment.settings().length);
            let _ys = experiment.net().forward(tape.constant(sequence));
            if !probes.names().iter().any(|name| name == probe) {
                return None;
            }
            HeatMap::of_probe(&probes, probe, 0).picture()
        }
    };
    Some(picture.svg())
}
