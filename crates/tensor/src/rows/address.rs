//! The addresses of operands at a time step.

use super::blocking::{Blocking, CHUNK_ELEMENTS};
use super::buffer::{Buffer, Lifetime, View};
use super::nest::Nest;
use super::program::{Instruction, RowProgram};
use crate::scalar::Scalar;

/// The current step, thread and piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The position in the sequence.
    pub(super) time: usize,
    /// The number of steps run before.
    pub(super) count: usize,
    /// The index of the thread.
    pub(super) lane: usize,
    /// The index of the piece in its segment.
    pub(super) piece: usize,
}

impl Clock {
    /// The clock of a program that runs on one thread.
    pub(super) fn of(time: usize, count: usize) -> Self {
        Self { time, count, lane: 0, piece: 0 }
    }
}

/// The segment being run: steps `start..end` of the sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The address of a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base<T>(pub(super) *mut T);

// SAFETY: threads write through it only to their own rows, and to their own buffers by lane or
// piece; see `run`.
unsafe impl<T: Send> Send for Base<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Base<T> {}

/// The address of a view's rows at every step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address<T> {
    base: Base<T>,
    /// Distances between steps and between rows, in elements.
    step: usize,
    row: usize,
    /// The distance between the buffers of two threads, and of two pieces.
    lane: usize,
    piece: usize,
    place: Storage,
    /// Whether the buffer holds partial sums.
    is_partial: bool,
    /// Steps alternate between two addresses.
    alternate: bool,
    /// The offset of the step that is read, added to the time or the count.
    shift: isize,
    /// For a delayed view: the count of the step that has no neighbour, and the address and row
    /// distance that it reads instead.
    edge: Option<(usize, Base<T>, usize)>,
}

impl<T: Scalar> Address<T> {
    /// The address of a view, whose buffers start at `bases`.
    pub(super) fn new(
        program: &RowProgram<T>,
        bases: &[Base<T>],
        view: View,
        blocking: &Blocking,
        segment: Segment,
    ) -> Self {
        let Buffer { lifetime, width, .. } = program.buffers[view.buffer];
        let (sizes, row) = (blocking.sizes, row_distance(lifetime, width));
        let step = match lifetime {
            Lifetime::Sequence | Lifetime::Segment | Lifetime::Pair => sizes.rows * width,
            _ => 0,
        };
        let lane = match lifetime {
            Lifetime::Piece => blocking.piece_rows * width,
            Lifetime::Block => blocking.block_rows * width,
            Lifetime::Chunk => CHUNK_ELEMENTS,
            _ => 0,
        };
        let origin = if lifetime == Lifetime::Segment { segment.start * step } else { 0 };
        let (shift, edge) = match view.delay {
            None => (0, None),
            Some(delay) => {
                let later = delay.ahead != sizes.reversed;
                let count = if delay.ahead { sizes.steps - 1 } else { 0 };
                let edge = program.buffers[delay.edge];
                let start = Base(bases[delay.edge].0.wrapping_add(view.column));
                let shift = if later { 1 } else { -1 };
                (shift, Some((count, start, row_distance(edge.lifetime, edge.width))))
            }
        };
        Self {
            base: Base(bases[view.buffer].0.wrapping_add(view.column).wrapping_sub(origin)),
            step,
            row,
            lane,
            piece: if lifetime == Lifetime::Partial { width } else { 0 },
            place: match lifetime {
                Lifetime::Block => Storage::Block,
                Lifetime::Chunk => Storage::Chunk,
                _ => Storage::Rows,
            },
            is_partial: lifetime == Lifetime::Partial,
            alternate: lifetime == Lifetime::Pair,
            shift,
            edge,
        }
    }

    /// The address of row `row`, and the distance between rows.
    #[inline(always)]
    pub(super) fn at(&self, clock: Clock, row: usize) -> (*mut T, usize) {
        if let Some((count, start, distance)) = self.edge
            && count == clock.count
        {
            return (start.0.wrapping_add(row * distance), distance);
        }
        let index = if self.alternate {
            clock.count.wrapping_add_signed(self.shift) & 1
        } else {
            clock.time.wrapping_add_signed(self.shift)
        };
        let own = clock.lane * self.lane + clock.piece * self.piece;
        let offset = index.wrapping_mul(self.step) + own + row * self.row;
        (self.base.0.wrapping_add(offset), self.row)
    }

    /// The address of the block that begins at row `first`, for chunks of this many columns.
    #[inline(always)]
    pub(super) fn in_block(&self, clock: Clock, first: usize, columns: usize) -> Located<T> {
        let row = if self.place == Storage::Rows { first } else { 0 };
        let (start, distance) = self.at(clock, row);
        let is_chunk = self.place == Storage::Chunk;
        let distance = if is_chunk { columns } else { distance };
        Located { start, distance, is_chunk, is_partial: self.is_partial }
    }
}

/// The addresses of an instruction.
#[derive(Debug)]
pub(super) struct Addresses<T> {
    /// The addresses of its [`operands`](Instruction::operands).
    pub(super) operands: Vec<Address<T>>,
    /// The addresses of the buffers that a fused sequence writes to memory.
    pub(super) written: Vec<Address<T>>,
    /// The loops of each phase of a fused sequence.
    pub(super) nests: Vec<Nest>,
}

impl<T: Scalar> Addresses<T> {
    /// The addresses of an instruction of a program whose buffers start at `bases`.
    pub(super) fn of(
        instruction: &Instruction<T>,
        program: &RowProgram<T>,
        bases: &[Base<T>],
        blocking: &Blocking,
        segment: Segment,
    ) -> Self {
        let address = |view: View| Address::new(program, bases, view, blocking, segment);
        let operands = instruction.operands().into_iter().map(address).collect();
        let mut buffers = match instruction {
            Instruction::Fused(_) => instruction.written().iter().map(|view| view.buffer).collect(),
            Instruction::MatMul { .. } | Instruction::Apply { .. } => Vec::new(),
        };
        buffers.sort_unstable();
        buffers.dedup();
        let written = buffers.into_iter().filter_map(|buffer| {
            let Buffer { lifetime, width, .. } = program.buffers[buffer];
            let view = View { buffer, column: 0, width, delay: None };
            matches!(lifetime, Lifetime::Sequence | Lifetime::Segment).then(|| address(view))
        });
        let nests = match instruction {
            Instruction::Fused(phases) => phases.iter().map(Nest::of).collect(),
            Instruction::MatMul { .. } | Instruction::Apply { .. } => Vec::new(),
        };
        Self { operands, written: written.collect(), nests }
    }
}

/// The address of an array in a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located<T> {
    pub(super) start: *mut T,
    /// The distance between rows.
    pub(super) distance: usize,
    /// Whether the array holds the current chunk only.
    pub(super) is_chunk: bool,
    /// Whether the array holds partial sums, to which rows are added.
    pub(super) is_partial: bool,
}

/// The extent of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    Rows,
    /// The rows of a block, overwritten by the next block.
    Block,
    /// The rows and columns of a chunk, without gaps.
    Chunk,
}

fn row_distance(lifetime: Lifetime, width: usize) -> usize {
    if matches!(lifetime, Lifetime::Row | Lifetime::Total | Lifetime::Partial) { 0 } else { width }
}
