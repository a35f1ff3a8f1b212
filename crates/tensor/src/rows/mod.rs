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
mod check;
mod chunk;
mod fetch;
mod fused;
mod kernel;
mod layout;
mod run;
mod session;
mod sums;
#[cfg(test)]
mod tests;

pub use fused::{MulKind, Phase, Reduction, RowOp};
pub use kernel::Kernel;
pub use session::Session;

use crate::packed::PackedRhs;
use crate::{Scalar, Tensor};

/// How long a buffer holds a value, and so which axes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// Every step of the sequence: `[T, B, W]`.
    Sequence,
    /// Every step of the segment being run: `[S, B, W]`.
    Segment,
    /// The rows that a thread computes at a time, before or after the loop: `[P, W]`.
    Piece,
    /// The few rows that fused phases compute at a time, for themselves alone: `[R, W]`.
    Block,
    /// The few columns of these that a [`Phase`] computes at a time, for itself alone.
    Chunk,
    /// A row for each piece of the stage after the loop, of sums over the piece's rows.
    Partial,
    /// A step and the one before it: `[2, B, W]`.
    Pair,
    /// One step: `[B, W]`.
    Step,
    /// One row, which all rows share: `[W]`.
    Row,
    /// No rows: a sum over all of them, of any shape with `W` elements.
    Total,
}

/// Who provides a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// The caller, filled.
    Input,
    /// The caller, to be filled.
    Output,
    /// The program itself.
    Internal,
    /// The program: a constant, in one column of lifetime [`Lifetime::Row`].
    Constant(f64),
}

/// A place for values: `W` elements for each row that its lifetime has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buffer {
    /// How long it holds a value.
    pub lifetime: Lifetime,
    /// The number of elements of a row.
    pub width: usize,
    /// Who provides it.
    pub role: Role,
}

/// Columns of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The buffer's index in the program.
    pub buffer: usize,
    /// The first column.
    pub column: usize,
    /// The number of columns.
    pub width: usize,
    /// Read from a neighbouring step rather than this one.
    pub delay: Option<Delay>,
}

impl View {
    /// Whether the two have an element in common: a column of the same step.
    fn overlaps(self, other: Self) -> bool {
        self.buffer == other.buffer
            && self.delay == other.delay
            && self.column < other.column.saturating_add(other.width)
            && other.column < self.column.saturating_add(self.width)
    }
}

/// A neighbouring step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delay {
    /// The step that is run after this one, rather than before it: what a reverse pass reads of the
    /// forward pass's state before the step.
    pub ahead: bool,
    /// The buffer that stands in where there is no such step.
    pub edge: usize,
}

/// What a product is added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// Nothing.
    Zero,
    /// Other rows, or one that is the same for all.
    Rows(View),
}

/// One operation on the rows at hand.
#[derive(Clone, Debug)]
pub enum Instruction<T> {
    /// `output ← accumulate + left · packed[right]`
    MatMul {
        /// The left operand.
        left: View,
        /// The index of the packed right operand.
        right: usize,
        /// What the product is added to.
        accumulate: Accumulate,
        /// The result.
        output: View,
    },
    /// Functions of rows, fused: their phases run one after the other on a few rows at a time.
    Fused(Vec<Phase<T>>),
}

/// A sum over all rows of all steps, added to a buffer `total` of lifetime [`Lifetime::Total`]. Several sums
/// may have one total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// `total ← Σ leftᵀ · right`
    Products {
        /// The left operand.
        left: View,
        /// The right operand.
        right: View,
        /// The sum's buffer.
        total: usize,
    },
    /// The sum of what the pieces summed, in their order.
    Partials {
        /// The buffer of lifetime [`Lifetime::Partial`].
        partials: usize,
        /// The sum's buffer.
        total: usize,
    },
}

impl Sum {
    /// The sum's buffer.
    #[must_use]
    pub fn total(&self) -> usize {
        match *self {
            Self::Products { total, .. } | Self::Partials { total, .. } => total,
        }
    }
}

/// A program over the rows of sequences; see the [module](self).
#[derive(Clone, Debug)]
pub struct RowProgram<T> {
    /// The places of all values.
    pub buffers: Vec<Buffer>,
    /// Run for all rows of a segment, before its steps.
    pub before: Vec<Instruction<T>>,
    /// Run for each step in turn.
    pub step: Vec<Instruction<T>>,
    /// Run for all rows of a segment, after its steps.
    pub after: Vec<Instruction<T>>,
    /// Sums over all rows.
    pub sums: Vec<Sum>,
    /// Values of the last step, copied to buffers of lifetime [`Lifetime::Step`] at the end.
    pub finals: Vec<(View, usize)>,
}

/// The sizes of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// `T`, at least 1.
    pub steps: usize,
    /// `B`
    pub rows: usize,
    /// Steps in a segment, at least 1.
    pub segment: usize,
    /// Whether time runs from the last step to the first.
    pub reversed: bool,
}

impl Sizes {
    /// From a step's place in time to the number of steps run before it, and back.
    fn mirrored(self, step: usize) -> usize {
        if self.reversed { self.steps - 1 - step } else { step }
    }
}

impl<T> Default for RowProgram<T> {
    /// A program that computes nothing.
    fn default() -> Self {
        Self {
            buffers: Vec::new(),
            before: Vec::new(),
            step: Vec::new(),
            after: Vec::new(),
            sums: Vec::new(),
            finals: Vec::new(),
        }
    }
}

impl<T: Scalar> RowProgram<T> {
    /// Runs the program.
    ///
    /// `inputs` and `outputs` are the buffers of these roles, in order.
    ///
    /// # Panics
    ///
    /// If there are no steps; if a buffer given has not the number of elements that its lifetime and width
    /// ask for; or if the program is malformed: a view does not lie within its buffer, an input or a
    /// value of another step is written, or an instruction writes what it reads.
    pub fn run(
        &self,
        sizes: Sizes,
        packed: &[PackedRhs<T>],
        inputs: &[&Tensor<T>],
        outputs: &mut [&mut [T]],
    ) {
        run::run(self, sizes, packed, inputs, outputs);
    }
}
