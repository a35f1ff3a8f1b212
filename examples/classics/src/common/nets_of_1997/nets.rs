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
mod tests {
    use bptt::prelude::*;
    use bptt::trainers::online::{OnlineLearner, Traces};

    use super::{Nets, Sequence};
    use crate::common::nets_of_1997::architecture::{Architecture, Gates, Update};
    use crate::common::nets_of_1997::experiments::COMMON;

    static NETS: Architecture = Architecture {
        inputs: 3,
        outputs: 2,
        range: 0.5,
        input_gates: Gates::Each(&[-0.5, 0.5]),
        ..COMMON
    };

    fn nets(seeds: &[u64]) -> Nets<'static> {
        let mut nets = Nets::new(&NETS);
        seeds.iter().for_each(|&seed| nets.push(&mut bptt::rng(seed)));
        nets
    }

    /// The same network as a layer of the library, where the cells of a block are neighbours.
    fn layer(nets: &Nets<'_>) -> MemoryBlocks<f64> {
        let architecture = nets.architecture;
        let (rng, cells) = (&mut bptt::rng(0), architecture.cells());
        let place = |cell: usize| {
            cell % architecture.block_size * architecture.blocks + cell / architecture.block_size
        };
        let cell_order: Vec<usize> = (0..cells).map(place).collect();
        let order: Vec<usize> =
            cell_order.iter().copied().chain(cells..architecture.hidden_size()).collect();
        let [hidden, output] = [&nets.hidden, &nets.output].map(|it| it.index_first(0));
        let hidden = hidden.gather_rows(&order).transpose(0, 1); // [U, H]
        let output = output.transpose(0, 1); // [R, O]
        let mut readout = Linear::new(rng, cells, architecture.outputs);
        readout.w.set(output.gather_rows(&cell_order));
        readout.b.as_mut().expect("a bias").set(output.index_first(cells));
        let mut layer = MemoryBlocks::new(
            rng,
            architecture.inputs,
            architecture.blocks,
            architecture.block_size,
        )
        .gate_biases(0.0, 0.0)
        .cell_biases()
        .output(readout)
        .truncated(true);
        layer.w_ih.set(hidden.slice(0, ..architecture.inputs));
        let recurrent = hidden.slice(0, architecture.inputs..architecture.reads() - 1);
        layer.w_hh.set(recurrent.gather_rows(&order));
        let biases = hidden.index_first(architecture.reads() - 1);
        layer.b_g.as_mut().expect("cells have biases").set(biases.slice(0, ..cells));
        layer.b_io.as_mut().expect("gates have biases").set(biases.slice(0, cells..));
        layer
    }

    /// With an error at the last step alone, or with an update after the sequence, the weights are constant in a sequence. Then
    /// the update is the gradient by back-propagation through time of the library's cell.
    #[test]
    fn an_update_is_the_gradient_of_the_library() {
        for (update, is_truncated, taught) in [
            (Update::Online, true, 1),
            (Update::Sequence, true, 5),
            (Update::FullGradient, false, 5),
        ] {
            let architecture = Architecture { update, ..NETS };
            let mut nets = Nets::new(&architecture);
            [2, 3].iter().for_each(|&seed| nets.push(&mut bptt::rng(seed)));
            let rng = &mut bptt::rng(1);
            for _ in 0..3 {
                let sequences = [9, 7].map(|steps| vec![draw(rng, steps, taught)]);
                let before = nets.clone();
                let answers = nets.learn(&sequences, 0.1);
                for net in 0..2 {
                    let mut layer = layer(&before.gather(&[net])).truncated(is_truncated);
                    let Sequence { inputs, targets, .. } = &sequences[net][0];
                    let (steps, tape) = (inputs.len() / 3, Tape::new());
                    let xs = tape.constant(Tensor::from_slice([steps, 1, 3], inputs));
                    let ys = Recurrence::new(&layer).run(xs, layer.start(&tape, 1)).0;
                    let ys = ys.slice(0, steps - taught..);
                    let errors = ys - &Tensor::from_slice([taught, 1, 2], targets);
                    let gradients = tape.backward(errors.square().sum_all() * 0.5);
                    assert_near(&answers[net][0], ys.value().as_slice(), "answers");
                    assert_eq!(before.answer(&sequences)[net], answers[net]);
                    Sgd::new(0.1).step(&mut layer, &gradients);
                    let expected = self::layer(&nets.gather(&[net]));
                    for ((name, found), (_, expected)) in
                        layer.parameters().into_iter().zip(expected.parameters())
                    {
                        let [found, expected] = [found, expected].map(|it| it.value().to_vec());
                        assert_near(&found, &expected, &format!("{update:?}, {name}"));
                    }
                }
            }
        }
    }

    /// A sequence whose last `taught` steps have targets.
    fn draw(rng: &mut impl Rng, steps: usize, taught: usize) -> Sequence {
        let targets = Tensor::uniform([taught * 2], 0.0, 1.0, rng).to_vec();
        let inputs = Tensor::normal([steps * 3], 0.0, 1.0, rng).to_vec();
        Sequence { inputs, expected: targets.clone(), targets }
    }

    fn assert_near(found: &[f64], expected: &[f64], of: &str) {
        let is_near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(found.len() == expected.len() && found.iter().zip(expected).all(is_near), "{of}");
    }

    /// With errors at every step, the weights change while the traces grow. The library's traces of the cell state give the
    /// same updates for blocks of one cell.
    #[test]
    fn an_update_at_each_step_is_that_of_the_library() {
        let architecture =
            Architecture { blocks: 3, block_size: 1, input_gates: Gates::Random, ..NETS };
        let mut nets = Nets::new(&architecture);
        nets.push(&mut bptt::rng(7));
        let mut layer = layer(&nets);
        let rng = &mut bptt::rng(8);
        let mut optimizer = Sgd::new(0.2);
        for steps in [6, 9] {
            let xs = Tensor::<f64>::normal([steps, 3], 0.0, 1.0, rng);
            let targets = Tensor::<f64>::uniform([steps, 2], 0.0, 1.0, rng);
            let mut learner = Traces::of(["state.1"]);
            for step in 0..steps {
                let target = targets.slice(0, step..=step);
                let x = xs.slice(0, step..=step);
                let learned = learner.step(&layer, &x, &|y| squared_error(y, &target));
                let gradients = learned.expect("finite").gradients;
                optimizer.step(&mut layer, &gradients);
            }
            let sequence = Sequence {
                inputs: xs.to_vec(),
                targets: targets.to_vec(),
                expected: targets.to_vec(),
            };
            nets.learn(&[vec![sequence]], 0.2);
            let expected = self::layer(&nets);
            for ((name, found), (_, expected)) in
                layer.parameters().into_iter().zip(expected.parameters())
            {
                assert_near(found.value().as_slice(), expected.value().as_slice(), &name);
            }
        }
    }

    fn squared_error<'t>(y: Var<'t, f64>, target: &Tensor<f64>) -> Var<'t, f64> {
        (y - target).square().sum_all() * 0.5
    }

    /// A network does not depend on the others of its batch, nor on how its sequences are divided over calls of `learn`.
    #[test]
    fn networks_learn_alone() {
        let rng = &mut bptt::rng(4);
        let mut draw = |steps: usize| Sequence {
            inputs: Tensor::normal([steps * 3], 0.0, 1.0, rng).to_vec(),
            targets: Tensor::uniform([steps * 2], 0.0, 1.0, rng).to_vec(),
            expected: vec![0.0; 2],
        };
        let sequences = vec![draw(5), draw(8), draw(1)];
        let (mut together, mut alone) = (nets(&[5, 6]), nets(&[6]));
        let answers = together.learn(&[vec![draw(20)], sequences.clone()], 0.3);
        for (sequence, answer) in sequences.into_iter().zip(&answers[1]) {
            assert_eq!(&alone.learn(&[vec![sequence]], 0.3)[0][0], answer);
        }
        assert_eq!(alone.hidden, together.gather(&[1]).hidden);
    }
}
