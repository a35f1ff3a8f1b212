//! Programs: instructions in the order in which they run.

use super::buffer::{Buffer, View};
use super::kernel::Kernel;
use super::op::Phase;
use crate::scalar::Scalar;

/// The rows to which a product is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// Nothing.
    Zero,
    /// Rows of a buffer, or one row for all: a bias. One row for all may also be as wide as one inner row. It is then added
    /// to every inner row.
    Rows(View),
}

/// One instruction, which runs on the rows of a thread.
#[derive(Clone, Debug)]
pub enum Instruction<T> {
    /// `output ← accumulate + left · packed[right]`. A row of `left` and of `output` is a matrix of `inner_rows` rows, and
    /// each of these is multiplied.
    MatMul {
        /// The left operand.
        left: View,
        /// The index of the packed right operand.
        right: usize,
        /// The rows to which the product is added.
        accumulate: Accumulate,
        /// The result.
        output: View,
        /// The rows of the matrix that a row is; 1 if it is a vector.
        inner_rows: usize,
    },
    /// `output ← function(inputs..)`, of a whole row of each input.
    Apply {
        /// The function's name, with its arguments.
        name: String,
        /// Computes one row.
        function: Kernel<T>,
        /// The operands.
        inputs: Vec<View>,
        /// The result.
        output: View,
    },
    /// A fused sequence. Its phases run one after the other, on a few rows at a time.
    Fused(Vec<Phase<T>>),
}

/// A sum over all rows of all steps, added to a buffer `total` of lifetime
/// [`Lifetime::Total`](super::Lifetime::Total). Several sums may share a total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// `total ← Σ leftᵀ · right`. A row of both operands is a matrix of `inner_rows` rows, over which the sum runs, too.
    Products {
        /// The left operand.
        left: View,
        /// The right operand.
        right: View,
        /// The sum's buffer.
        total: usize,
        /// The rows of the matrix that a row is.
        inner_rows: usize,
    },
    /// `total ← Σ partials`, the partial sums of all pieces in their order.
    Partials {
        /// The buffer of lifetime [`Lifetime::Partial`](super::Lifetime::Partial).
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

/// A program over the rows of sequences; see the [module](super).
#[derive(Clone, Debug)]
pub struct RowProgram<T> {
    /// The buffers of all values.
    pub buffers: Vec<Buffer>,
    /// Instructions for all rows of a segment, before its steps.
    pub before: Vec<Instruction<T>>,
    /// Instructions for each step in turn.
    pub step: Vec<Instruction<T>>,
    /// Instructions for all rows of a segment, after its steps.
    pub after: Vec<Instruction<T>>,
    /// Sums over all rows.
    pub sums: Vec<Sum>,
    /// Values of the last step, copied to buffers of lifetime [`Lifetime::Step`](super::Lifetime::Step) at the end.
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
    /// Converts between a step's position in time and the number of steps run before it.
    pub(super) fn mirrored(self, step: usize) -> usize {
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

impl<T: Scalar> Instruction<T> {
    /// Every view that it reads or writes.
    #[must_use]
    pub fn operands(&self) -> Vec<View> {
        match self {
            Self::MatMul { left, accumulate: Accumulate::Rows(rows), output, .. } => {
                vec![*left, *output, *rows]
            }
            Self::MatMul { left, output, .. } => vec![*left, *output],
            Self::Apply { inputs, output, .. } => inputs.iter().chain([output]).copied().collect(),
            Self::Fused(phases) => {
                phases.iter().flat_map(|phase| &phase.arrays).map(|array| array.view).collect()
            }
        }
    }

    /// Every view that it writes.
    pub(super) fn written(&self) -> Vec<View> {
        match self {
            Self::MatMul { output, .. } | Self::Apply { output, .. } => vec![*output],
            Self::Fused(phases) => phases.iter().flat_map(Phase::written).collect(),
        }
    }

    /// The cost of a row, in multiplications.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::MatMul { left, output, inner_rows, .. } => left.width * output.width / inner_rows,
            Self::Apply { .. } => 8 * self.operands().iter().map(|view| view.width).sum::<usize>(),
            Self::Fused(phases) => {
                8 * phases.iter().map(|phase| phase.width() * phase.ops.len()).sum::<usize>()
            }
        }
    }
}
