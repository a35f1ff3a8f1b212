//! Fused sequences.
//!
//! A sequence of [`Phase`]s runs on one block at a time, a few rows. A phase runs on one chunk of
//! the block at a time, one operation after the other. Values that pass between operations lie in
//! buffers of [`Lifetime::Chunk`](super::Lifetime::Chunk), which stay in the first-level cache.
//! Values that pass between phases lie in buffers of [`Lifetime::Block`](super::Lifetime::Block).

use std::ops::Range;

use smallvec::SmallVec;

use super::address::{Address, Addresses, Clock};
use super::blocking::{CHUNK_ELEMENTS, chunk_extents};
use super::chunk::Chunk;
use super::nest::{Nest, Strides};
use super::op::Phase;
use super::operand::Operand;
use super::prefetch::Prefetch;
use crate::cpu::simd::{Math, vectorize_math};
use crate::scalar::Scalar;

/// Memory that a thread reuses from one instruction to the next.
pub(super) struct Workspace<T> {
    pub(super) block_rows: usize,
    operands: Vec<Operand<T>>,
    /// The arrays of which each chunk is copied.
    copied: Vec<Operand<T>>,
    copies: Vec<T>,
    fetch: Prefetch<T>,
}

impl<T> Workspace<T> {
    pub(super) fn new(block_rows: usize) -> Self {
        let (operands, copied, copies) = (Vec::new(), Vec::new(), Vec::new());
        Self { block_rows, operands, copied, copies, fetch: Prefetch::new() }
    }
}

/// A phase, run on a block.
struct PhaseRun<'a, T> {
    phase: &'a Phase<T>,
    nest: &'a Nest,
    math: Math,
    /// The most rows and columns of a chunk.
    most: (usize, usize),
    operands: &'a mut [Operand<T>],
    copied: &'a mut [Operand<T>],
    fetch: &'a mut Prefetch<T>,
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
        (nest, addresses): (&Nest, &[Address<T>]),
        clock: Clock,
        (first, rows): (usize, usize),
        workspace: &mut Workspace<T>,
    ) {
        let Workspace { operands, copied, copies, fetch, .. } = workspace;
        let height = nest.rows.unwrap_or(rows);
        // a small block is one chunk: the divisions would take longer than the operations
        let most = match height.saturating_mul(nest.columns) {
            ..=CHUNK_ELEMENTS => (height, nest.columns),
            _ => chunk_extents(nest.columns),
        };
        operands.clear();
        for (address, strides) in addresses.iter().zip(&nest.strides) {
            let located = address.in_block(clock, first, most.1);
            operands.push(Operand::new(located, strides, nest.rows.is_some(), most.1));
        }
        copied.clear();
        let copies = copies.as_mut_ptr();
        for (place, &array) in nest.copied.iter().enumerate() {
            let copy = Operand::of_copy(copies.wrapping_add(place * CHUNK_ELEMENTS), most.1);
            copied.push(std::mem::replace(&mut operands[array], copy));
        }
        let mut run = PhaseRun { phase: self, nest, math, most, operands, copied, fetch };
        // SAFETY: the caller's contract.
        unsafe {
            match nest.rows {
                None => run.group(rows),
                Some(height) => run.groups(rows, height),
            }
        }
    }
}

impl<T: Scalar> PhaseRun<'_, T> {
    /// Runs the groups of chunks of each row of the batch. A group has the last two axes.
    ///
    /// # Safety
    ///
    /// As for [`run_phases`].
    #[inline(always)]
    unsafe fn groups(&mut self, rows: usize, height: usize) {
        let Nest { outer, strides, reduced, copied, .. } = self.nest;
        let loops = outer.len();
        let extent = |axis: usize| if axis == 0 { rows } else { outer[axis - 1] };
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, loops + 1);
        loop {
            for &array in reduced {
                let is_kept = |axis: usize| index[axis] == 0 || strides[array].outer[axis - 1] > 0;
                self.operands[array].begins = (1..=loops).all(is_kept);
            }
            // SAFETY: the caller's contract.
            unsafe { self.group(height) };
            let mut axis = loops;
            loop {
                index[axis] += 1;
                let wraps = index[axis] == extent(axis);
                if wraps && axis == 0 {
                    return;
                }
                let steps = if wraps { 1 - extent(axis).cast_signed() } else { 1 };
                let stride =
                    |strides: &Strides| axis.checked_sub(1).map(|axis| strides.outer[axis]);
                for (operand, strides) in self.operands.iter_mut().zip(strides) {
                    operand.advance(stride(strides), steps);
                }
                for (operand, &array) in self.copied.iter_mut().zip(copied) {
                    operand.advance(stride(&strides[array]), steps);
                }
                if !wraps {
                    break;
                }
                index[axis] = 0;
                axis -= 1;
            }
        }
    }

    /// Runs a group of this many rows, chunk by chunk.
    ///
    /// # Safety
    ///
    /// As for [`run_phases`].
    #[inline(always)]
    unsafe fn group(&mut self, rows: usize) {
        let Self { phase, nest, math, most, operands, copied, fetch } = self;
        let mut row = 0;
        while row < rows {
            let mut column = 0;
            // runs at least once, so that rows without columns are reduced too
            loop {
                if (row, column) != (0, 0) {
                    operands.iter_mut().for_each(|operand| operand.move_to(row, column));
                    copied.iter_mut().for_each(|operand| operand.move_to(row, column));
                }
                let columns = most.1.min(nest.columns - column);
                let rows = most.0.min(rows - row);
                for (array, &copy) in copied.iter().zip(&nest.copied) {
                    // SAFETY: the caller's contract; no operation writes the array.
                    unsafe { array.copy_to(&operands[copy], rows, columns) };
                }
                let chunk = Chunk { math: *math, operands, rows, columns, start: (row, column) };
                for op in &phase.ops {
                    // SAFETY: the caller's contract.
                    unsafe { chunk.run(op) };
                    fetch.go_on();
                }
                column += columns;
                if column >= nest.columns {
                    break;
                }
            }
            row += most.0;
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
    let copied = addresses.nests.iter().map(|nest| nest.copied.len()).max().unwrap_or(0);
    if workspace.copies.len() < copied * CHUNK_ELEMENTS {
        workspace.copies.resize(copied * CHUNK_ELEMENTS, T::zero());
    }
    let mut first = rows.start;
    while first < rows.end {
        let block = (first, workspace.block_rows.min(rows.end - first));
        first += block.1;
        workspace.fetch.start(&addresses.written, clock, block, phases);
        let workspace = &mut *workspace;
        vectorize_math(
            #[inline(always)]
            move |math| {
                let mut rest = &addresses.operands[..];
                for (phase, nest) in phases.iter().zip(&addresses.nests) {
                    let own;
                    (own, rest) = rest.split_at(phase.arrays.len());
                    // SAFETY: the caller's contract.
                    unsafe { phase.run(math, (nest, own), clock, block, workspace) };
                }
            },
        );
    }
}
