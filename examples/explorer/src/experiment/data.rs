//! The sequences of an experiment.

use std::ops::Range;

use bptt::prelude::*;
use bptt::tasks::{Batch, Waves};

use super::Net;
use super::settings::{Settings, TaskKind};

/// The sequences of the training, which are an epoch.
pub(super) const SEQUENCES: usize = 256;
/// The sequences of the validation. The page shows the first of them.
pub(super) const VALIDATION: usize = 8;

/// The sequences of the training and of the validation.
#[derive(Debug)]
pub(super) struct Data {
    /// The training data.
    pub(super) training: Sequences,
    /// Other sequences without noise, of twice the length: the second half is continued freely.
    pub(super) validation: Sequences,
    /// The characters that features stand for, if the task is a text.
    pub(super) characters: Option<Vec<char>>,
}

/// Sequences `[T, N, F]` and what follows each step.
#[derive(Debug)]
pub(super) struct Sequences {
    pub(super) inputs: Tensor<f32>,
    pub(super) targets: Targets,
}

/// What follows each step.
#[derive(Debug)]
pub(super) enum Targets {
    /// `[T, N, 1]`
    Values(Tensor<f32>),
    /// `[T, N]` in row-major order.
    Classes(Vec<usize>),
}

impl Data {
    /// Draws the data that the settings determine.
    pub(super) fn new(settings: &Settings, rng: &mut impl Rng) -> Self {
        let waves = match settings.task {
            TaskKind::Sine => Waves::sine(16.0),
            TaskKind::Saw => Waves::saw(16.0),
            TaskKind::Square => Waves::square(16.0),
            TaskKind::Sines => {
                Waves::sine(20.0).amplitude(0.6).plus(Waves::sine(7.0).amplitude(0.4))
            }
            TaskKind::Text => return Self::text(settings, rng),
        };
        let training =
            of_waves(&waves.clone().noise(settings.noise), rng, [settings.length, SEQUENCES]);
        let validation = of_waves(&waves, rng, [2 * settings.length, VALIDATION]);
        Self { training, validation, characters: None }
    }

    /// Draws windows of a text that repeats endlessly.
    fn text(settings: &Settings, rng: &mut impl Rng) -> Self {
        let Settings { text, length: steps, .. } = settings;
        let characters = Vec::from_iter(settings.characters());
        let class = |c: char| characters.binary_search(&c).expect("it is of the text");
        let text: Vec<usize> = text.chars().map(class).collect();
        let mut windows = |extents| windows(&text, characters.len(), extents, rng);
        let training = windows([*steps, SEQUENCES]);
        let validation = windows([2 * steps, VALIDATION]);
        Self { training, validation, characters: Some(characters) }
    }

    /// Returns the number of features of an input, which is that of an output.
    pub(super) fn features(&self) -> usize {
        self.training.inputs.shape()[2]
    }
}

/// Draws windows `[T, N, F]` of classes that repeat endlessly.
fn windows(
    text: &[usize],
    features: usize,
    [steps, count]: [usize; 2],
    rng: &mut impl Rng,
) -> Sequences {
    let starts: Vec<usize> = (0..count).map(|_| rng.random_range(0..text.len())).collect();
    let at = |row: usize| text[(starts[row % count] + row / count) % text.len()];
    let inputs = Tensor::from_fn([steps, count, features], |i| {
        f32::from(u8::from(at(i / features) == i % features))
    });
    let classes = (0..steps * count).map(|row| at(row + count)).collect(); // one step later
    Sequences { inputs, targets: Targets::Classes(classes) }
}

fn of_waves(waves: &Waves, rng: &mut impl Rng, extents: [usize; 2]) -> Sequences {
    let Batch { inputs, targets } = waves.batch(rng, extents);
    Sequences { inputs, targets: Targets::Values(targets) }
}

impl Sequences {
    /// Returns the sequences of these numbers.
    pub(super) fn batch(&self, indices: &[usize]) -> Self {
        let count = self.inputs.shape()[1];
        let targets = match &self.targets {
            Targets::Values(values) => Targets::Values(columns(values, indices)),
            Targets::Classes(classes) => Targets::Classes(
                classes.chunks(count).flat_map(|row| indices.iter().map(|&n| row[n])).collect(),
            ),
        };
        Self { inputs: columns(&self.inputs, indices), targets }
    }

    /// Returns one sequence.
    pub(super) fn one(&self, number: usize) -> Self {
        self.batch(&[number])
    }

    /// Returns some steps of all sequences.
    pub(super) fn steps(&self, range: Range<usize>) -> Self {
        let count = self.inputs.shape()[1];
        let targets = match &self.targets {
            Targets::Values(values) => Targets::Values(values.slice(0, range.clone())),
            Targets::Classes(classes) => {
                Targets::Classes(classes[range.start * count..range.end * count].to_vec())
            }
        };
        Self { inputs: self.inputs.slice(0, range), targets }
    }

    /// Returns the mean loss of a net that reads the sequences.
    pub(super) fn loss_of<'t, T: Scalar>(&self, net: &Net<T>, tape: &'t Tape<T>) -> Var<'t, T> {
        self.loss(net.forward(tape.constant(cast(&self.inputs))).0)
    }

    /// Returns the mean loss of outputs `[T, N, O]`: the squared error, or the cross-entropy in nats.
    pub(super) fn loss<'t, T: Scalar>(&self, ys: Var<'t, T>) -> Var<'t, T> {
        match &self.targets {
            Targets::Values(values) => loss::mean_squared_error(ys, &cast(values)).mean(),
            Targets::Classes(classes) => loss::cross_entropy(ys, classes).mean(),
        }
    }
}

/// Returns the same numbers in another precision.
pub(super) fn cast<T: Scalar>(tensor: &Tensor<f32>) -> Tensor<T> {
    Tensor::from_fn(tensor.shape(), |i| T::of(tensor.as_slice()[i].into()))
}

/// Returns columns of the second axis of `[T, N, F]`.
fn columns(tensor: &Tensor<f32>, indices: &[usize]) -> Tensor<f32> {
    let &[steps, count, features] = &tensor.shape()[..] else { unreachable!("a sequence") };
    Tensor::from_fn([steps, indices.len(), features], |i| {
        let (row, f) = (i / features, i % features);
        let (t, n) = (row / indices.len(), indices[row % indices.len()]);
        tensor.as_slice()[(t * count + n) * features + f]
    })
}
