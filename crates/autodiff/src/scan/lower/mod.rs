//! From a step to a program over the rows of a batch.
//!
//! [`lower()`] is a chain of passes. Each takes the results of those before it and returns one of its own:
//!
//! | pass | returns |
//! |---|---|
//! | [`legalize`](legalize::legalize) | the step in the form that the others expect; its sums over time as terms |
//! | [`classify`](classify::classify) | how each value is computed row by row |
//! | [`schedule`](schedule::schedule) | when each value is computed |
//! | [`combine`](combine::combine) | which values one instruction computes together |
//! | [`timeline`](timeline::timeline) | what remains to compute, in order |
//! | [`allocate`](allocate::allocate) | where each value lies |
//! | [`emit`](emit::emit) | the instructions |

mod allocate;
mod classify;
mod combine;
mod emit;
mod fuse;
mod legalize;
mod levels;
mod lifetimes;
mod operands;
mod print;
mod registers;
mod schedule;
mod sink_reductions;
mod stages;
mod timeline;

use std::fmt;

use bptt_tensor::Scalar;
use bptt_tensor::rows::RowProgram;

use crate::scan::ir::program::Program;

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
pub(crate) struct LoweringError(String);

impl fmt::Display for LoweringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lowers a step.
///
/// # Errors
///
/// If the rows of the step depend on each other, or an operation cannot be computed row by row.
pub(crate) fn lower<T: Scalar>(program: &Program<T>) -> Result<Lowered<T>, LoweringError> {
    let rows = classify::rows_of(program)?;
    let step = classify::classify(legalize::legalize(program, rows)?, rows)?;
    let schedule = schedule::schedule(&step);
    let combined = combine::combine(&step, &schedule);
    let timeline = timeline::timeline(&step, &schedule, &combined);
    let memory = allocate::allocate(&step, &schedule, &combined, &timeline);
    emit::emit(&step, &combined, &timeline, memory)
}
