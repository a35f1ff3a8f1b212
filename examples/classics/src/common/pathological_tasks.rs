//! The tasks of Martens and Sutskever (2011): signals among noise, and a question about them at the end.

use bptt::prelude::*;
use bptt::rand::RngExt;
use bptt::rand::seq::index::sample;
use bptt::tasks::CopyMemory;
use bptt::trainers::Objective;

/// A simple recurrent net with a linear readout.
pub(crate) type Net = (Elman<f32>, Linear<f32>);

const UNITS: usize = 64;

/// Means and products are right if they err by less than this.
const TOLERANCE: f32 = 0.04;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// The mean of two marked numbers.
    Adding,
    /// The product of two marked numbers.
    Multiplication,
    /// The order of two signals, one of four classes.
    TemporalOrder,
    /// Five bits that are asked for after a wait.
    Memorisation,
}

/// Sequences `[T, B, I]`, and what the net should give.
pub(crate) struct Batch {
    inputs: Tensor<f32>,
    targets: Targets,
}

enum Targets {
    /// Numbers `[B, 1]` after the last step.
    Numbers(Tensor<f32>),
    /// Classes after the last step.
    Last(Vec<usize>),
    /// Classes after all steps, `[T, B]`. A sequence is right if that many last classes are.
    All(Vec<usize>, usize),
}

impl Task {
    pub(crate) const ALL: [Self; 4] =
        [Self::Adding, Self::Multiplication, Self::TemporalOrder, Self::Memorisation];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Adding => "adding",
            Self::Multiplication => "multiplication",
            Self::TemporalOrder => "temporal order",
            Self::Memorisation => "memorisation",
        }
    }

    /// Draws sequences of `steps` steps, or for memorisation a wait of it.
    pub(crate) fn draw(self, rng: &mut impl Rng, [steps, batch]: [usize; 2]) -> Batch {
        match self {
            Self::Adding => numbers(rng, [steps, batch], |a, b| (a + b) / 2.0 - 0.5),
            Self::Multiplication => numbers(rng, [steps, batch], |a, b| a * b - 0.25),
            Self::TemporalOrder => temporal_order(rng, [steps, batch]),
            Self::Memorisation => memorisation(rng, [steps, batch]),
        }
    }

    /// Creates a net with sparse weights: a unit reads one input and, as in the paper, 15 units. The spectral radius is about 1.1.
    pub(crate) fn net(self, rng: &mut impl Rng) -> Net {
        let [inputs, outputs] = match self {
            Self::Adding | Self::Multiplication => [2, 1],
            Self::TemporalOrder => [6, 4],
            Self::Memorisation => [4, 3],
        };
        let mut net = (Elman::new(rng, inputs, UNITS), Linear::new(rng, UNITS, outputs));
        net.0.w_ih.set(sparse(rng, [inputs, 1], 0.3));
        net.0.w_hh.set(sparse(rng, [UNITS, 15], 1.1 / 15f64.sqrt()));
        net
    }
}

/// Weights `[inputs, UNITS]`: those of `read` inputs of each unit are normal, the others 0.
fn sparse(rng: &mut impl Rng, [inputs, read]: [usize; 2], deviation: f64) -> Tensor<f32> {
    let values = Tensor::<f32>::normal([inputs, UNITS], 0.0, deviation, rng);
    let mut weights = Tensor::zeros([inputs, UNITS]);
    for unit in 0..UNITS {
        for input in sample(rng, inputs, read) {
            let at = input * UNITS + unit;
            weights.as_mut_slice()[at] = values.as_slice()[at];
        }
    }
    weights
}

impl Batch {
    /// Returns the first so many sequences.
    pub(crate) fn first(&self, sequences: usize) -> Self {
        let batch = self.inputs.shape()[1];
        let targets = match &self.targets {
            Targets::Numbers(numbers) => Targets::Numbers(numbers.slice(0, ..sequences)),
            Targets::Last(classes) => Targets::Last(classes[..sequences].to_vec()),
            Targets::All(classes, asked) => {
                let steps = classes.chunks(batch).flat_map(|step| &step[..sequences]);
                Targets::All(steps.copied().collect(), *asked)
            }
        };
        Self { inputs: self.inputs.slice(1, ..sequences), targets }
    }

