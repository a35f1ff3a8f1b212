//! The result of lowering.

use std::fmt;

use bptt_tensor::rows::RowProgram;

use crate::scan::ir::line::Line;
use crate::scan::lower::obstacles::Obstacle;

/// A step as a program over rows, with the meaning of its buffers.
#[derive(Clone, Debug)]
pub(crate) struct Lowered<T> {
    pub(crate) program: RowProgram<T>,
    pub(crate) inputs: Vec<InputSlot>,
    pub(crate) outputs: Vec<OutputSlot>,
    /// Sums that equal other sums: pairs of the other sum and the copy.
    pub(crate) copies: Vec<(usize, usize)>,
    /// Sums over all steps that are the last states of the program.
    pub(crate) accumulators: Vec<Accumulator>,
    /// The matrices to pack: each an invariant, and whether it is read transposed.
    pub(crate) packs: Vec<(usize, bool)>,
    pub(crate) rows: usize,
}

/// A sum over all steps that is a state of the program, which starts from zero: each row of the
/// batch has a sum of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accumulator {
    /// The position of the sum.
    pub(crate) sum: usize,
    /// The position among the states.
    pub(crate) state: usize,
    /// Whether the sums of all rows are added up.
    pub(crate) over_rows: bool,
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

/// The reasons why a step cannot be lowered to a program over rows.
#[derive(Clone, Debug)]
pub(crate) struct LoweringError(pub(crate) Vec<Obstacle>);

impl LoweringError {
    /// A step that no equation keeps from being lowered, but a limit of the compiler.
    pub(crate) fn limit(what: impl Into<String>, line: Option<Line>) -> Self {
        let advice =
            "this is a limit of the compiler, which another form of the equations may avoid";
        Self(vec![Obstacle { what: what.into(), line, advice }])
    }
}

impl fmt::Display for LoweringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|obstacle| obstacle.fmt(f))
    }
}
