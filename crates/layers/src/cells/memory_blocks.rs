//! Long short-term memory as it was published.

use bptt_autodiff::{Param, Var};
use bptt_tensor::{Scalar, Tensor};
use rand::Rng;

use super::options::Gate;
use super::options::{activation_options, bias_options, part};
use super::parameters::{input_weight, recurrent_weight, zeros};
use crate::activation::Activation;
use crate::core::cell::StateSizes;
use crate::core::module::Module;
use crate::core::noise::step_without_noise;
use crate::core::noise::{Noise, NoisyCell};
use crate::core::options::init_options;
use crate::feedforward::linear::Linear;
use crate::feedforward::linear::biased;

/// The LSTM network as published (Hochreiter and Schmidhuber 1997): `M` memory blocks, each of `S`
/// cells that share an input gate and an output gate.
///
/// ```text
/// r₋ = [y₋, i₋, o₋]                             what every unit reads of the step before
/// z = g(x W_z + r₋ R_z + b_z)                   g(a) = 4 σ(a) − 2
/// i, o = σ(x W_{i,o} + r₋ R_{i,o} + b_{i,o})    one of each a block
/// c = c₋ + î ⊙ z                                the constant error carousel
/// y = ô ⊙ h(c)                                  h(a) = 2 σ(a) − 1
/// k = σ(y V + d)                                the output units, if there are
/// ```
///
/// `î`, `ô: [B, M·S]` repeat a block's gate for its cells. Of the `N = M·S + 2M` units, cells and gates
/// alike read all: `x: [B, I]`, `W: [I, N]`, `R: [N, N]`, the columns of `z`, `i`, `o` side by side, and
/// `V: [M·S, O]`. `z`, `c`, `y: [B, M·S]`; `i`, `o: [B, M]`. The state is `(r, c)`; the output is `y`, or `k`.
///
/// `N·(I + N) + M·S·O` weights, and biases where they are asked for: of the gates (`2M`), the cells
/// (`M·S`) and the outputs (`O`). The paper's experiments differ in them; it has 264 weights for four
/// blocks of one cell with 7 inputs, 7 outputs and biased gates.
///
/// With [`truncated`](Self::truncated) the gradient is the paper's. In the later literature's terms,
/// [`Lstm1997`](crate::Lstm1997) is this cell with `S = 1`, without connections from gates, and with `tanh`.
#[derive(Clone, Debug, Module)]
pub struct MemoryBlocks<T> {
    /// `W: [I, N]`
    pub w: Param<T>,
    /// `R: [N, N]`
    pub r: Param<T>,
    /// `b_z: [M·S]`, if the cells have biases.
    pub b_cells: Option<Param<T>>,
    /// `b_{i,o}: [2M]`, if the gates have biases.
    pub b_gates: Option<Param<T>>,
    /// `V` and `d`, if there are output units.
    pub output: Option<Linear<T>>,
    #[module(skip)]
    blocks: usize,
    #[module(skip)]
    block_size: usize,
    #[module(skip)]
    truncated: bool,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// `g`.
    #[module(skip)]
    pub candidate_activation: Activation<T>,
    /// `h`.
    #[module(skip)]
    pub state_activation: Activation<T>,
    /// The function of the output units, by default `σ`.
    #[module(skip)]
    pub output_activation: Activation<T>,
}

