//! The equations of a step: a network, its truncated gradient by the paper's traces, and its update.

use bptt::State;
use bptt::prelude::*;

use super::architecture::{Architecture, Shortcuts, Signal};

/// `B` networks of `C` cells and `H` hidden units, which read `U` numbers. The first cells of all blocks come first, then
/// the second ones, so that sums over the cells of a block are sums of slices.
#[derive(Clone, Copy, State)]
#[state(scalar = f64)]
pub(crate) struct Net<'t> {
    /// The weights of cells, input gates and output gates, `[B, H, U]`.
    pub(crate) hidden: Var<'t, f64>,
    /// The weights of the output units, `[B, O, R]`.
    pub(crate) output: Var<'t, f64>,
    /// The hidden units, `[B, H]`.
    pub(crate) h: Var<'t, f64>,
    /// The states of the cells, `[B, C]`.
    pub(crate) c: Var<'t, f64>,
}

/// What a step of learning reads.
#[derive(Clone, Copy, State)]
#[state(scalar = f64)]
pub(crate) struct Lesson<'t> {
    /// `[B, I]`
    pub(crate) x: Var<'t, f64>,
    /// `[B, 1]`: 0 at the first step of a sequence, otherwise 1.
    pub(crate) keep: Var<'t, f64>,
    /// `[B, O]`
    pub(crate) target: Var<'t, f64>,
    /// `[B, 1]`: the learning rate, 0 without an error signal.
    pub(crate) rate: Var<'t, f64>,
}

/// Networks that learn.
#[derive(Clone, Copy, State)]
#[state(scalar = f64)]
pub(crate) struct Learner<'t> {
    pub(crate) net: Net<'t>,
    /// The derivatives of `c` with respect to the weights of each cell, `[B, C, U]`.
    pub(crate) cell_traces: Var<'t, f64>,
    /// The derivatives of `c` with respect to the weights of each cell's input gate, `[B, C, U]`.
    pub(crate) gate_traces: Var<'t, f64>,
}

/// A forward pass of a step.
pub(crate) struct Pass<'t> {
    /// The networks after it.
    pub(crate) net: Net<'t>,
    /// The outputs, `[B, O]`.
    pub(crate) k: Var<'t, f64>,
    /// What hidden units have read, `[B, 1, U]`.
    reads: Var<'t, f64>,
    /// Net inputs: of the cells `[B, C]`, of each cell's input gate `[B, C]`, of the output gates `[B, M]`, and of the
    /// output units `[B, O]`.
    net_g: Var<'t, f64>,
    net_i: Var<'t, f64>,
    net_o: Var<'t, f64>,
    pub(crate) net_k: Var<'t, f64>,
}

