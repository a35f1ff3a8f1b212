//! The latch, two-sequence and parity problems after Bengio, Simard and Frasconi (1994), and the small nets that learn them.
//!
//! Unlike in `bptt::tasks::Latch`, lengths vary, both classes are equally frequent, and the signal has no noise.

use bptt::prelude::*;
use bptt::rand::RngExt;
use bptt::trainers::{Objective, threshold};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The sign of the first input, among noise, by one unit. This is variant II of the latch of 2001.
    Latch,
    /// The sign of the first three inputs, among noise, by two units.
    TwoSequence,
    /// The parity of signs without noise, by two units.
    Parity,
}

/// The activation function of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Tanh,
    Threshold,
}

/// A fully connected recurrent net of one input. Its units are updated one after the other: each reads the input, the units
/// before it at this step, and itself and the units after it one step before. The last unit is the output.
#[derive(Clone, Debug, Module)]
#[module(scalar = f64)]
pub(crate) struct Net {
    units: Vec<Linear<f64>>,
    #[module(skip)]
    unit: Unit,
}

/// Sequences, and the class of each, −1 or 1.
pub(crate) struct Sequences {
    /// `[T, B, 1]`
    inputs: Tensor<f64>,
    lengths: Vec<usize>,
    /// `[B, 1]`
    classes: Tensor<f64>,
}

/// The standard deviation of the noise of variance 0.2.
const NOISE: f64 = 0.447_213_595;

impl Problem {
    pub(crate) const ALL: [Self; 3] = [Self::Latch, Self::TwoSequence, Self::Parity];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Latch => "latch",
            Self::TwoSequence => "two-sequence",
            Self::Parity => "parity",
        }
    }

    /// Creates a net with weights and biases that are uniform in −1 to 1.
    pub(crate) fn net(self, rng: &mut impl Rng, unit: Unit) -> Net {
        let count = if self == Self::Latch { 1 } else { 2 };
        let init = Init::Uniform { low: -1.0, high: 1.0 };
        let linear = |_| Linear::new(rng, 1 + count, 1).weight_init(rng, init).bias_init(rng, init);
        Net { units: (0..count).map(linear).collect(), unit }
    }

    /// Draws `batch` sequences, half of each class, with `least` to `most` steps.
    pub(crate) fn draw(
        self,
        rng: &mut impl Rng,
        [least, most]: [usize; 2],
        batch: usize,
    ) -> Sequences {
        let mut inputs = Tensor::normal([most, batch, 1], 0.0, NOISE, rng);
        let lengths: Vec<usize> = (0..batch).map(|_| rng.random_range(least..=most)).collect();
        let classes = Tensor::from_fn([batch, 1], |b| if b % 2 == 0 { 1.0 } else { -1.0 });
        for (b, &length) in lengths.iter().enumerate() {
            let class = classes.as_slice()[b];
            let entries = inputs.as_mut_slice()[b..].iter_mut().step_by(batch).take(length);
            match self {
                Self::Latch => entries.take(1).for_each(|x| *x = class),
                Self::TwoSequence => entries.take(3).for_each(|x| *x = class),
                Self::Parity => {
                    let mut parity = class; // the remaining entries give this; a 1 flips it
                    for (t, x) in entries.enumerate() {
                        let is_last = t + 1 == length;
                        let is_one = if is_last { parity < 0.0 } else { rng.random() };
                        *x = if is_one { 1.0 } else { -1.0 };
                        parity *= -*x;
                    }
                }
            }
        }
        Sequences { inputs, lengths, classes }
    }
}

impl Net {
    /// Returns the outputs `[T, B, 1]` of all steps. With noise `[T, B, units]`, units are thresholds.
    fn forward<'t>(&self, xs: Var<'t, f64>, noise: Option<Var<'t, f64>>) -> Var<'t, f64> {
        let tape = xs.tape();
        let start = tape.constant(Tensor::zeros([xs.shape()[1], 1]));
        let scan = tape.scan((xs, noise), vec![start; self.units.len()]);
        let scanned = scan.run(|(x, noise), mut ys| {
            for (index, unit) in self.units.iter().enumerate() {
                let net_input = unit.forward(Var::concat(&[&[x], &ys[..]].concat(), 1));
                ys[index] = match noise {
                    Some(noise) => threshold(net_input, noise.slice(1, index..=index)),
                    None => net_input.tanh(),
                };
            }
            (ys[ys.len() - 1], ys)
        });
        scanned.outputs
    }

    /// Returns the outputs `[B, 1]` at the ends of sequences.
    fn answers<'t>(
        &self,
        tape: &'t Tape<f64>,
        sequences: &Sequences,
        noise: Option<&Tensor<f64>>,
    ) -> Var<'t, f64> {
        let Sequences { inputs, lengths, .. } = sequences;
        let noise = noise.map(|noise| tape.constant(noise.clone()));
        let ys = self.forward(tape.constant(inputs.clone()), noise);
        let [steps, batch] = [0, 1].map(|axis| inputs.shape()[axis]);
        let end = |(b, length): (usize, &usize)| (length - 1) * batch + b;
        let ends: Vec<usize> = lengths.iter().enumerate().map(end).collect();
        ys.reshape([steps * batch, 1]).gather_rows(&ends)
    }
}

impl Sequences {
    /// Returns the number of sequences.
    pub(crate) fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Returns sequence `index` alone.
    pub(crate) fn one(&self, index: usize) -> Self {
        let length = self.lengths[index];
        Self {
            inputs: self.inputs.slice(0, ..length).slice(1, index..=index),
            lengths: vec![length],
            classes: self.classes.slice(0, index..=index),
        }
    }

    /// Draws the noise of threshold units for these sequences; `None` for other units.
    pub(crate) fn noise(&self, rng: &mut impl Rng, net: &Net) -> Option<Tensor<f64>> {
        let [steps, batch] = [0, 1].map(|axis| self.inputs.shape()[axis]);
        let shape = [steps, batch, net.units.len()];
        (net.unit == Unit::Threshold).then(|| Tensor::uniform(shape, 0.0, 1.0, rng))
    }

    /// Returns the sum of half the squared errors at the ends.
    pub(crate) fn objective<'t>(
        &self,
        net: &Net,
        tape: &'t Tape<f64>,
        noise: Option<&Tensor<f64>>,
    ) -> Objective<'t, f64> {
        Objective::squares(net.answers(tape, self, noise) - &self.classes)
    }

    /// Returns the number of sequences whose answer differs from the class by `tolerance` or more, as an objective.
    pub(crate) fn wrong<'t>(
        &self,
        net: &Net,
        tape: &'t Tape<f64>,
        tolerance: f64,
    ) -> Objective<'t, f64> {
        let steps = self.inputs.shape()[0];
        let zeros = Tensor::zeros([steps, self.count(), net.units.len()]);
        let noise = (net.unit == Unit::Threshold).then_some(&zeros);
        let errors = (net.answers(tape, self, noise) - &self.classes).abs();
        Objective::loss(errors.ge(tolerance).sum_all())
    }
}
