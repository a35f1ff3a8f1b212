//! Long short-term memory as published in 1997: memory blocks.

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
/// g = f_g(x W_ih_g + h₋ W_hh_g + b_g)                 f_g(a) = 4 σ(a) − 2
/// i, o = σ(x W_ih_{i,o} + h₋ W_hh_{i,o} + b_{i,o})    one of each for a block
/// c = c₋ + î ⊙ g                                      the constant error carousel
/// y = ô ⊙ f_c(c)                                      f_c(a) = 2 σ(a) − 1
/// h = [y, i, o]                                       the hidden state: all units
/// k = σ(y W_ho + b_ho)                                the output units, if there are any
/// ```
///
/// `î`, `ô: [B, M·S]` repeat a block's gate for each of its cells. Cells and gates read all `H = M·S + 2M` units of
/// the step before. `x: [B, I]`, `W_ih: [I, H]`, `W_hh: [H, H]`, with the columns of `g`, `i`, `o` concatenated, and
/// `W_ho: [M·S, O]`. `g`, `c`, `y: [B, M·S]`; `i`, `o: [B, M]`. The state is `(h, c)`; the output is `y`, or `k`.
/// The paper writes `g` for `f_g` and `h` for `f_c`.
///
/// There are `H·(I + H) + M·S·O` weights. Biases are optional: `2M` for the gates, `M·S` for the cells and `O` for the
/// outputs. The paper's experiments differ in their biases. One of them has four blocks of one cell, 7 inputs, 7
/// outputs and biased gates: 264 weights.
///
/// With [`truncated`](Self::truncated), the gradient is the paper's. In the terms of later literature,
/// [`Lstm1997`](crate::Lstm1997) is this cell with `S = 1`, without connections from gates, and with `tanh`.
#[derive(Clone, Debug, Module)]
pub struct MemoryBlocks<T> {
    /// `W_ih: [I, H]`
    pub w_ih: Param<T>,
    /// `W_hh: [H, H]`
    pub w_hh: Param<T>,
    /// `b_g: [M·S]`, if the cells have biases.
    pub b_g: Option<Param<T>>,
    /// `b_{i,o}: [2M]`, if the gates have biases.
    pub b_io: Option<Param<T>>,
    /// `W_ho: [M·S, O]`, if there are output units.
    pub w_ho: Option<Param<T>>,
    /// `b_ho: [O]`, if there are output units with biases.
    pub b_ho: Option<Param<T>>,
    #[module(skip)]
    blocks: usize,
    #[module(skip)]
    block_size: usize,
    #[module(skip)]
    truncated: bool,
    /// The function of the gates, by default `σ`.
    #[module(skip)]
    pub gate_activation: Activation<T>,
    /// `f_g`
    #[module(skip)]
    pub candidate_activation: Activation<T>,
    /// `f_c`
    #[module(skip)]
    pub state_activation: Activation<T>,
    /// The function of the output units, by default `σ`.
    #[module(skip)]
    pub output_activation: Activation<T>,
}

