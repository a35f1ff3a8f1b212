//! Small tasks with long-term dependencies, on which all trainers can compete.

use bptt::prelude::*;
use bptt::tasks::{Adding, Batch, Latch};
use bptt::trainers::Objective;

/// A simple recurrent net with a linear readout, in double precision.
pub(crate) type Net = (Elman<f64>, Linear<f64>);

/// Sequences `[T, B, I]`, and what the net should give: after the last step, `[B, O]`, or after every step, `[T, B, O]`.
pub(crate) struct Examples {
    inputs: Tensor<f64>,
    targets: Tensor<f64>,
}

/// A task: training sequences, others for the test, and when it is solved.
pub(crate) struct SmallTask {
    hidden_size: usize,
    pub(crate) training: Examples,
    test: Examples,
    goal: Goal,
}

/// When a task is solved.
enum Goal {
    /// So many of the test sequences have all outputs nearer to their target than 1.
    Right(f64),
    /// The mean squared error of the test sequences is below this.
    Error(f64),
}

/// The names of the tasks, in order.
pub(crate) const NAMES: [&str; 5] = ["latch", "parity", "temporal order", "adding", "plant"];

impl SmallTask {
    /// Draws the task with this place in [`NAMES`].
    pub(crate) fn new(index: usize, seed: u64) -> Self {
        let mut rng = bptt::rng(1000 + seed);
        let mut draw: Box<dyn FnMut(usize) -> Examples> = match index {
            0 => Box::new(move |batch| latch(&mut rng, batch)),
            1 => Box::new(|_| parity(6)),
            2 => Box::new(move |batch| temporal_order(&mut rng, 15, batch)),
            3 => Box::new(move |batch| adding(&mut rng, batch)),
            _ => Box::new(move |batch| plant(&mut rng, 60, batch)),
        };
        let goal =
            if index < 3 { Goal::Right(0.98) } else { Goal::Error([0.004, 0.01][index - 3]) };
        let (training, test) = if index == 4 { (draw(4), draw(8)) } else { (draw(64), draw(500)) };
        let hidden_size = [3, 5, 6, 5, 5][index];
        Self { hidden_size, training, test, goal }
    }

    pub(crate) fn net(&self, seed: u64) -> Net {
        let mut rng = bptt::rng(seed);
        let sizes =
            [&self.training.inputs, &self.training.targets].map(|it| it.shape()[it.rank() - 1]);
        let elman = Elman::new(&mut rng, sizes[0], self.hidden_size);
        (elman, Linear::new(&mut rng, self.hidden_size, sizes[1]))
    }

    /// Returns whether a net solves the test sequences.
    pub(crate) fn is_solved(&self, net: &Net) -> bool {
        let errors = self.test.errors(net, &Tape::inference()).value();
        match self.goal {
            Goal::Error(most) => errors.square().mean_all().item() < most,
            Goal::Right(share) => {
                let outputs = errors.shape()[errors.rank() - 1];
                let mut sequences = errors.as_slice().chunks(outputs);
                let count = sequences.len() as f64;
                let right = sequences
                    .by_ref()
                    .filter(|errors| errors.iter().all(|error| error.abs() < 1.0));
                right.count() as f64 >= share * count
            }
        }
    }
}

impl Examples {
    /// Returns the number of sequences.
    pub(crate) fn sequences(&self) -> usize {
        self.inputs.shape()[1]
    }

    /// Returns sequence `index` alone.
    pub(crate) fn one(&self, index: usize) -> Self {
        let range = index..index + 1;
        let axis = self.targets.rank() as isize - 2; // that of the batch
        Self {
            inputs: self.inputs.slice(1, range.clone()),
            targets: self.targets.slice(axis, range),
        }
    }

    /// Returns outputs minus targets.
    fn errors<'t>(&self, net: &Net, tape: &'t Tape<f64>) -> Var<'t, f64> {
        let (ys, _) = net.forward(tape.constant(self.inputs.clone()));
        let is_last_only = self.targets.rank() == 2;
        let ys = if is_last_only { ys.index_first(self.inputs.shape()[0] - 1) } else { ys };
        ys - &self.targets
    }

    /// Returns half the mean squared error as an objective.
    pub(crate) fn objective<'t>(&self, net: &Net, tape: &'t Tape<f64>) -> Objective<'t, f64> {
        let count = self.targets.len() as f64;
        Objective::squares(self.errors(net, tape) / count.sqrt())
    }
}

fn latch(rng: &mut impl Rng, batch: usize) -> Examples {
    let Batch { inputs, targets } = Latch::new().batch(rng, [20, batch]);
    let targets = Tensor::from_fn([batch, 1], |b| if targets[b] == 1 { 1.0 } else { -1.0 });
    Examples { inputs, targets }
}

/// All sequences of so many bits, −1 or 1, and their product.
fn parity(bits: usize) -> Examples {
    let batch = 1 << bits;
    let bit = |b: usize, t: usize| if b >> t & 1 == 1 { -1.0 } else { 1.0 };
    let inputs = Tensor::from_fn([bits, batch, 1], |i| bit(i % batch, i / batch));
    let targets = Tensor::from_fn([batch, 1], |b| (0..bits).map(|t| bit(b, t)).product());
    Examples { inputs, targets }
}

/// Two signals among symbols that mean nothing, of which the last output tells the order (Hochreiter and Schmidhuber 1997).
fn temporal_order(rng: &mut impl Rng, steps: usize, batch: usize) -> Examples {
    const SYMBOLS: usize = 4; // two signals and two others
    let mut inputs = vec![0.0; steps * batch * SYMBOLS];
    let mut targets = vec![-1.0; batch * 4];
    for b in 0..batch {
        let places = [rng.random_range(0..steps / 3), rng.random_range(steps / 2..steps - 2)];
        let mut class = 0;
        for t in 0..steps {
            let signal = rng.random_range(0..2);
            let is_signal = places.contains(&t);
            class = if is_signal { 2 * class + signal } else { class };
            inputs[(t * batch + b) * SYMBOLS + if is_signal { signal } else { 2 + signal }] = 1.0;
        }
        targets[4 * b + class] = 1.0;
    }
    Examples {
        inputs: Tensor::from_vec([steps, batch, SYMBOLS], inputs),
        targets: Tensor::from_vec([batch, 4], targets),
    }
}

fn adding(rng: &mut impl Rng, batch: usize) -> Examples {
    let Batch { inputs, targets } = Adding.batch(rng, [10, batch]);
    Examples { inputs, targets }
}

/// The outputs of the fourth plant of Narendra and Parthasarathy (1990) for uniform inputs.
fn plant(rng: &mut impl Rng, steps: usize, batch: usize) -> Examples {
    let inputs = Tensor::uniform([steps, batch, 1], -1.0, 1.0, rng);
    let mut outputs = vec![0.0; steps * batch];
    for b in 0..batch {
        let input = |t: usize| inputs.as_slice()[t * batch + b];
        for t in 1..steps {
            let past = |lag: usize| if lag <= t { outputs[(t - lag) * batch + b] } else { 0.0 };
            let earlier = if t >= 2 { input(t - 2) } else { 0.0 };
            let [y1, y2, y3] = [past(1), past(2), past(3)];
            let y =
                (y1 * y2 * y3 * earlier * (y3 - 1.0) + input(t - 1)) / (1.0 + y2 * y2 + y3 * y3);
            outputs[t * batch + b] = y;
        }
    }
    Examples { inputs, targets: Tensor::from_vec([steps, batch, 1], outputs) }
}
