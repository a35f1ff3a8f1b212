//! Many networks at once, which learn and answer sequences by one scan.

use bptt::prelude::*;

use super::architecture::Architecture;
use super::step::{Learner, Lesson, Net, Pass};

/// A sequence that a network reads.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// `[T, I]`
    pub(crate) inputs: Vec<f64>,
    /// What outputs are taught at the last steps, `[L, O]` with `L ≤ T`.
    pub(crate) targets: Vec<f64>,
    /// What outputs are compared with at the last steps, `[J, O]` with `J ≤ T`.
    pub(crate) expected: Vec<f64>,
}

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

    /// Opens the input gates of a network, or shuts them, so that its cells have no influence and do not learn.
    pub(crate) fn open_input_gates(&mut self, net: usize, is_open: bool) {
        let Architecture { blocks, .. } = *self.architecture;
        let (gates, reads) = (self.architecture.cells(), self.architecture.reads());
        let weights = self.architecture.hidden_size() * reads;
        let weights = &mut self.hidden.as_mut_slice()[net * weights..][..weights];
        for gate in weights.chunks_exact_mut(reads).skip(gates).take(blocks) {
            gate[reads - 1] += if is_open { 50.0 } else { -50.0 };
        }
    }

    /// Returns some of the networks.
    pub(crate) fn gather(&self, nets: &[usize]) -> Self {
        let [hidden, output] = [&self.hidden, &self.output].map(|it| it.gather_rows(nets));
        Self { architecture: self.architecture, hidden, output }
    }

    /// Presents sequences to each network, `sequences[network][..]`, with an update at each step that has a target. A
    /// sequence begins with the first state. Returns the outputs at the steps that are judged, `[J, O]` for each
    /// sequence.
    pub(crate) fn learn(&mut self, sequences: &[Vec<Sequence>], rate: f64) -> Vec<Vec<Vec<f64>>> {
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

/// What `B` networks read at all `T` steps of their sequences, one after the other. A network that has less to read ends
/// with zeros.
struct Entries {
    steps: usize,
    nets: usize,
    /// `[T, B, I]`
    x: Vec<f64>,
    /// `[T, B, 1]`
    keep: Vec<f64>,
    /// `[T, B, O]`
    targets: Vec<f64>,
    /// `[T, B, 1]`
    rates: Vec<f64>,
}

impl Entries {
    fn of(sequences: &[Vec<Sequence>], architecture: &Architecture, rate: f64) -> Self {
        let Architecture { inputs, outputs, .. } = *architecture;
        let nets = sequences.len();
        let total = |sequences: &Vec<Sequence>| sequences.iter().map(|it| it.steps(inputs)).sum();
        let steps: usize = sequences.iter().map(total).max().unwrap_or(0);
        let mut x = vec![0.0; steps * nets * inputs];
        let mut targets = vec![0.0; steps * nets * outputs];
        let (mut keep, mut rates) = (vec![1.0; steps * nets], vec![0.0; steps * nets]);
        for (net, sequences) in sequences.iter().enumerate() {
            let mut begin = 0;
            for sequence in sequences {
                let end = begin + sequence.steps(inputs);
                keep[begin * nets + net] = 0.0;
                for (step, entry) in (begin..).zip(sequence.inputs.chunks_exact(inputs)) {
                    x[(step * nets + net) * inputs..][..inputs].copy_from_slice(entry);
                }
                let taught = end - sequence.targets.len() / outputs;
                for (step, entry) in (taught..).zip(sequence.targets.chunks_exact(outputs)) {
                    targets[(step * nets + net) * outputs..][..outputs].copy_from_slice(entry);
                    rates[step * nets + net] = rate;
                }
                begin = end;
            }
        }
        Self { steps, nets, x, keep, targets, rates }
    }

    fn constant<'t>(&self, tape: &'t Tape<f64>, values: &[f64]) -> Var<'t, f64> {
        let width = values.len() / (self.steps * self.nets);
        tape.constant(Tensor::from_slice([self.steps, self.nets, width], values))
    }
}

impl Sequence {
    fn steps(&self, inputs: usize) -> usize {
        self.inputs.len() / inputs
    }
}

