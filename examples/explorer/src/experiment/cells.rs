//! The cells by name.

use bptt::prelude::*;
use serde::{Deserialize, Serialize};

use crate::my_cell::MyCell;

/// A cell of the library, or one of your own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // the names of the cells
pub enum CellKind {
    Elman,
    Irnn,
    FullyRecurrent,
    OutputToHidden,
    IndRnn,
    EchoState,
    Window,
    #[serde(rename = "lstm-1997")]
    Lstm1997,
    MemoryBlocks,
    Lstm,
    PeepholeLstm,
    CoupledLstm,
    LayerNormLstm,
    ProjectedLstm,
    Gru,
    LayerNormGru,
    MinimalGated,
    MinGru,
    MinLstm,
    Mine,
}

/// The steps that a [`Window`] reads.
const WINDOW: usize = 8;

impl CellKind {
    /// All cells, in the order of the page.
    pub const ALL: [Self; 20] = [
        Self::Lstm,
        Self::Elman,
        Self::Gru,
        Self::Lstm1997,
        Self::MemoryBlocks,
        Self::PeepholeLstm,
        Self::CoupledLstm,
        Self::LayerNormLstm,
        Self::ProjectedLstm,
        Self::LayerNormGru,
        Self::MinimalGated,
        Self::MinGru,
        Self::MinLstm,
        Self::OutputToHidden,
        Self::FullyRecurrent,
        Self::Irnn,
        Self::IndRnn,
        Self::EchoState,
        Self::Window,
        Self::Mine,
    ];

    /// Returns the number of which the hidden size must be a multiple.
    #[must_use]
    pub fn granularity(self) -> usize {
        if self == Self::MemoryBlocks { 2 } else { 1 } // cells of a block
    }

