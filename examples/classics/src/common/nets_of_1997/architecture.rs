//! What the paper's tables of conditions say of a network, and what it leaves open.

use bptt::prelude::*;

/// A network of memory blocks (Hochreiter and Schmidhuber 1997), and the signal that teaches it.
#[derive(Clone, Debug)]
pub(crate) struct Architecture {
    pub(crate) inputs: usize,
    pub(crate) blocks: usize,
    pub(crate) block_size: usize,
    pub(crate) outputs: usize,
    /// Initial weights are uniform between −`range` and `range`.
    pub(crate) range: f64,
    pub(crate) input_gates: Gates,
    pub(crate) output_gates: Gates,
    pub(crate) has_cell_biases: bool,
    pub(crate) has_output_biases: bool,
    /// The activation of the hidden units before the first step of a sequence.
    pub(crate) start: f64,
    /// Whether a cell adds to its state. Otherwise the state is the new input alone. With open gates, a logistic `g` and `h` the
    /// identity, the network is then that of Elman (1990).
    pub(crate) has_memory: bool,
    /// Whether cells and gates read the hidden units of the step before.
    pub(crate) is_recurrent: bool,
    pub(crate) shortcuts: Shortcuts,
    /// The function of a cell's input.
    pub(crate) g: Squash,
    /// The function of a cell's state.
    pub(crate) h: Squash,
    pub(crate) signal: Signal,
    pub(crate) update: Update,
}

/// The gates of a kind, by the biases that they begin with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Gates {
    Unbiased,
    /// Biases are drawn as the other weights.
    Random,
    /// A bias for each block.
    Each(&'static [f64]),
    /// The gates are always open. They have no weights, and nothing reads them.
    Open,
}

/// The weights from inputs to outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortcuts {
    None,
    /// They are drawn as the other weights.
    Random,
    /// They begin with 0.
    Zero,
}

/// When weights change, and by which gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// After each step that has a target, by the truncated gradient.
    Online,
    /// After each sequence, by the truncated gradient.
    Sequence,
    /// After each sequence, by the gradient through all steps.
    FullGradient,
}

/// A function of a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Squash {
    Identity,
    /// A logistic function between 0 and 1.
    Logistic,
    /// A logistic function between −r and r.
    Within(f64),
}

/// The outputs, and what is propagated back from their net inputs for targets `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Logistic outputs with half the squared error: `(k − t) k (1 − k)`.
    Squared,
    /// `(k − t) (k (1 − k) + 0.1)` (Fahlman 1988), which does not vanish where outputs saturate.
    Raised,
    /// Softmax outputs with the cross-entropy: `k − t`.
    CrossEntropy,
}

impl Architecture {
    pub(crate) fn cells(&self) -> usize {
        self.blocks * self.block_size
    }

    /// The cells, the input gates and the output gates.
    pub(crate) fn hidden_size(&self) -> usize {
        self.cells() + 2 * self.blocks
    }

    /// What a hidden unit reads: inputs, hidden units, and 1.
    pub(crate) fn reads(&self) -> usize {
        self.inputs + self.hidden_size() + 1
    }

    /// What an output unit reads: cells, perhaps inputs, perhaps 1.
    pub(crate) fn output_reads(&self) -> usize {
        let inputs = if self.shortcuts == Shortcuts::None { 0 } else { self.inputs };
        self.cells() + inputs + usize::from(self.has_output_biases)
    }

    /// Returns the initial weights of the hidden units, `[H, U]`, and of the output units, `[O, R]`.
    pub(crate) fn weights(&self, rng: &mut impl Rng) -> [Tensor<f64>; 2] {
        let [low, high] = [-self.range, self.range];
        let shape = [self.hidden_size(), self.reads()];
        let mut hidden = Tensor::uniform(shape, low, high, rng);
        let exists = self.learnable();
        let bias = self.reads() - 1;
        for (unit, weights) in hidden.as_mut_slice().chunks_exact_mut(shape[1]).enumerate() {
            let exists = &exists.as_slice()[unit * shape[1]..];
            weights.iter_mut().zip(exists).for_each(|(weight, exists)| *weight *= exists);
            match self.gate(unit) {
                Some((Gates::Each(values), block)) => weights[bias] = values[block],
                Some((Gates::Open, _)) => weights[bias] = 50.0, // σ(50) = 1
                _ => {}
            }
        }
        let mut output = Tensor::uniform([self.outputs, self.output_reads()], low, high, rng);
        if self.shortcuts == Shortcuts::Zero {
            let shortcuts = self.cells()..self.cells() + self.inputs;
            for weights in output.as_mut_slice().chunks_exact_mut(self.output_reads()) {
                weights[shortcuts.clone()].fill(0.0);
            }
        }
        [hidden, output]
    }

    /// Returns which weights of the hidden units exist, `[H, U]`, as zeros and ones.
    pub(crate) fn learnable(&self) -> Tensor<f64> {
        let (units, bias) = (self.reads(), self.reads() - 1);
        let has_weights = |unit: usize| !matches!(self.gate(unit), Some((Gates::Open, _)));
        let exists = |entry: usize| {
            let (unit, read) = (entry / units, entry % units);
            let is_read = if read < self.inputs {
                true
            } else if read < bias {
                self.is_recurrent && has_weights(read - self.inputs)
            } else {
                self.gate(unit).map_or(self.has_cell_biases, |it| it.0 != Gates::Unbiased)
            };
            has_weights(unit) && is_read
        };
        Tensor::from_fn([self.hidden_size(), units], |entry| f64::from(exists(entry)))
    }

    /// The kind of a hidden unit that is a gate, and its block; `None` for a cell.
    fn gate(&self, unit: usize) -> Option<(Gates, usize)> {
        let gate = unit.checked_sub(self.cells())?;
        Some(match gate.checked_sub(self.blocks) {
            None => (self.input_gates, gate),
            Some(block) => (self.output_gates, block),
        })
    }
}

impl Squash {
    pub(crate) fn apply(self, x: Var<'_, f64>) -> Var<'_, f64> {
        match self {
            Self::Identity => x,
            Self::Logistic => x.sigmoid(),
            Self::Within(bound) => x.sigmoid() * (2.0 * bound) - bound,
        }
    }
}
