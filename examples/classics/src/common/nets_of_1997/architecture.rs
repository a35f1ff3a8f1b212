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
    pub(crate) input_gates: Bias,
    pub(crate) output_gates: Bias,
    pub(crate) cells: Bias,
    pub(crate) output: Bias,
    /// The activation of the hidden units before the first step of a sequence.
    pub(crate) start: f64,
    /// Whether cells and gates read the hidden units of the step before.
    pub(crate) is_recurrent: bool,
    /// Whether the outputs read the inputs as well.
    pub(crate) has_shortcuts: bool,
    /// The function of a cell's input.
    pub(crate) g: Squash,
    /// The function of a cell's state.
    pub(crate) h: Squash,
    pub(crate) signal: Signal,
}

/// The biases of the units of a kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bias {
    None,
    /// As the other weights.
    Random,
    /// One for each block.
    Each(&'static [f64]),
    /// The gates are always open, and have no weights to learn.
    Open,
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
        let inputs = if self.has_shortcuts { self.inputs } else { 0 };
        self.cells() + inputs + usize::from(self.output != Bias::None)
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
            match self.bias_of(unit) {
                (Bias::Each(values), block) => weights[bias] = values[block],
                (Bias::Open, _) => weights[bias] = 50.0, // σ(50) = 1
                (Bias::None | Bias::Random, _) => {}
            }
        }
        [hidden, Tensor::uniform([self.outputs, self.output_reads()], low, high, rng)]
    }

    /// Returns which weights of the hidden units exist, `[H, U]`, as zeros and ones.
    pub(crate) fn learnable(&self) -> Tensor<f64> {
        let (units, bias) = (self.reads(), self.reads() - 1);
        let exists = |entry: usize| {
            let (unit, read) = (entry / units, entry % units);
            match self.bias_of(unit).0 {
                Bias::Open => false,
                Bias::None if read == bias => false,
                _ => read < self.inputs || read == bias || self.is_recurrent,
            }
        };
        Tensor::from_fn([self.hidden_size(), units], |entry| f64::from(exists(entry)))
    }

    /// The bias of a hidden unit, and its block.
    fn bias_of(&self, unit: usize) -> (Bias, usize) {
        match unit.checked_sub(self.cells()) {
            None => (self.cells, unit % self.blocks),
            Some(gate) if gate < self.blocks => (self.input_gates, gate),
            Some(gate) => (self.output_gates, gate - self.blocks),
        }
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
