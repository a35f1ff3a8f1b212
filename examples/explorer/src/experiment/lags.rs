//! How far a loss reaches back.

use bptt::analysis::gradients::GradientsOverTime;
use serde::Serialize;

use super::Experiment;

/// The gradient of a loss with respect to earlier and earlier states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lags {
    /// The number of updates before this moment.
    pub updates: usize,
    /// The norm of the gradient of the last step's loss with respect to the states of all layers, by the number of steps
    /// between the two.
    pub norms: Vec<f64>,
}

impl Experiment {
    /// Returns how far the loss of the last step of a validation sequence reaches back.
    #[must_use]
    pub fn lags(&self, number: usize) -> Lags {
        let sequence = self.seen(number);
        let steps = self.settings.length;
        let last = sequence.steps(steps - 1..steps);
        let loss = GradientsOverTime::new(&self.net, &sequence.inputs, |ys| {
            last.loss(ys.slice(0, steps - 1..steps))
        });
        let states = loss.states();
        let by_variable: Vec<_> = states.variables.iter().map(|it| it.total_norms()).collect();
        let norm = |step: usize| by_variable.iter().map(|norms| norms[step].powi(2)).sum::<f64>();
        let norms = (0..steps).rev().map(|step| norm(step).sqrt()).collect();
        Lags { updates: self.updates, norms }
    }
}
