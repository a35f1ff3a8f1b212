//! The result of lowering.

use std::fmt;

use bptt_tensor::rows::RowProgram;

/// A step as a program over rows, with the meaning of its buffers.
#[derive(Clone, Debug)]
pub(crate) struct Lowered<T> {
    pub(crate) program: RowProgram<T>,
    pub(crate) inputs: Vec<InputSlot>,
    pub(crate) outputs: Vec<OutputSlot>,
    /// Sums that equal other sums: pairs of positions among the outputs, the other sum and the
    /// copy.
    pub(crate) copies: Vec<(usize, usize)>,
    /// The matrices to pack: each an invariant, and whether it is read transposed.
    pub(crate) packs: Vec<(usize, bool)>,
    pub(crate) rows: usize,
}

/// The source of an input buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InputSlot {
    Sequence(usize),
    /// The initial state.
    Initial(usize),
    Invariant(usize),
}

/// The meaning of an output buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OutputSlot {
    Stacked(usize),
    Final(usize),
    Sum(usize),
}

/// The reason why a step cannot be lowered to a program over rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweringError(pub(crate) String);

impl fmt::Display for LoweringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