impl<T: Scalar> MemoryBlocks<T> {
    /// `blocks` memory blocks of `block_size` cells, without biases or output units. `W` starts from
    /// [`Init::Xavier`](crate::Init::Xavier) and `R` orthogonal.
    ///
    /// # Panics
    ///
    /// If there is no block, or none has a cell.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, blocks: usize, block_size: usize) -> Self {
        assert!(
            blocks > 0 && block_size > 0,
            "memory blocks: {blocks} blocks of {block_size} cells hold nothing"
        );
        let units = blocks * (block_size + 2);
        Self {
            w: input_weight(rng, 1, [input_size, units]),
            r: recurrent_weight(rng, 1, [units, units]),
            b_cells: None,
            b_gates: None,
            output: None,
            blocks,
            block_size,
            truncated: false,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Custom(|a| a.sigmoid() * 4.0 - 2.0),
            state_activation: Activation::Custom(|a| a.sigmoid() * 2.0 - 1.0),
            output_activation: Activation::Sigmoid,
        }
    }

    /// With biases of the gates. Below zero, the paper's choice, an input gate starts closed, which
    /// keeps a fresh cell from drifting, and an output gate lets others learn first.
    #[must_use]
    pub fn gate_biases(mut self, input_gates: f64, output_gates: f64) -> Self {
        let blocks = self.blocks;
        let bias = |i: usize| T::of(if i < blocks { input_gates } else { output_gates });
        self.b_gates = Some(Param::new(Tensor::from_fn([2 * blocks], bias)));
        self
    }

    /// With biases of the cells, of zero.
    #[must_use]
    pub fn cell_biases(mut self) -> Self {
        self.b_cells = Some(zeros([self.cells()]));
        self
    }

    /// With output units, which read the cells' outputs of the same step.
    #[must_use]
    pub fn output(mut self, output: Linear<T>) -> Self {
        self.output = Some(output);
        self
    }

    /// With the paper's truncated gradient: no error flows back into the step before through net inputs,
    /// but along the carousel alone. So `∂c_t/∂c_{t−1}` is exactly the identity.
    #[must_use]
    pub fn truncated(mut self) -> Self {
        self.truncated = true;
        self
    }

    activation_options! {
        gate_activation: "of the gates, by default `σ`";
        candidate_activation: "`g`";
        state_activation: "`h`";
        output_activation: "of the output units, by default `σ`";
    }

    init_options! {
        input_init: "`W`", |cell| [(&mut cell.w, 1)];
        recurrent_init: "`R`", |cell| [(&mut cell.r, 1)];
        bias_init: "the biases of cells and gates, if there are any", |cell| {
            cell.b_cells.iter_mut().chain(&mut cell.b_gates).map(|b| (b, 1))
        };
    }

    bias_options!(|cell, gate| match gate {
        Gate::Candidate => part(cell.b_cells.as_mut(), &[gate], gate),
        _ => part(cell.b_gates.as_mut(), &[Gate::Input, Gate::Output], gate),
    });

    /// A gate of each block `[B, M]` for each cell, `[B, M·S]`.
    #[track_caller]
    fn of_cells<'t>(&self, gates: Var<'t, T>) -> Var<'t, T> {
        if self.block_size == 1 {
            return gates;
        }
        let (cells, size) = (self.cells(), self.block_size);
        let is_in_block = |i: usize| T::of(f64::from(i / cells == i % cells / size));
        gates.matmul(&Tensor::from_fn([self.blocks, cells], is_in_block))
    }
}

impl<T> MemoryBlocks<T> {
    fn cells(&self) -> usize {
        self.blocks * self.block_size
    }
}

step_without_noise!(MemoryBlocks, (Var<'t, T>, Var<'t, T>));

impl<T: Scalar> NoisyCell<T> for MemoryBlocks<T> {
    fn noisy_step<'t>(
        &self,
        x: Var<'t, T>,
        (r, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let cells = self.cells();
        let r = if self.truncated { r.stop_gradient() } else { r };
        let net = x.matmul(&self.w) + noise.read(0, r).matmul(&self.r);
        let z = biased(net.slice(-1, 0..cells), self.b_cells.as_ref());
        let gates = net.slice(-1, cells..cells + 2 * self.blocks);
        let gates = biased(gates, self.b_gates.as_ref());
        let [i, o] = self.gate_activation.apply(gates).split();
        let c = c + self.of_cells(i) * noise.written(1, self.candidate_activation.apply(z));
        let y = self.of_cells(o) * self.state_activation.apply(c);
        let r = Var::concat(&[y, i, o], -1);
        let output = match &self.output {
            Some(output) => self.output_activation.apply(output.forward(y)),
            None => y,
        };
        (output, (r, c))
    }
}

impl<T> StateSizes for MemoryBlocks<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.r.shape()[0], self.cells()]
    }
}
