//! What all learners share: the sequences of a batch, and a step of each.

use bptt_autodiff::{Gradients, Param, Tape, Var};
use bptt_layers::weights::{Archive, WeightsError};
use bptt_layers::{Module, Stepwise};
use bptt_tensor::{Scalar, Shape, Tensor};

use super::error::OnlineError;
use super::learner::{LossFn, OnlineStep};
use super::method::Method;
use super::recorded_step::{ByParameter, RecordedStep, add};
use super::saved::{Saved, Saving};

/// The sequences of a batch, and what a method keeps of them.
#[derive(Clone, Debug)]
pub(super) struct Engine<T: Scalar, M: Method<T>> {
    pub(super) method: M,
    /// The name and shape of each parameter; empty before the first step.
    parameters: Vec<(String, Shape)>,
    /// `None` for a sequence that has not begun. Empty if there is no batch yet.
    sequences: Vec<Option<Sequence<T, M::Influence>>>,
}

#[derive(Clone, Debug)]
struct Sequence<T: Scalar, I> {
    steps: u64,
    state: Vec<Tensor<T>>,
    influence: I,
}

/// A loss and its gradients.
type Evaluated<T> = (f64, Gradients<T>);

impl<T: Scalar, M: Method<T>> Engine<T, M> {
    pub(super) fn new(method: M) -> Self {
        Self { method, parameters: Vec::new(), sequences: Vec::new() }
    }

    #[track_caller]
    pub(super) fn step<L: Stepwise<T> + Module<T>>(
        &mut self,
        layer: &L,
        x: &Tensor<T>,
        loss: &LossFn<'_, T>,
    ) -> Result<OnlineStep<T>, OnlineError> {
        let (output, step) = self.run(layer, x, Some(loss))?;
        let (loss, gradients) = step.unwrap_or_default();
        Ok(OnlineStep { output, loss, gradients })
    }

    #[track_caller]
    pub(super) fn advance<L: Stepwise<T> + Module<T>>(
        &mut self,
        layer: &L,
        x: &Tensor<T>,
    ) -> Result<Tensor<T>, OnlineError> {
        Ok(self.run(layer, x, None)?.0)
    }

    pub(super) fn reset(&mut self) {
        self.sequences.clear();
    }

    #[track_caller]
    pub(super) fn reset_sequences(&mut self, sequences: &[usize]) {
        let batch = self.sequences.len();
        for &sequence in sequences {
            assert!(
                sequence < batch,
                "reset_sequences: there is no sequence {sequence} in a batch of {batch}"
            );
            self.sequences[sequence] = None;
        }
    }

    /// Makes a step of each sequence. The learner changes at the end, if nothing fails.
    #[track_caller]
    fn run<L: Stepwise<T> + Module<T>>(
        &mut self,
        layer: &L,
        x: &Tensor<T>,
        loss: Option<&LossFn<'_, T>>,
    ) -> Result<(Tensor<T>, Option<Evaluated<T>>), OnlineError> {
        let Some(&batch) = x.shape().first() else {
            panic!("an online learner: an input is a batch [B, I], not one number");
        };
        let expected = self.sequences.len();
        if expected != batch && expected > 0 {
            return Err(OnlineError::Batch { found: batch, expected });
        }
        let parameters = layer.parameters();
        self.expect_parameters(&parameters);

        let mut method = self.method.clone(); // replaces that of the learner if nothing fails
        let mut begun = Vec::with_capacity(batch);
        for sequence in 0..batch {
            begun.push(match self.sequences.get(sequence) {
                Some(Some(_)) => None,
                _ => Some(begin(&mut method, layer, &parameters, sequence)?),
            });
        }
        let tapes: Vec<_> = (0..batch).map(|_| Tape::new()).collect();
        let mut steps = Vec::with_capacity(batch);
        let mut before = Vec::with_capacity(batch);
        for (sequence, tape) in tapes.iter().enumerate() {
            let old = self.sequences.get(sequence).and_then(Option::as_ref);
            let Some(old) = begun[sequence].as_ref().or(old) else { continue };
            tape.set_step(usize::try_from(old.steps).ok());
            let x = x.slice(0, sequence..sequence + 1);
            steps.push(RecordedStep::record(tape, &parameters, layer, x, &old.state));
            before.push(old);
        }
        let outputs: Vec<_> = steps.iter().map(|(_, y)| y.value()).collect();
        let output = Self::output_of(&outputs);

        let computed = match loss {
            Some(loss) => Some(gradients(&method, &parameters, &steps, &before, &output, loss)?),
            None => None,
        };
        let mut after = Vec::with_capacity(batch);
        for (sequence, ((step, _), old)) in steps.iter().zip(&before).enumerate() {
            let next = follow(&mut method, step, Some(*old), sequence)?;
            after.push(Some(next));
        }
        if self.parameters.is_empty() {
            self.parameters = shapes(&parameters);
        }
        (self.method, self.sequences) = (method, after);
        Ok((output, computed))
    }

