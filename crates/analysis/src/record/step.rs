//! The record of one training step.

use bptt_autodiff::{Gradients, Probes};
use bptt_layers::Module;
use bptt_tensor::{Scalar, Tensor};

use super::entries::{GateDetails, LagDetails, ParameterDetails, Record, ValueDetails};
use super::error::RecordError;
use super::histogram::Histogram;
use super::recorder::Recorder;
use crate::dynamics::{Saturation, Thresholds};
use crate::norm::norm_of;

/// The largest variance of a dead unit, as a share of its mean square: what rounding leaves of a value that does not
/// change.
const DEAD: f64 = 1e-12;

/// The record of a training step, from [`Recorder::step`]. It is written by [`finish`](Self::finish), or not at all.
///
/// The inside of the model is measured if it is [due](Recorder::is_due), and at the first of several steps whose loss or
/// gradient norm is not finite. Otherwise [`probes`](Self::probes), [`costates`](Self::costates) and
/// [`gradients`](Self::gradients) do nothing.
#[derive(Debug)]
#[must_use = "the record is written by `finish`"]
pub struct StepRecord<'r, T> {
    recorder: &'r mut Recorder,
    step: usize,
    loss: f64,
    learning_rate: Option<f64>,
    gradient_norm: Option<f64>,
    /// What is measured inside, if it is to be.
    details: Option<Details<T>>,
}

#[derive(Debug)]
struct Details<T> {
    parameters: Vec<ParameterDetails>,
    /// The parameters before the update. The optimizer writes to new memory while they are held.
    before: Vec<Tensor<T>>,
    values: Vec<ValueDetails>,
    lags: Vec<LagDetails>,
}

impl<T> Details<T> {
    fn new() -> Self {
        let (parameters, before) = (Vec::new(), Vec::new());
        Self { parameters, before, values: Vec::new(), lags: Vec::new() }
    }
}

impl<'r, T> StepRecord<'r, T> {
    pub(super) fn new(recorder: &'r mut Recorder, step: usize, loss: f64) -> Self {
        let details = recorder.is_due(step).then(Details::new);
        let record =
            Self { recorder, step, loss, learning_rate: None, gradient_norm: None, details };
        record.watching(loss)
    }

    /// Measures the inside if this is where numbers cease to be finite.
    fn watching(mut self, number: f64) -> Self {
        if self.recorder.is_first_fault(self.step, number) {
            self.details.get_or_insert_with(Details::new);
        }
        self
    }

    /// Adds the learning rate.
    pub fn learning_rate(self, rate: f64) -> Self {
        Self { learning_rate: Some(rate), ..self }
    }

    /// Adds the norm of the whole gradient, such as [`clip_norm`](bptt_layers::clip_norm) returns. If it is not finite,
    /// [`gradients`](Self::gradients) that are added afterwards name the parameter.
    pub fn gradient_norm(self, norm: f64) -> Self {
        Self { gradient_norm: Some(norm), ..self }.watching(norm)
    }
}