impl<T: Scalar> MemoryBlocks<T> {
    /// Creates `blocks` memory blocks of `block_size` cells, without biases or output units. `W_ih` starts from
    /// [`Init::Xavier`](crate::Init::Xavier) and `W_hh` orthogonal.
    ///
    /// # Panics
    ///
    /// If `blocks` or `block_size` is 0.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, blocks: usize, block_size: usize) -> Self {
        assert!(
            blocks > 0 && block_size > 0,
            "memory blocks: {blocks} blocks of {block_size} cells have no state"
        );
        let hidden_size = blocks * (block_size + 2);
        Self {
            w_ih: input_weight(rng, 1, [input_size, hidden_size]),
            w_hh: recurrent_weight(rng, 1, [hidden_size, hidden_size]),
            b_g: None,
            b_io: None,
            w_ho: None,
            b_ho: None,
            blocks,
            block_size,
            truncated: false,
            gate_activation: Activation::Sigmoid,
            candidate_activation: Activation::Custom(|a| a.sigmoid() * 4.0 - 2.0),
            state_activation: Activation::Custom(|a| a.sigmoid() * 2.0 - 1.0),
            output_activation: Activation::Sigmoid,
        }
    }

    /// Adds biases of the gates, which start at these values. The paper chooses them below zero, so that gates start
    /// closed. A closed input gate keeps a fresh cell state from drifting. A closed output gate lets other blocks learn
    /// first.
    #[must_use]
    pub fn gate_biases(mut self, input_gates: f64, output_gates: f64) -> Self {
        let blocks = self.blocks;
        let bias = |i: usize| T::of(if i < blocks { input_gates } else { output_gates });
        self.b_io = Some(Param::new(Tensor::from_fn([2 * blocks], bias)));
        self
    }

    /// Adds biases of the cells, which start at zero.
    #[must_use]
    pub fn cell_biases(mut self) -> Self {
        self.b_g = Some(zeros([self.cells()]));
        self
    }

    /// Adds output units, which read the cells' outputs of the same step.
    #[must_use]
    pub fn output(mut self, output: Linear<T>) -> Self {
        self.w_ho = Some(output.w);
        self.b_ho = output.b;
        self
    }

    /// Sets whether the gradient is truncated as in the paper. If so, the error flows back to earlier steps along the constant error
    /// carousel alone, not through net inputs. `∂c_t/∂c_{t−1}` is then exactly the identity.
    #[must_use]
    pub fn truncated(mut self, truncated: bool) -> Self {
        self.truncated = truncated;
        self
    }

    activation_options! {
        gate_activation: "of the gates, by default `σ`";
        candidate_activation: "`f_g`";
        state_activation: "`f_c`";
        output_activation: "of the output units, by default `σ`";
    }

    init_options! {
        input_init: "`W_ih`", |cell| [(&mut cell.w_ih, 1)];
        recurrent_init: "`W_hh`", |cell| [(&mut cell.w_hh, 1)];
        bias_init: "the biases of cells and gates, if there are any", |cell| {
            cell.b_g.iter_mut().chain(&mut cell.b_io).map(|b| (b, 1))
        };
    }

    bias_options!(|cell, gate| match gate {
        Gate::Candidate => part(cell.b_g.as_mut(), &[gate], gate),
        _ => part(cell.b_io.as_mut(), &[Gate::Input, Gate::Output], gate),
    });

    /// Repeats the gate of each block, `[B, M]`, for each of its cells, `[B, M·S]`.
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
        (h, c): Self::State<'t>,
        noise: &Noise<'_, T>,
    ) -> (Var<'t, T>, Self::State<'t>) {
        let cells = self.cells();
        let h = if self.truncated { h.stop_gradient() } else { h };
        let net = x.matmul(&self.w_ih) + noise.read(0, h).matmul(&self.w_hh);
        let candidate = biased(net.slice(-1, 0..cells), self.b_g.as_ref());
        let gates = net.slice(-1, cells..cells + 2 * self.blocks);
        let gates = biased(gates, self.b_io.as_ref());
        let [i, o] = self.gate_activation.apply(gates).split(-1);
        let (i, o) = (i.probe("i"), o.probe("o"));
        let g = |net| self.candidate_activation.apply(net).probe("g");
        let c = (c + self.of_cells(i) * noise.written(1, g(candidate))).probe("c");
        let y = (self.of_cells(o) * self.state_activation.apply(c)).probe("y");
        let h = Var::concat(&[y, i, o], -1).probe("h");
        let output = match &self.w_ho {
            Some(w_ho) => self.output_activation.apply(biased(y.matmul(w_ho), self.b_ho.as_ref())),
            None => y,
        };
        (output, (h, c))
    }
}

impl<T> StateSizes for MemoryBlocks<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0], self.cells()]
    }
}
