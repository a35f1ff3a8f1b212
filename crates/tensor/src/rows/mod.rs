//! Programs over the rows of sequences, to which recurrences are compiled.
//!
//! A [`RowProgram`] computes a time step from values of the same step and of the previous one, for
//! each row of a batch independently. It has three stages: *before* the loop over time, the *step*,
//! and *after* the loop. Before and after, the rows of all steps are computed at once. Sums over
//! all rows of all steps come last: the gradients of weights. Elementwise functions and reductions
//! of rows are fused: see [`Phase`].
//!
//! The sequence runs in segments of consecutive steps. So values that pass from one stage to the
//! next stay in the cache, and take memory for one segment only. Within a stage, rows are divided
//! among threads. A thread runs its rows through the whole segment without synchronization. No
//! element depends on the division, so results are the same for any number of threads.
//!
//! A program consists of instructions on [`View`]s of buffers. Nothing here depends on how
//! equations are compiled.

mod address;
mod block;
mod blocking;
mod buffer;
mod check;
mod chunk;
mod folds;
mod kernel;
mod memo;
mod nest;
mod op;
mod operand;
mod prefetch;
mod products;
mod program;
mod reduce;
mod run;
mod session;
mod short;
mod stage;
mod sums;
#[cfg(test)]
mod tests;

pub use crate::gemm::multiply_matrices;
pub use crate::kernels::lanes;
pub use buffer::{Buffer, Delay, Lifetime, Role, View};
pub use kernel::Kernel;
pub use op::{Array, Axes, MulKind, Phase, Reduction, RowOp};
pub use program::{Accumulate, Instruction, RowProgram, Sizes, Sum};
pub use session::Session;