    /// Returns what the cell is called, and its equations.
    #[must_use]
    pub fn equations(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Elman => ("Elman net", &["h = tanh(x W_ih + h₋ W_hh + b)"]),
            Self::Irnn => (
                "IRNN: rectified units that start from the identity",
                &["h = max(x W_ih + h₋ W_hh + b, 0)"],
            ),
            Self::FullyRecurrent => {
                ("Fully recurrent net", &["h = tanh(x W_ih + h₋ (M ⊙ W_hh) + b)"])
            }
            Self::OutputToHidden => {
                ("Output-to-hidden net", &["h = tanh(x W_ih + o₋ W_oh + b)", "o = h W_ho + c"])
            }
            Self::IndRnn => ("IndRNN", &["h = max(x W_ih + u ⊙ h₋ + b, 0)"]),
            Self::EchoState => {
                ("Echo state reservoir", &["h = (1 − a) h₋ + a tanh(x W_ih + h₋ W_hh + b)"])
            }
            Self::Window => {
                ("Memoryless window of 8 steps", &["h = tanh([x_{t−7}, …, x_t] W + b)"])
            }
            Self::Lstm1997 => (
                "LSTM of 1997, without forget gate",
                &[
                    "i, o = σ(x W + h₋ R + b)",
                    "g = tanh(x W_g + h₋ R_g + b_g)",
                    "c = c₋ + i ⊙ g",
                    "h = o ⊙ tanh(c)",
                ],
            ),
            Self::MemoryBlocks => (
                "LSTM of 1997, in blocks of two cells",
                &["i, o = σ(x W + u₋ R + b)", "c = c₋ + i ⊙ g(x W_c + u₋ R_c)", "h = o ⊙ h(c)"],
            ),
            Self::Lstm => (
                "LSTM",
                &[
                    "i, f, o = σ(x W + h₋ R + b)",
                    "g = tanh(x W_g + h₋ R_g + b_g)",
                    "c = f ⊙ c₋ + i ⊙ g",
                    "h = o ⊙ tanh(c)",
                ],
            ),
            Self::PeepholeLstm => (
                "LSTM with peepholes",
                &[
                    "i, f = σ(x W + h₋ R + p ⊙ c₋ + b)",
                    "c = f ⊙ c₋ + i ⊙ g",
                    "o = σ(x W_o + h₋ R_o + p_o ⊙ c + b_o)",
                    "h = o ⊙ tanh(c)",
                ],
            ),
            Self::CoupledLstm => {
                ("LSTM with coupled gates", &["c = f ⊙ c₋ + (1 − f) ⊙ g", "h = o ⊙ tanh(c)"])
            }
            Self::LayerNormLstm => (
                "LSTM with layer normalization",
                &[
                    "i, f, g, o from LN(x W) + LN(h₋ R) + b",
                    "c = f ⊙ c₋ + i ⊙ g",
                    "h = o ⊙ tanh(LN(c))",
                ],
            ),
            Self::ProjectedLstm => {
                ("LSTM with a projection", &["c = f ⊙ c₋ + i ⊙ g", "h = (o ⊙ tanh(c)) P"])
            }
            Self::Gru => (
                "GRU",
                &[
                    "r, z = σ(x W + h₋ R + b)",
                    "n = tanh(x W_n + b_n + r ⊙ (h₋ R_n + b_hn))",
                    "h = (1 − z) ⊙ n + z ⊙ h₋",
                ],
            ),
            Self::LayerNormGru => {
                ("GRU with layer normalization", &["as the GRU, with LN(x W) and LN(h₋ R)"])
            }
            Self::MinimalGated => (
                "Minimal gated unit",
                &[
                    "f = σ(x W_f + h₋ R_f + b_f)",
                    "n = tanh(x W_n + (f ⊙ h₋) R_n + b_n)",
                    "h = (1 − f) ⊙ h₋ + f ⊙ n",
                ],
            ),
            Self::MinGru => {
                ("minGRU", &["z = σ(x W_z + b_z)", "h = (1 − z) ⊙ h₋ + z ⊙ (x W_h + b_h)"])
            }
            Self::MinLstm => (
                "minLSTM",
                &["f, i = σ(x W + b), normalized to f + i = 1", "h = f ⊙ h₋ + i ⊙ (x W_h + b_h)"],
            ),
            Self::Mine => ("The cell of src/my_cell.rs", &[]),
        }
    }

    /// Creates a layer with `i` inputs and `h` units.
    pub(super) fn layer<T: Scalar>(self, rng: &mut impl Rng, i: usize, h: usize) -> BoxedLayer<T> {
        match self {
            Self::Elman => BoxedLayer::new(Elman::new(rng, i, h)),
            Self::Irnn => BoxedLayer::new(Elman::irnn(rng, i, h)),
            Self::FullyRecurrent => BoxedLayer::new(FullyRecurrent::new(rng, i, h)),
            Self::OutputToHidden => BoxedLayer::new(OutputToHidden::new(rng, i, h, h)),
            Self::IndRnn => BoxedLayer::new(IndRnn::new(rng, i, h)),
            Self::EchoState => BoxedLayer::new(EchoState::new(rng, i, h)),
            Self::Window => BoxedLayer::new(Window::new(rng, i, h, WINDOW)),
            Self::Lstm1997 => BoxedLayer::new(Lstm1997::new(rng, i, h)),
            Self::MemoryBlocks => BoxedLayer::new(MemoryBlocks::new(rng, i, h / 2, 2)),
            Self::Lstm => BoxedLayer::new(Lstm::new(rng, i, h)),
            Self::PeepholeLstm => BoxedLayer::new(PeepholeLstm::new(rng, i, h)),
            Self::CoupledLstm => BoxedLayer::new(CoupledLstm::new(rng, i, h)),
            Self::LayerNormLstm => BoxedLayer::new(LayerNormLstm::new(rng, i, h)),
            Self::ProjectedLstm => BoxedLayer::new(ProjectedLstm::new(rng, i, 2 * h, h)),
            Self::Gru => BoxedLayer::new(Gru::new(rng, i, h)),
            Self::LayerNormGru => BoxedLayer::new(LayerNormGru::new(rng, i, h)),
            Self::MinimalGated => BoxedLayer::new(MinimalGatedUnit::new(rng, i, h)),
            Self::MinGru => BoxedLayer::new(MinGru::new(rng, i, h)),
            Self::MinLstm => BoxedLayer::new(MinLstm::new(rng, i, h)),
            Self::Mine => BoxedLayer::new(MyCell::new(rng, i, h)),
        }
    }
}