impl Architecture {
    /// Advances the networks. Each has weights of its own. If cells have memory and sequences start from 0, the equations are those of
    /// [`MemoryBlocks`].
    pub(crate) fn forward<'t>(
        &self,
        x: Var<'t, f64>,
        keep: Var<'t, f64>,
        Net { hidden, output, h, c }: Net<'t>,
    ) -> Pass<'t> {
        let (nets, blocks, cells) = (x.shape()[0], self.blocks, self.cells());
        let of_cells = |gates: Var<'t, f64>| Var::concat(&vec![gates; self.block_size], 1);
        let one = x.tape().constant(Tensor::ones([nets, 1]));
        let h = if self.start == 0.0 { h * keep } else { (h - self.start) * keep + self.start };
        let reads = Var::concat(&[x, h, one], 1).reshape([nets, 1, self.reads()]);
        let net = (hidden * reads).sum(&[2]);
        let net_g = net.slice(1, 0..cells);
        let net_i = of_cells(net.slice(1, cells..cells + blocks));
        let net_o = net.slice(1, cells + blocks..);
        let c = c * self.kept(keep) + net_i.sigmoid() * self.g.apply(net_g);
        let y = of_cells(net_o.sigmoid()) * self.h.apply(c);
        let h = Var::concat(&[y, net.slice(1, cells..).sigmoid()], 1);
        let has_shortcuts = self.shortcuts != Shortcuts::None;
        let units = [(y, true), (x, has_shortcuts), (one, self.has_output_biases)];
        let units: Vec<_> = units.into_iter().filter(|unit| unit.1).map(|unit| unit.0).collect();
        let units = Var::concat(&units, 1).reshape([nets, 1, self.output_reads()]);
        let net_k = (output * units).sum(&[2]);
        let k = self.signal.outputs(net_k);
        Pass { net: Net { hidden, output, h, c }, k, reads, net_g, net_i, net_o, net_k }
    }

    /// The factor of the states before: 0 at the first step of a sequence, and without memory.
    fn kept<'t>(&self, keep: Var<'t, f64>) -> Var<'t, f64> {
        if self.has_memory { keep } else { keep * 0.0 }
    }

    /// Advances the networks, then their weights. Returns the outputs `[B, O]`.
    ///
    /// The gradient is truncated as in the paper's appendix: of the state before, only `c` is differentiated, by traces.
    ///
    /// ```text
    /// e_t = keep e_{t−1} + ∂c_t/∂w     for the weights of cells and input gates, with h_{t−1} as a constant
    /// Δw = −α (∂E_t/∂c_t) e_t           for these; −α ∂E_t/∂w for those of output gates and output units
    /// ```
    pub(crate) fn learn<'t>(
        &self,
        Lesson { x, keep, target, rate }: Lesson<'t>,
        Learner { net, cell_traces, gate_traces }: Learner<'t>,
    ) -> (Var<'t, f64>, Learner<'t>) {
        let tape = x.tape();
        let pass = self.forward(x, keep, net);
        let Pass { net, k, reads, .. } = pass;
        let error = self.signal.error(k, target);
        let sources = [net.c, pass.net_o, net.output];
        let to = tape.vjp(&[(pass.net_k, error)], &sources);
        let [c_by_g, c_by_i] = tape.grad(net.c.sum_all(), [pass.net_g, pass.net_i]);
        let (keep, rate) = (columns(self.kept(keep)), columns(rate));
        let cell_traces = cell_traces * keep + columns(c_by_g) * reads;
        let gate_traces = gate_traces * keep + columns(c_by_i) * reads;
        let by_cell = columns(to[0]) * gate_traces;
        let parts = (0..self.block_size).map(|cell| cell * self.blocks..(cell + 1) * self.blocks);
        let parts = parts.map(|cells| by_cell.slice(1, cells));
        let to_gates = parts.reduce(|sum, part| sum + part).expect("a block has cells");
        let to_hidden = [columns(to[0]) * cell_traces, to_gates, columns(to[1]) * reads];
        let to_hidden = Var::concat(&to_hidden, 1) * &self.learnable();
        let net =
            Net { hidden: net.hidden - to_hidden * rate, output: net.output - to[2] * rate, ..net };
        (k, Learner { net, cell_traces, gate_traces })
    }
}

/// Returns `[B, N]` as `[B, N, 1]`.
fn columns(values: Var<'_, f64>) -> Var<'_, f64> {
    let [nets, size] = [0, 1].map(|axis| values.shape()[axis]);
    values.reshape([nets, size, 1])
}

impl Signal {
    pub(crate) fn outputs(self, net: Var<'_, f64>) -> Var<'_, f64> {
        if self == Self::CrossEntropy { net.softmax(-1) } else { net.sigmoid() }
    }

    /// Returns what is propagated back from the net inputs of the outputs `k`.
    pub(crate) fn error<'t>(self, k: Var<'t, f64>, target: Var<'t, f64>) -> Var<'t, f64> {
        match self {
            Self::CrossEntropy => k - target,
            Self::Squared => (k - target) * (k * (1.0 - k)),
            Self::Raised => (k - target) * (k * (1.0 - k) + 0.1),
        }
    }
}