    /// Returns the mean loss: half the squared error, or the cross-entropy.
    pub(crate) fn objective<'t>(&self, net: &Net, tape: &'t Tape<f32>) -> Objective<'t, f32> {
        let (hs, _) = net.0.forward(tape.constant(self.inputs.clone()));
        let last = hs.index_first(hs.shape()[0] - 1);
        let objective = match &self.targets {
            Targets::Numbers(numbers) => {
                let root = (numbers.len() as f64).sqrt();
                Objective::squares((net.1.forward(last) - numbers) / root)
            }
            Targets::Last(classes) => {
                let logits = net.1.forward(last);
                Objective::of_outputs(logits, loss::cross_entropy(logits, classes).mean())
            }
            Targets::All(classes, _) => {
                let logits = net.1.forward(hs);
                Objective::of_outputs(logits, loss::cross_entropy(logits, classes).mean())
            }
        };
        objective.hidden(hs)
    }

    /// Returns the share of sequences for which the net is right.
    pub(crate) fn share_right(&self, net: &Net) -> f64 {
        let tape = Tape::inference();
        let outputs = net.forward(tape.constant(self.inputs.clone())).0;
        let steps = outputs.shape()[0];
        let batch = outputs.shape()[1];
        let is_right: Vec<bool> = match &self.targets {
            Targets::Numbers(numbers) => {
                let errors = outputs.index_first(steps - 1) - numbers;
                errors.value().iter().map(|error| error.abs() < TOLERANCE).collect()
            }
            Targets::Last(classes) => {
                let best = outputs.index_first(steps - 1).value().argmax(-1);
                best.iter().zip(classes).map(|(a, b)| a == b).collect()
            }
            Targets::All(classes, asked) => {
                let best = outputs.value().argmax(-1);
                let right = |t: usize, b: usize| best[t * batch + b] == classes[t * batch + b];
                (0..batch).map(|b| (steps - asked..steps).all(|t| right(t, b))).collect()
            }
        };
        is_right.iter().filter(|right| **right).count() as f64 / batch as f64
    }
}

/// Numbers, uniform in −½ to ½, and marks: one in the first tenth, one from there to the middle. The target is computed from
/// the marked numbers plus ½.
fn numbers(
    rng: &mut impl Rng,
    [steps, batch]: [usize; 2],
    target: impl Fn(f64, f64) -> f64,
) -> Batch {
    let mut inputs = vec![0.0; steps * batch * 2];
    let targets = (0..batch).map(|b| {
        let places = [rng.random_range(0..steps / 10), rng.random_range(steps / 10..steps / 2)];
        let drawn: Vec<f64> = (0..steps).map(|_| rng.random()).collect();
        for (t, number) in drawn.iter().enumerate() {
            inputs[(t * batch + b) * 2] = (number - 0.5) as f32;
        }
        for t in places {
            inputs[(t * batch + b) * 2 + 1] = 1.0;
        }
        target(drawn[places[0]], drawn[places[1]]) as f32
    });
    let targets = Tensor::from_vec([batch, 1], targets.collect());
    Batch {
        inputs: Tensor::from_vec([steps, batch, 2], inputs),
        targets: Targets::Numbers(targets),
    }
}

/// Two signals among four distractors (Hochreiter and Schmidhuber 1997).
fn temporal_order(rng: &mut impl Rng, [steps, batch]: [usize; 2]) -> Batch {
    let mut symbols: Vec<usize> = (0..steps * batch).map(|_| 2 + rng.random_range(0..4)).collect();
    let classes = (0..batch).map(|b| {
        let places =
            [rng.random_range(steps / 10..steps / 5), rng.random_range(steps / 2..6 * steps / 10)];
        places.into_iter().fold(0, |class, t| {
            let signal = rng.random_range(0..2);
            symbols[t * batch + b] = signal;
            2 * class + signal
        })
    });
    let targets = Targets::Last(classes.collect());
    Batch { inputs: Tensor::one_hot(&symbols, 6).reshape([steps, batch, 6]), targets }
}

fn memorisation(rng: &mut impl Rng, [wait, batch]: [usize; 2]) -> Batch {
    const BITS: usize = 5;
    let task = CopyMemory::new(wait).length(BITS).kinds(2);
    let drawn = task.batch(rng, batch);
    let inputs = Tensor::one_hot(&drawn.inputs.symbols, task.alphabet());
    Batch {
        inputs: inputs.reshape([task.steps(), batch, task.alphabet()]),
        targets: Targets::All(drawn.targets, BITS),
    }
}