impl<T: Scalar> StepRecord<'_, T> {
    /// Adds the probed values of the step, if they were collected. The collection ends, so that the tape can be dropped.
    pub fn probes(mut self, probes: Option<Probes<'_, T>>) -> Self {
        if let (Some(details), Some(probes)) = (&mut self.details, probes) {
            for name in probes.names() {
                let values = probes.get(&name).value();
                details.values.push(value_details(self.recorder, name, &values));
            }
        }
        self
    }

    /// Adds the gradient with respect to a state by lag: the [costates](bptt_layers::Costates) `[T, B, S]` of the loss of
    /// the last step alone. A loss of all steps has direct terms at each of them, which hide the lags.
    ///
    /// ```
    /// # use bptt_analysis::record::Recorder;
    /// # use bptt_autodiff::Tape;
    /// # use bptt_layers::{Costates, Elman, Layer, Recurrence};
    /// # use bptt_tensor::Tensor;
    /// # let folder = tempfile::tempdir()?;
    /// # let mut recorder = Recorder::create(folder.path())?;
    /// # let mut rng = bptt_layers::rng(0);
    /// # let model = Elman::<f32>::new(&mut rng, 2, 4);
    /// # let tape = Tape::new();
    /// # let xs = tape.constant(Tensor::ones([9, 1, 2]));
    /// let costates = Costates::new();
    /// let run = Recurrence::new(&model).costates(&costates);
    /// let (ys, _) = run.run(xs, model.start(&tape, 1));
    /// let losses = ys.square();
    /// let last = tape.backward(losses.index_first(8).mean_all());
    /// let record = recorder.step(1, losses.mean_all().item().into());
    /// record.costates("h", &costates.of(&last)[0]).finish(&model)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn costates(mut self, name: impl Into<String>, costates: &Tensor<T>) -> Self {
        if let Some(details) = &mut self.details {
            let steps = costates.shape().first().copied().unwrap_or(1).max(1);
            let of_step = costates.as_slice().chunks(costates.len().div_ceil(steps).max(1)).rev();
            let norms = of_step.map(|step| norm_of(step.iter().map(|x| x.as_f64()))).collect();
            details.lags.push(LagDetails { name: name.into(), norms });
        }
        self
    }

    /// Adds the parameters and their gradients, as they are before the update.
    pub fn gradients(mut self, model: &dyn Module<T>, gradients: &Gradients<T>) -> Self {
        if let Some(details) = &mut self.details {
            for (name, parameter) in model.parameters() {
                let gradient = gradients.get(parameter).map(|it| Histogram::of(it.as_slice()));
                details.parameters.push(parameter_details(name, parameter.value(), gradient));
                details.before.push(parameter.value().clone());
            }
        }
        self
    }

    /// Writes the record. The model is that after the update.
    ///
    /// # Errors
    ///
    /// If a file cannot be written. What was recorded before is still there.
    pub fn finish(self, model: &dyn Module<T>) -> Result<(), RecordError> {
        let Self { recorder, loss, learning_rate, gradient_norm, details, .. } = self;
        let (step, seconds) = (self.step as u64, recorder.seconds());
        recorder.append(&Record::Step { step, loss, learning_rate, gradient_norm, seconds })?;
        let Some(Details { mut parameters, before, values, lags }) = details else { return Ok(()) };
        let after = model.parameters().into_iter().map(|(name, it)| (name, it.value()));
        if before.is_empty() {
            parameters = after.map(|(name, value)| parameter_details(name, value, None)).collect();
        } else {
            for ((details, before), (_, after)) in parameters.iter_mut().zip(&before).zip(after) {
                details.update_norm = Some(distance(before.as_slice(), after.as_slice()));
            }
        }
        let seconds = recorder.seconds();
        recorder.append(&Record::Details { step, parameters, values, lags, seconds })
    }
}

fn parameter_details<T: Scalar>(
    name: String,
    value: &Tensor<T>,
    gradient: Option<Histogram>,
) -> ParameterDetails {
    let (rank, weights) = (value.rank(), Histogram::of(value.as_slice()));
    ParameterDetails { name, rank, weights, gradient, update_norm: None }
}

/// Measures a probed value `[T, B, F]`.
fn value_details<T: Scalar>(recorder: &Recorder, name: String, values: &Tensor<T>) -> ValueDetails {
    let histogram = Histogram::of(values.as_slice());
    let is_gate = histogram.count() > 0 && recorder.is_gate(&name, histogram.min, histogram.max);
    let saturation = (values.rank() > 0).then(|| Saturation::of(values, Thresholds::SIGMOID));
    let units = saturation.as_ref().map_or(1, |it| it.left().len());
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / units.max(1) as f64;
    let gate = saturation.as_ref().filter(|_| is_gate);
    let gate = gate.map(|it| GateDetails { closed: mean(it.left()), open: mean(it.right()) });
    // of a single value it cannot be told
    let varied = saturation.filter(|it| it.count() > 1 && !is_gate);
    let dead = varied.as_ref().map(dead_units).unwrap_or_default();
    ValueDetails { name, histogram, units, dead, gate }
}

fn dead_units(statistics: &Saturation) -> Vec<usize> {
    let units = statistics.means().iter().zip(statistics.variances()).enumerate();
    let is_dead = |mean: f64, variance: f64| variance <= DEAD * (mean * mean + variance);
    units.filter(|&(_, (&mean, &variance))| is_dead(mean, variance)).map(|(unit, _)| unit).collect()
}

/// Returns the norm of the difference. It sums in eight accumulators: a single one would wait for each addition before
/// the next.
fn distance<T: Scalar>(a: &[T], b: &[T]) -> f64 {
    let mut squares = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for (sum, (a, b)) in squares.iter_mut().zip(a.iter().zip(b)) {
            let difference = a.as_f64() - b.as_f64();
            *sum += difference * difference;
        }
    }
    squares.iter().sum::<f64>().sqrt()
}
