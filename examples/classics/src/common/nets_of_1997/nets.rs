//! Many networks at once, which learn and answer sequences by one scan.

use bptt::prelude::*;

use super::architecture::{Architecture, Update};
use super::entries::{Entries, Sequence, judged};
use super::step::{Learner, Lesson, Net, Pass};

/// The weights of `B` networks of an architecture. Each network learns by itself.
#[derive(Clone, Debug)]
pub(crate) struct Nets<'a> {
    architecture: &'a Architecture,
    /// `[B, H, U]`
    hidden: Tensor<f64>,
    /// `[B, O, R]`
    output: Tensor<f64>,
}

impl<'a> Nets<'a> {
    /// Creates no network yet.
    pub(crate) fn new(architecture: &'a Architecture) -> Self {
        let zeros = |rows: usize, reads: usize| Tensor::zeros([0, rows, reads]);
        Self {
            architecture,
            hidden: zeros(architecture.hidden_size(), architecture.reads()),
            output: zeros(architecture.outputs, architecture.output_reads()),
        }
    }

    /// Adds a network with initial weights.
    pub(crate) fn push(&mut self, rng: &mut impl Rng) {
        let [hidden, output] = self.architecture.weights(rng);
        for (all, new) in [(&mut self.hidden, hidden), (&mut self.output, output)] {
            let shape = [1, new.shape()[0], new.shape()[1]];
            *all = Tensor::concat(&[all.clone(), new.reshape(shape)], 0);
        }
    }

    /// Adds a number to the biases of the gates of a network's block.
    pub(crate) fn move_biases(&mut self, net: usize, block: usize, by: f64) {
        let Architecture { blocks, .. } = *self.architecture;
        let [units, reads] = [self.hidden.shape()[1], self.hidden.shape()[2]];
        for gate in [block, blocks + block] {
            let unit = net * units + self.architecture.cells() + gate;
            self.hidden.as_mut_slice()[(unit + 1) * reads - 1] += by;
        }
    }

    /// Returns some of the networks.
    pub(crate) fn gather(&self, nets: &[usize]) -> Self {
        let [hidden, output] = [&self.hidden, &self.output].map(|it| it.gather_rows(nets));
        Self { architecture: self.architecture, hidden, output }
    }

    /// Presents sequences to each network, `sequences[network][..]`, with updates of its weights. A sequence begins with the
    /// first state. Returns the outputs at the steps that are judged, `[J, O]` for each sequence.
    pub(crate) fn learn(&mut self, sequences: &[Vec<Sequence>], rate: f64) -> Vec<Vec<Vec<f64>>> {
        if self.architecture.update == Update::Online {
            return self.learn_by_steps(sequences, rate);
        }
        let mut answers = vec![Vec::new(); sequences.len()];
        for round in 0..sequences.iter().map(Vec::len).max().unwrap_or(0) {
            let of_net = |sequences: &Vec<Sequence>| sequences.get(round).cloned();
            let presented: Vec<_> = sequences.iter().map(|it| Vec::from_iter(of_net(it))).collect();
            let answered = self.learn_by_sequences(&presented, rate);
            answers.iter_mut().zip(answered).for_each(|(all, new)| all.extend(new));
        }
        answers
    }

    /// Changes the weights after each step that has a target.
    fn learn_by_steps(&mut self, sequences: &[Vec<Sequence>], rate: f64) -> Vec<Vec<Vec<f64>>> {
        let architecture = self.architecture;
        let entries = Entries::of(sequences, architecture, rate);
        let tape = Tape::inference();
        let traces = [entries.nets, architecture.cells(), architecture.reads()];
        let start = Learner {
            net: self.start(&tape),
            cell_traces: tape.constant(Tensor::zeros(traces)),
            gate_traces: tape.constant(Tensor::zeros(traces)),
        };
        let lesson = Lesson {
            x: entries.constant(&tape, &entries.x),
            keep: entries.constant(&tape, &entries.keep),
            target: entries.constant(&tape, &entries.targets),
            rate: entries.constant(&tape, &entries.rates),
        };
        let scan = tape.scan(lesson, start);
        let scanned = scan.run(|lesson, learner| architecture.learn(lesson, learner));
        self.hidden = scanned.state.net.hidden.value();
        self.output = scanned.state.net.output.value();
        judged(sequences, architecture, &scanned.outputs.value())
    }

    /// Changes the weights after the last step, by the gradient of the errors of all steps.
    fn learn_by_sequences(&mut self, sequences: &[Vec<Sequence>], rate: f64) -> Vec<Vec<Vec<f64>>> {
        let architecture = self.architecture;
        let is_truncated = architecture.update == Update::Sequence;
        let entries = Entries::of(sequences, architecture, rate);
        let tape = Tape::new();
        let weights @ [hidden, output] =
            [&self.hidden, &self.output].map(|it| tape.variable(it.clone()));
        let Net { h, c, .. } = self.start(&tape);
        let xs = [&entries.x, &entries.keep].map(|values| entries.constant(&tape, values));
        let scan = tape.scan((xs[0], xs[1]), (h, c));
        let net_k = scan
            .run(|(x, keep), (h, c)| {
                let h = if is_truncated { h.stop_gradient() } else { h };
                let pass = architecture.forward(x, keep, Net { hidden, output, h, c });
                (pass.net_k, (pass.net.h, pass.net.c))
            })
            .outputs;
        let k = architecture.signal.outputs(net_k);
        let target = entries.constant(&tape, &entries.targets);
        let rates = entries.constant(&tape, &entries.rates);
        let error = architecture.signal.error(k, target) * rates;
        let changes = tape.vjp(&[(net_k, error)], &weights);
        let changes = [changes[0] * &architecture.learnable(), changes[1]];
        [self.hidden, self.output] = [0, 1].map(|it| (weights[it] - changes[it]).value());
        judged(sequences, architecture, &k.value())
    }

    /// Presents sequences to each network without an update. Returns what [`learn`](Self::learn) returns.
    pub(crate) fn answer(&self, sequences: &[Vec<Sequence>]) -> Vec<Vec<Vec<f64>>> {
        let architecture = self.architecture;
        let entries = Entries::of(sequences, architecture, 0.0);
        let tape = Tape::inference();
        let xs = [&entries.x, &entries.keep].map(|values| entries.constant(&tape, values));
        let scan = tape.scan((xs[0], xs[1]), self.start(&tape));
        let scanned = scan.run(|(x, keep), net| {
            let Pass { k, net, .. } = architecture.forward(x, keep, net);
            (k, net)
        });
        judged(sequences, architecture, &scanned.outputs.value())
    }

    /// The networks on a tape, with a state of zeros, which the first step of a sequence replaces.
    fn start<'t>(&self, tape: &'t Tape<f64>) -> Net<'t> {
        let nets = self.hidden.shape()[0];
        let zeros = |size: usize| tape.constant(Tensor::zeros([nets, size]));
        Net {
            hidden: tape.constant(self.hidden.clone()),
            output: tape.constant(self.output.clone()),
            h: zeros(self.architecture.hidden_size()),
            c: zeros(self.architecture.cells()),
        }
    }
}

#[cfg(test)]
mod tests;