/// Returns the outputs `[T, B, O]` at the steps that are judged, `[J, O]` for each sequence of each network.
fn judged(
    sequences: &[Vec<Sequence>],
    &Architecture { inputs, outputs, .. }: &Architecture,
    answers: &Tensor<f64>,
) -> Vec<Vec<Vec<f64>>> {
    let (nets, answers) = (sequences.len(), answers.as_slice());
    let of_net = |(net, sequences): (usize, &Vec<Sequence>)| {
        let mut end = 0;
        let of_sequence = |sequence: &Sequence| {
            end += sequence.steps(inputs);
            let judged = end - sequence.expected.len() / outputs..end;
            let at = |step: usize| &answers[(step * nets + net) * outputs..][..outputs];
            judged.flat_map(at).copied().collect()
        };
        sequences.iter().map(of_sequence).collect()
    };
    sequences.iter().enumerate().map(of_net).collect()
}

#[cfg(test)]
mod tests {
    use bptt::prelude::*;
    use bptt::trainers::online::{OnlineLearner, Traces};

    use super::{Nets, Sequence};
    use crate::common::nets_of_1997::architecture::{Architecture, Bias, Signal, Squash};

    static NETS: Architecture = Architecture {
        inputs: 3,
        blocks: 2,
        block_size: 2,
        outputs: 2,
        range: 0.5,
        input_gates: Bias::Each(&[-0.5, 0.5]),
        output_gates: Bias::Random,
        cells: Bias::Random,
        output: Bias::Random,
        start: 0.0,
        is_recurrent: true,
        has_shortcuts: false,
        g: Squash::Within(2.0),
        h: Squash::Within(1.0),
        signal: Signal::Squared,
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

    /// With an error at the last step alone, the weights are constant in a sequence, and the update is the gradient by
    /// back-propagation through time of the library's truncated cell.
    #[test]
    fn an_update_is_the_gradient_of_the_library() {
        let rng = &mut bptt::rng(1);
        let draw = |rng: &mut _, steps: usize| Sequence {
            inputs: Tensor::normal([steps * 3], 0.0, 1.0, rng).to_vec(),
            targets: vec![0.2, 0.9],
            expected: vec![0.2, 0.9],
        };
        let mut nets = nets(&[2, 3]);
        for _ in 0..3 {
            let sequences = [vec![draw(rng, 9)], vec![draw(rng, 7)]];
            let before = nets.clone();
            let answers = nets.learn(&sequences, 0.1);
            for net in 0..2 {
                let mut layer = layer(&before.gather(&[net]));
                let Sequence { inputs, targets, .. } = &sequences[net][0];
                let tape = Tape::new();
                let xs = Tensor::from_slice([inputs.len() / 3, 1, 3], inputs);
                let start = layer.start(&tape, 1);
                let ys = Recurrence::new(&layer).last(tape.constant(xs), start).0;
                let errors = ys - &Tensor::from_slice([1, 2], targets);
                let gradients = tape.backward(errors.square().sum_all() * 0.5);
                let same =
                    |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
                assert!(same(&answers[net][0], ys.value().as_slice()));
                assert_eq!(before.answer(&sequences)[net], answers[net]);
                Sgd::new(0.1).step(&mut layer, &gradients);
                let expected = self::layer(&nets.gather(&[net]));
                for ((name, found), (_, expected)) in
                    layer.parameters().into_iter().zip(expected.parameters())
                {
                    assert!(same(found.value().as_slice(), expected.value().as_slice()), "{name}");
                }
            }
        }
    }

    /// With errors at every step, the weights change while the traces grow. The library's traces of the cell state give the
    /// same updates for blocks of one cell.
    #[test]
    fn an_update_at_each_step_is_that_of_the_library() {
        let architecture = Architecture {
            blocks: 3,
            block_size: 1,
            output_gates: Bias::Random,
            input_gates: Bias::Random,
            ..NETS
        };
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
                let found = found.value().iter().zip(expected.value().iter());
                assert!(found.into_iter().all(|(a, b)| (a - b).abs() < 1e-12), "{name}");
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
