//! Blocking: how many rows are computed together, which determines the sizes of buffers.

use super::buffer::{Buffer, Lifetime};
use super::op::Phase;
use super::program::{Instruction, RowProgram, Sizes};
use crate::scalar::Scalar;

/// Rows of a piece of the stages before and after the loop. They are many, so that products seldom
/// read their weights.
const PIECE: usize = 128;

/// Elements of a piece's own buffers, which should fit the second-level cache.
const PIECE_ELEMENTS: usize = 1 << 18;

/// Elements of a chunk. Its few buffers should fit the first-level cache.
pub(super) const CHUNK_ELEMENTS: usize = 1024;

/// Rows of a block. They are enough to amortise operations on one column and the computation of
/// addresses, and few enough that the block's buffers fit the second-level cache.
const BLOCK_ROWS: std::ops::RangeInclusive<usize> = 8..=64;

/// The most elements of a block in the phase of the most elements, unless it is a single row. Other
/// phases of the block find them in the cache.
const BLOCK_ELEMENTS: usize = 1 << 14;

/// The most elements of a vector register.
pub(super) const VECTOR: usize = 16;

/// The most columns of a row that is too short for loops of its own.
pub(super) const SHORT: usize = 64;

/// Whether rows of this many columns are short, and whole vectors.
#[inline(always)]
pub(super) fn are_short_vectors(columns: usize) -> bool {
    (1..=SHORT).contains(&columns) && columns.is_multiple_of(VECTOR)
}

/// The most rows and columns of a chunk, in a phase of this width.
#[inline]
pub(super) fn chunk_extents(width: usize) -> (usize, usize) {
    if width <= CHUNK_ELEMENTS {
        return (CHUNK_ELEMENTS / width.max(1), width.max(1));
    }
    // chunks of about equal width, in whole vectors
    let columns = width.div_ceil(width.div_ceil(CHUNK_ELEMENTS));
    (1, columns.next_multiple_of(VECTOR))
}

/// The extents of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocking {
    pub(super) sizes: Sizes,
    /// Rows of a piece, which consists of whole steps. They are fewer if the piece's own buffers
    /// are wide.
    pub(super) piece_rows: usize,
    /// Rows of a block.
    pub(super) block_rows: usize,
    /// Steps of a piece of the stage after the loop.
    steps_after: usize,
    threads: usize,
}

impl Blocking {
    /// The extents of a run on this many threads.
    pub(super) fn new<T: Scalar>(program: &RowProgram<T>, sizes: Sizes, threads: usize) -> Self {
        let own = program.buffers.iter().filter(|buffer| buffer.lifetime == Lifetime::Piece);
        let width = own.fold(1, |width: usize, buffer| width.saturating_add(buffer.width));
        let rows = sizes.rows.max(1);
        let fitting = (PIECE_ELEMENTS / width).clamp(PIECE / 4, PIECE);
        let stages = program.before.iter().chain(&program.step).chain(&program.after);
        let phases = stages.flat_map(|instruction| match instruction {
            Instruction::Fused(phases) => &phases[..],
            Instruction::MatMul { .. } | Instruction::Apply { .. } => &[],
        });
        let (mut narrowest, mut widest) = (None, 1);
        for width in phases.map(Phase::width).filter(|&width| width > 1) {
            narrowest = narrowest.into_iter().chain([width]).min();
            widest = widest.max(width);
        }
        let block_rows = chunk_extents(narrowest.unwrap_or(1)).0;
        let block_rows = block_rows.clamp(*BLOCK_ROWS.start(), *BLOCK_ROWS.end());
        let mut blocking = Self {
            sizes,
            piece_rows: fitting.div_ceil(rows).saturating_mul(rows),
            block_rows: block_rows.min((BLOCK_ELEMENTS / widest).max(1)),
            steps_after: 1,
            threads,
        };
        blocking.steps_after = blocking.steps_of_piece(program, &program.after);
        blocking
    }

    /// The number of elements of a buffer.
    pub(super) fn elements(&self, buffer: &Buffer) -> usize {
        let Sizes { steps, rows, segment, .. } = self.sizes;
        let segment = segment.min(steps);
        let extents = match buffer.lifetime {
            Lifetime::Piece => [self.threads, self.piece_rows],
            Lifetime::Block => [self.threads, self.block_rows],
            Lifetime::Chunk => return self.threads * CHUNK_ELEMENTS,
            // the first and the last step may be pieces of their own
            Lifetime::Partial => [segment.div_ceil(self.steps_after) + 2, 1],
            Lifetime::Sequence => [steps, rows],
            Lifetime::Segment => [segment, rows],
            Lifetime::Pair => [2, rows],
            Lifetime::Step => [1, rows],
            Lifetime::Row | Lifetime::Total => [1, 1],
        };
        let rows = extents[0].checked_mul(extents[1]);
        rows.and_then(|rows| rows.checked_mul(buffer.width)).expect("a buffer fits memory")
    }

    /// The most steps of a piece, in a stage of these instructions.
    pub(super) fn steps_of_piece<T: Scalar>(
        &self,
        program: &RowProgram<T>,
        stage: &[Instruction<T>],
    ) -> usize {
        let repeats = |lifetime| matches!(lifetime, Lifetime::Step | Lifetime::Pair);
        let mut views = stage.iter().flat_map(Instruction::operands);
        // if rows shared by all steps are read, each step is a piece of its own
        let alone = views.any(|view| repeats(program.buffers[view.buffer].lifetime));
        if alone { 1 } else { self.piece_rows / self.sizes.rows.max(1) }
    }
}
