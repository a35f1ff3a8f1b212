//! The result of lowering.

use std::fmt;

use bptt_tensor::rows::RowProgram;

/// A step as a program over rows, and what its buffers are.
#[derive(Clone, Debug)]
pub(crate) struct Lowered<T> {
    pub(crate) program: RowProgram<T>,
    pub(crate) inputs: Vec<InputSlot>,
    pub(crate) outputs: Vec<OutputSlot>,
    /// Sums that equal others, each after the place of the other among the outputs.
    pub(crate) copies: Vec<(usize, usize)>,
    /// The matrices to pack: an invariant, and whether it is read transposed.
    pub(crate) packs: Vec<(usize, bool)>,
    pub(crate) rows: usize,
}

/// What fills an input buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InputSlot {
    Sequence(usize),
    /// The state that the first step starts from.
    Initial(usize),
    Invariant(usize),
}

/// What an output buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OutputSlot {
    Stacked(usize),
    Final(usize),
    Sum(usize),
}

/// Why a step is not a program over rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweringError(pub(crate) String);

impl fmt::Display for LoweringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
