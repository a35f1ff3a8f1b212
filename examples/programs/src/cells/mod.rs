//! The cells by name, for programs whose users choose one.

mod build;
mod equations;
#[cfg(test)]
mod tests;

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use build::{AnyCell, Sizes, Visitor};

/// The cells of the library, and one of your own, in the order of `docs/cells.md`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Elman network
    Elman,
    /// Elman network of rectified units, from the identity
    Irnn,
    /// Fully recurrent network
    FullyRecurrent,
    /// Network with output feedback
    OutputToHidden,
    /// Independently recurrent network
    IndRnn,
    /// Echo state network, with a random reservoir
    EchoState,
    /// Window over the last k inputs, without memory
    Window,
    /// LSTM of 1997, one cell a block
    Lstm1997,
    /// LSTM of 1997 as published, in blocks of two cells
    MemoryBlocks,
    /// LSTM
    Lstm,
    /// LSTM with peepholes
    PeepholeLstm,
    /// LSTM with coupled gates
    CoupledLstm,
    /// LSTM with layer normalization
    LayerNormLstm,
    /// LSTM with a projection to half its units
    ProjectedLstm,
    /// GRU
    Gru,
    /// GRU with layer normalization
    LayerNormGru,
    /// Minimal gated unit
    MinimalGated,
    /// minGRU
    MinGru,
    /// minLSTM
    MinLstm,
    /// Your own cell, in `examples/programs/src/my_cell.rs`
    #[value(help = "Your own cell, in examples/programs/src/my_cell.rs")]
    Mine,
}

impl CellKind {
    /// Returns what the cell is, in a few words.
    #[must_use]
    pub fn about(self) -> String {
        let value = self.to_possible_value().expect("no kind is hidden");
        value.get_help().expect("every kind has a line").to_string()
    }

    /// Returns the number of which the hidden size must be a multiple.
    #[must_use]
    pub fn granularity(self) -> usize {
        match self {
            Self::MemoryBlocks => 2, // cells of a block
            _ => 1,
        }
    }

    /// Returns the source of the cell if it is one of your own, whose equations no setting tells.
    #[must_use]
    pub fn source(self) -> Option<&'static str> {
        (self == Self::Mine).then_some(include_str!("../my_cell.rs"))
    }
}

impl fmt::Display for CellKind {
    /// Writes the name that `--cell` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no kind is hidden");
        f.write_str(value.get_name())
    }
}
