//! The differences of outputs and targets, at each position.

use bptt_autodiff::Var;
use bptt_tensor::Scalar;

use super::binary::BinaryCrossEntropy;
use super::positions::{Positions, headroom};

/// How the features of a position are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measure {
    HalfSquared,
    MeanSquared,
    Huber { delta: f64 },
    Distance,
    BinaryCrossEntropy,
}

/// `measure(outputs, targets)`
#[derive(Clone, Debug)]
pub(crate) struct ErrorTerms<'t, T> {
    pub(crate) outputs: Var<'t, T>,
    pub(crate) targets: Var<'t, T>,
    pub(crate) measure: Measure,
}

impl<'t, T: Scalar> ErrorTerms<'t, T> {
    #[track_caller]
    pub(crate) fn losses(&self, positions: &Positions<T>) -> Var<'t, T> {
        let (o, y) = (positions.kept(self.outputs), positions.kept(self.targets));
        let features = self.outputs.shape().last().map_or(1, |&features| features.max(1)) as f64;
        // the errors are divided before they are squared and summed, either of which may overflow
        let scale = headroom(features.sqrt());
        let room = scale * scale;
        let mean_of_shares = |shares: Var<'t, T>| shares.sum(&[-1]) / (features / room);
        match self.measure {
            Measure::HalfSquared => ((o - y) / 2.0).square().sum(&[-1]) * 2.0,
            Measure::MeanSquared => mean_of_shares(((o - y) / scale).square()),
            Measure::Huber { delta } => {
                let delta = delta.min(T::max_value().as_f64());
                let error = o - y;
                let size = error.abs();
                let is_near = size.le(delta);
                let near = (is_near.select(error, 0.0) / scale).square();
                let far = is_near.select(0.0, size - 0.5 * delta);
                mean_of_shares(near * 0.5 + far * (delta / room))
            }
            Measure::Distance => {
                let error = o - y;
                // the norm has no second derivative at 0, so the operation is not given a 0
                let meets = error.equal(0.0).sum_keep(&[-1]).equal(features);
                let distance = meets.select(1.0, error).norm_keep(&[-1]);
                meets.select(0.0, distance).sum(&[-1])
            }
            Measure::BinaryCrossEntropy => {
                mean_of_shares(o.tape().apply(BinaryCrossEntropy, &[o, y]) / room)
            }
        }
    }
}