    /// Returns the outputs of all sequences. A batch without sequences has no features either.
    fn output_of(outputs: &[Tensor<T>]) -> Tensor<T> {
        if outputs.is_empty() { Tensor::zeros([0, 0]) } else { Tensor::concat(outputs, 0) }
    }

    /// Refuses a layer with other parameters than before.
    #[track_caller]
    fn expect_parameters(&self, parameters: &[(String, &Param<T>)]) {
        let mut known = self.parameters.iter().map(|(name, shape)| (name, shape)).peekable();
        assert!(
            known.peek().is_none()
                || known.eq(parameters.iter().map(|(name, parameter)| (name, parameter.shape()))),
            "an online learner serves one layer, and the parameters of this one have other names or shapes than those \
             of the steps before; make a learner for each layer"
        );
    }

    pub(super) fn state(&self) -> Archive<T> {
        let mut archive = Archive::new();
        let mut saving = Saving::new(&mut archive, &self.parameters);
        saving.text("sequences", self.sequences.len());
        self.method.save(&mut saving);
        for (number, sequence) in self.sequences.iter().enumerate() {
            saving.within(number);
            saving.text("begun", sequence.is_some());
            let Some(sequence) = sequence else { continue };
            saving.text("steps", sequence.steps);
            for (leaf, value) in sequence.state.iter().enumerate() {
                saving.tensor(&format!("state.{leaf}"), value.clone());
            }
            self.method.save_influence(&sequence.influence, &mut saving);
        }
        archive
    }

    #[track_caller]
    pub(super) fn restore<L: Stepwise<T> + Module<T>>(
        &mut self,
        layer: &L,
        archive: &Archive<T>,
    ) -> Result<(), WeightsError> {
        let parameters = shapes(&layer.parameters());
        let tape = Tape::new();
        let start = RecordedStep::start(&tape, &[], layer);
        let state = start.state();
        let mut saved = Saved::new(archive, &parameters);
        let batch: usize = saved.parse("sequences", |_| true)?;
        let method = self.method.restored(&mut saved, &start)?;
        let mut sequences = Vec::new();
        for number in 0..batch {
            saved.within(number);
            if !saved.parse("begun", |_| true)? {
                sequences.push(None);
                continue;
            }
            let steps = saved.parse("steps", |_| true)?;
            let mut values = Vec::with_capacity(state.len());
            for (leaf, value) in state.iter().enumerate() {
                values.push(saved.tensor(&format!("state.{leaf}"), value.shape())?);
            }
            let influence = method.influence(&mut saved, &start)?;
            sequences.push(Some(Sequence { steps, state: values, influence }));
        }
        saved.expect_no_more()?;
        *self = Self { method, parameters, sequences };
        Ok(())
    }
}

/// Begins a sequence at the initial state of the layer.
#[track_caller]
fn begin<T: Scalar, M: Method<T>, L: Stepwise<T>>(
    method: &mut M,
    layer: &L,
    parameters: &[(String, &Param<T>)],
    sequence: usize,
) -> Result<Sequence<T, M::Influence>, OnlineError> {
    let tape = Tape::new();
    let start = RecordedStep::start(&tape, parameters, layer);
    follow(method, &start, None, sequence)
}

