//! Fused sequences.
//!
//! A sequence of [`Phase`]s runs on one block at a time, a few rows. A phase runs on one chunk of
//! the block at a time, one operation after the other. Values that pass between operations lie in
//! buffers of [`Lifetime::Chunk`](super::Lifetime::Chunk), which stay in the first-level cache.
//! Values that pass between phases lie in buffers of [`Lifetime::Block`](super::Lifetime::Block).

use std::ops::Range;

use super::address::{Address, Addresses, Clock};
use super::blocking::{CHUNK_ELEMENTS, chunk_extents};
use super::chunk::Chunk;
use super::op::Phase;
use super::operand::Operand;
use super::prefetch::Prefetch;
use crate::cpu::simd::{Math, vectorize_math};
use crate::scalar::Scalar;

/// Memory that a thread reuses from one instruction to the next.
pub(super) struct Workspace<T> {
    pub(super) block_rows: usize,
    pub(super) operands: Vec<Operand<T>>,
    pub(super) fetch: Prefetch<T>,
}

impl<T> Workspace<T> {
    pub(super) fn new(block_rows: usize) -> Self {
        Self { block_rows, operands: Vec::new(), fetch: Prefetch::new() }
    }
}

impl<T: Scalar> Phase<T> {
    /// Runs the operations on a block, chunk by chunk.
    ///
    /// # Safety
    ///
    /// As for [`run_phases`].
    #[inline(always)]
    unsafe fn run(
        &self,
        math: Math,
        addresses: &[Address<T>],
        clock: Clock,
        (first, rows): (usize, usize),
        operands: &mut Vec<Operand<T>>,
        fetch: &mut Prefetch<T>,
    ) {
        // a small block is one chunk: the divisions would take longer than the operations
        let (most_rows, most_columns) = match rows.saturating_mul(self.width) {
            ..=CHUNK_ELEMENTS => (rows, self.width),
            _ => chunk_extents(self.width),
        };
        operands.clear();
        for (address, view) in addresses.iter().zip(&self.arrays) {
            let located = address.in_block(clock, first, most_columns);
            operands.push(Operand::new(located, view.width < self.width, most_columns));
        }
        let mut row = 0;
        while row < rows {
            let mut column = 0;
            // runs at least once, so that rows without columns are reduced too
            loop {
                if (row, column) != (0, 0) {
                    operands.iter_mut().for_each(|operand| operand.move_to(row, column));
                }
                let columns = most_columns.min(self.width - column);
                let rows = most_rows.min(rows - row);
                let chunk = Chunk { math, operands, rows, columns, is_first: column == 0 };
                for op in &self.ops {
                    // SAFETY: the caller's contract.
                    unsafe { chunk.run(op) };
                    fetch.go_on();
                }
                column += columns;
                if column >= self.width {
                    break;
                }
            }
            row += most_rows;
        }
    }
}

/// Runs phases on some rows, a block at a time.
///
/// # Safety
///
/// `check` has passed. There is one address for each array of each phase. By the buffer's lifetime,
/// it holds the given rows of the array's width, the rows of a block, or the elements of a chunk.
/// They are readable, and writable where an operation names them as its target. No other thread
/// uses them meanwhile.
pub(super) unsafe fn run_phases<T: Scalar>(
    phases: &[Phase<T>],
    addresses: &Addresses<T>,
    clock: Clock,
    rows: Range<usize>,
    workspace: &mut Workspace<T>,
) {
    let Workspace { block_rows, operands, fetch } = workspace;
    let mut first = rows.start;
    while first < rows.end {
        let block = (first, (*block_rows).min(rows.end - first));
        first += block.1;
        fetch.start(&addresses.written, clock, block, phases);
        let (operands, fetch) = (&mut *operands, &mut *fetch);
        vectorize_math(
            #[inline(always)]
            move |math| {
                let mut rest = &addresses.operands[..];
                for phase in phases {
                    let own;
                    (own, rest) = rest.split_at(phase.arrays.len());
                    // SAFETY: the caller's contract.
                    unsafe { phase.run(math, own, clock, block, operands, fetch) };
                }
            },
        );
    }
}
