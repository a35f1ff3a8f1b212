//! Programs over the rows of sequences: what a recurrence is compiled to.
//!
//! A [`RowProgram`] computes, for every row of a batch independently of the others, values of one
//! time step from values of the same step and of the one before. It has three stages: *before* the
//! loop over time and *after* it, where the rows of all steps are computed at once, and the *step*
//! itself. At last come sums over all rows of all steps, which weight gradients are. Functions of
//! single elements and sums of rows are fused: see [`Phase`].
//!
//! The sequence is run in segments of consecutive steps, so that what passes from one stage to
//! another stays in the cache and takes memory for a segment only. Within a stage, rows are divided
//! among threads: a thread runs its rows through the whole segment without meeting another.
//! No element depends on how they are divided, so results are the same for any number of threads.
//!
//! The program knows nothing of what it computes: it is made from instructions on [`View`]s of
//! buffers by whoever plans a recurrence.

mod address;
mod block;
mod blocking;
mod buffer;
mod check;
mod chunk;
mod kernel;
mod op;
mod operand;
mod prefetch;
mod program;
mod run;
mod session;
mod stage;
mod sums;
#[cfg(test)]
mod tests;

pub use buffer::{Buffer, Delay, Lifetime, Role, View};
pub use kernel::Kernel;
pub use op::{MulKind, Phase, Reduction, RowOp};
pub use program::{Accumulate, Instruction, RowProgram, Sizes, Sum};
pub use session::Session;
