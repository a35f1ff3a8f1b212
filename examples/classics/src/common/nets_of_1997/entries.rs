//! Sequences, laid out for a scan of many networks.

use bptt::prelude::*;

use super::architecture::Architecture;

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

/// What `B` networks read at all `T` steps of their sequences, one after the other. A network that has less to read ends
/// with zeros.
pub(super) struct Entries {
    steps: usize,
    pub(super) nets: usize,
    /// `[T, B, I]`
    pub(super) x: Vec<f64>,
    /// `[T, B, 1]`
    pub(super) keep: Vec<f64>,
    /// `[T, B, O]`
    pub(super) targets: Vec<f64>,
    /// `[T, B, 1]`
    pub(super) rates: Vec<f64>,
}

impl Entries {
    pub(super) fn of(sequences: &[Vec<Sequence>], architecture: &Architecture, rate: f64) -> Self {
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

    pub(super) fn constant<'t>(&self, tape: &'t Tape<f64>, values: &[f64]) -> Var<'t, f64> {
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
pub(super) fn judged(
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
