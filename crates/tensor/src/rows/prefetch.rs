//! Prefetching of rows before they are written.
//!
//! The hardware prefetches the lines that a loop reads, but hardly those that it writes. A line
//! must be in the cache before it is written, and a few dozen waiting writes stall the processor.
//! So the lines that a block writes are prefetched while the block is computed, a few after each
//! operation.

use super::address::{Address, Clock};
use super::blocking::CHUNK_ELEMENTS;
use super::op::Phase;
use crate::cpu::simd::{LINE, prefetch};
use crate::scalar::Scalar;

/// The number of lines that the processor's write buffer can hold. A block that writes fewer is not
/// prefetched.
const FEW: usize = 128;

/// The lines that a block will write.
pub(super) struct Prefetch<T> {
    /// Runs of lines, each as its next line and the number of lines left. The last run is fetched
    /// first.
    rest: Vec<(*const T, usize)>,
    /// The number of lines that are fetched after each operation.
    together: usize,
}

impl<T> Prefetch<T> {
    pub(super) fn new() -> Self {
        Self { rest: Vec::new(), together: 0 }
    }

    /// Begins a block of these rows, whose phases write `written`.
    pub(super) fn start(
        &mut self,
        written: &[Address<T>],
        clock: Clock,
        (first, rows): (usize, usize),
        phases: &[Phase<T>],
    ) where
        T: Scalar,
    {
        self.rest.clear();
        let mut lines = 0;
        for address in written.iter().rev() {
            let (start, distance) = address.at(clock, first);
            let len = (rows * distance * size_of::<T>()).div_ceil(LINE);
            lines += len;
            self.rest.push((start.cast_const(), len));
        }
        if lines < FEW {
            self.rest.clear();
            return;
        }
        let chunks = |phase: &Phase<T>| (rows * phase.width()).div_ceil(CHUNK_ELEMENTS);
        let functions = phases.iter().map(|phase| chunks(phase) * phase.ops.len());
        // a quarter more, to finish before the last operation
        self.together = (lines + lines / 4).div_ceil(functions.sum::<usize>().max(1));
    }

    /// Fetches the next lines.
    #[inline(always)]
    pub(super) fn go_on(&mut self) {
        if let Some((line, left)) = self.rest.last_mut() {
            let count = self.together.min(*left);
            for _ in 0..count {
                prefetch(*line);
                *line = line.wrapping_byte_add(LINE);
            }
            *left -= count;
            if *left == 0 {
                self.rest.pop();
            }
        }
    }
}