/// Makes the influence follow a step.
#[track_caller]
fn follow<T: Scalar, M: Method<T>>(
    method: &mut M,
    step: &RecordedStep<'_, '_, T>,
    before: Option<&Sequence<T, M::Influence>>,
    sequence: usize,
) -> Result<Sequence<T, M::Influence>, OnlineError> {
    let state = step.state();
    let steps = before.map_or(0, |before| before.steps);
    if !state.iter().all(Tensor::is_finite) {
        return Err(non_finite("the state", sequence, steps));
    }
    let influence = method.advance(before.map(|before| &before.influence), step)?;
    if !method.is_finite(&influence) {
        return Err(non_finite("the influence of the parameters", sequence, steps));
    }
    let steps = before.map_or(0, |before| before.steps.saturating_add(1));
    Ok(Sequence { steps, state, influence })
}

/// Returns the loss of an output, and its gradients by all paths. `before` is what was known before these steps.
#[track_caller]
fn gradients<T: Scalar, M: Method<T>>(
    method: &M,
    parameters: &[(String, &Param<T>)],
    steps: &[(RecordedStep<'_, '_, T>, Var<'_, T>)],
    before: &[&Sequence<T, M::Influence>],
    output: &Tensor<T>,
    loss: &LossFn<'_, T>,
) -> Result<Evaluated<T>, OnlineError> {
    let (loss, cotangents, mut gradients) = loss_gradients(output, loss)?;
    let mut sums: ByParameter<T> = vec![None; parameters.len()];
    for (sequence, ((step, y), old)) in steps.iter().zip(before).enumerate() {
        let cotangent = cotangents.slice(0, sequence..sequence + 1);
        let pulled = step.pull(&[(*y, cotangent)]);
        for (sum, direct) in sums.iter_mut().zip(pulled.parameters) {
            direct.into_iter().for_each(|direct| add(sum, direct));
        }
        method.add_gradients(&old.influence, &pulled.state, &mut sums);
        if !sums.iter().flatten().all(Tensor::is_finite) {
            return Err(non_finite("the gradient", sequence, old.steps));
        }
    }
    for ((_, parameter), sum) in parameters.iter().zip(sums) {
        let Some(sum) = sum else { continue };
        let sum = sum.reshape(parameter.shape());
        match gradients.get_mut(parameter) {
            Some(gradient) => gradient.axpy(T::one(), &sum), // the loss names it too
            None => gradients.insert(parameter, sum),
        }
    }
    Ok((loss, gradients))
}

/// Returns the loss of an output, its gradient with respect to the output, and with respect to parameters that the
/// function itself names.
#[track_caller]
fn loss_gradients<T: Scalar>(
    output: &Tensor<T>,
    loss: &LossFn<'_, T>,
) -> Result<(f64, Tensor<T>, Gradients<T>), OnlineError> {
    let tape = Tape::new();
    let output = Param::new(output.clone()); // not a variable, so that its gradient can be removed
    let loss = loss(tape.param(&output));
    let mut gradients = tape.backward(loss);
    let value = loss.item().as_f64();
    if !value.is_finite() {
        return Err(OnlineError::NonFiniteLoss { quantity: "the loss" });
    }
    if !gradients.iter().all(|(_, gradient)| gradient.is_finite()) {
        return Err(OnlineError::NonFiniteLoss { quantity: "the gradient of the loss" });
    }
    let cotangent = gradients.remove(&output);
    let cotangent = cotangent.unwrap_or_else(|| Tensor::zeros(output.shape()));
    Ok((value, cotangent, gradients))
}

fn non_finite(quantity: &'static str, sequence: usize, step: u64) -> OnlineError {
    OnlineError::NonFinite { quantity, sequence, step }
}

fn shapes<T: Scalar>(parameters: &[(String, &Param<T>)]) -> Vec<(String, Shape)> {
    let shape = |(name, parameter): &(String, &Param<T>)| (name.clone(), parameter.shape().clone());
    parameters.iter().map(shape).collect()
}
