//! Lowering of a step to a program over the rows of a batch.
//!
//! [`lower()`] is a chain of passes. Each takes the results of those before it and returns one of its own:
//!
//! | pass | returns |
//! |---|---|
//! | [`legalize`](legalize::legalize) | the step in the form that the others expect; its sums over time as terms |
//! | [`classify`](classify::classify) | the way in which each value is computed row by row |
//! | [`schedule`](schedule::schedule) | the time at which each value is computed |
//! | [`combine`](combine::combine) | the values that one instruction computes together |
//! | [`timeline`](timeline::timeline) | the values that remain to compute, in order |
//! | [`allocate`](allocate::allocate) | the buffer and columns of each value |
//! | [`emit`](emit::emit) | the instructions |

mod allocate;
mod classify;
mod combine;
mod emit;
mod fuse;
mod layout;
mod legalize;
mod levels;
mod lifetimes;
mod lowered;
pub(crate) mod matrices;
mod memory;
mod obstacles;
mod operands;
mod parts;
mod print;
mod registers;
mod schedule;
pub(crate) mod shapes;
mod sink_reductions;
mod spaces;
mod stages;
mod timeline;

use bptt_tensor::Scalar;

pub(crate) use lowered::{Accumulator, InputSlot, Lowered, LoweringError, OutputSlot};
pub(crate) use parts::{Part, Parts, Region};

use crate::scan::ir::program::Program;
use crate::scan::lower::obstacles::Obstacle;

/// Lowers a step.
///
/// # Errors
///
/// If the rows of the step depend on each other, or an operation cannot be computed row by row.
pub(crate) fn lower<T: Scalar>(program: &Program<T>) -> Result<Lowered<T>, LoweringError> {
    let rows = shapes::rows_of(program).ok_or_else(|| LoweringError(vec![Obstacle::no_rows()]))?;
    lower_rows(program, rows)
}

/// [`lower()`], for this number of rows.
fn lower_rows<T: Scalar>(program: &Program<T>, rows: usize) -> Result<Lowered<T>, LoweringError> {
    let step = classify::classify(legalize::legalize(program, rows), rows)?;
    let schedule = schedule::schedule(&step);
    let combined = combine::combine(&step, &schedule);
    let timeline = timeline::timeline(&step, &schedule, &combined);
    let memory = allocate::allocate(&step, &schedule, &combined, &timeline);
    emit::emit(&step, &combined, &timeline, memory)
}
