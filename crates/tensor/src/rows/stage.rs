//! The instructions of a stage, bound to the addresses of their operands.

use std::ops::Range;

use smallvec::SmallVec;

use super::address::{Address, Addresses, Base, Clock, Segment};
use super::block::{Workspace, run_phases};
use super::blocking::Blocking;
use super::buffer::View;
use super::kernel::Kernel;
use super::program::{self, Instruction, RowProgram};
use crate::gemm::packed::{Accumulate, Factor, PackedRhs, Strided};
use crate::scalar::Scalar;

/// A stage with the addresses of its instructions in a segment.
pub(super) struct BoundStage<'a, T> {
    pub(super) instructions: &'a [Instruction<T>],
    pub(super) addresses: Vec<Addresses<T>>,
}

impl<T: Scalar> BoundStage<'_, T> {
    /// Bytes of the weights that its products read, each weight counted once.
    pub(super) fn weight_bytes(&self, packed: &[PackedRhs<T>]) -> usize {
        let mut is_read = vec![false; packed.len()];
        for instruction in self.instructions {
            if let Instruction::MatMul { right, .. } = instruction {
                is_read[*right] = true;
            }
        }
        let weights = packed.iter().zip(is_read).filter(|(_, is_read)| *is_read);
        let elements = weights.map(|(weight, _)| weight.extents().iter().product::<usize>());
        elements.sum::<usize>() * size_of::<T>()
    }

    /// The cost of a row, in multiplications.
    pub(super) fn cost(&self) -> usize {
        self.instructions.iter().map(Instruction::cost).sum()
    }

    /// Runs all instructions on some rows.
    ///
    /// # Safety
    ///
    /// As for [`Instruction::run`].
    pub(super) unsafe fn run(
        &self,
        packed: &[PackedRhs<T>],
        clock: Clock,
        rows: Range<usize>,
        workspace: &mut Workspace<T>,
    ) {
        for (instruction, addresses) in self.instructions.iter().zip(&self.addresses) {
            // SAFETY: the caller's contract.
            unsafe { instruction.run(addresses, packed, clock, rows.clone(), workspace) };
        }
    }
}
impl<T: Scalar> Instruction<T> {
    /// Runs the instruction on some rows.
    ///
    /// # Safety
    ///
    /// `check` has passed, the addresses are those of the instruction, and the buffers have the
    /// sizes of the blocking. No other thread uses these rows meanwhile.
    pub(super) unsafe fn run(
        &self,
        addresses: &Addresses<T>,
        packed: &[PackedRhs<T>],
        clock: Clock,
        rows: Range<usize>,
        workspace: &mut Workspace<T>,
    ) {
        match self {
            Self::MatMul { right, .. } => {
                self.for_each_factor(&addresses.operands, clock, rows, |factor| {
                    // SAFETY: the caller's contract.
                    unsafe { packed[*right].multiply(factor) };
                });
            }
            // SAFETY: the caller's contract.
            Self::Apply { function, inputs, output, .. } => unsafe {
                apply(function, (inputs, *output), &addresses.operands, clock, rows);
            },
            // SAFETY: the caller's contract.
            Self::Fused(phases) => unsafe {
                run_phases(phases, addresses, clock, rows, workspace);
            },
        }
    }

    /// Computes a product of some rows on several threads.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run).
    pub(super) unsafe fn multiply_on_threads(
        &self,
        addresses: &Addresses<T>,
        packed: &[PackedRhs<T>],
        clock: Clock,
        rows: Range<usize>,
    ) {
        let Self::MatMul { right, .. } = self else { return };
        self.for_each_factor(&addresses.operands, clock, rows, |factor| {
            // SAFETY: the caller's contract.
            unsafe { packed[*right].multiply_on_threads(factor) };
        });
    }

    /// Calls `multiply` with the operands of a product: once for all inner rows if they follow each other without gaps,
    /// or else once for the first inner row of each row, once for the second, and so on.
    #[inline]
    fn for_each_factor(
        &self,
        addresses: &[Address<T>],
        clock: Clock,
        rows: Range<usize>,
        multiply: impl Fn(Factor<T>),
    ) {
        let Self::MatMul { left, accumulate, output, inner_rows, .. } = *self else { return };
        let added = match accumulate {
            program::Accumulate::Rows(view) if view.width == output.width => view.width,
            _ => 0, // one inner row for all
        };
        let columns = [left.width, output.width, added].map(|width| width / inner_rows);
        let has_gaps = |operand: usize| {
            addresses[operand].at(clock, rows.start).1 != columns[operand] * inner_rows
        };
        let is_apart = inner_rows == 1 || (0..addresses.len()).any(has_gaps);
        let times = if is_apart { inner_rows } else { 1 };
        for inner_row in 0..times {
            let strided = |operand: usize| {
                let (start, distance) = addresses[operand].at(clock, rows.start);
                let start = start.wrapping_add(inner_row * columns[operand]);
                (start, if is_apart { distance } else { columns[operand] })
            };
            let (a, a_distance) = strided(0);
            let accumulate = match addresses.get(2) {
                None => Accumulate::Zero,
                Some(_) => {
                    let (first, distance) = strided(2);
                    Accumulate::Rows(first, distance)
                }
            };
            multiply(Factor {
                rows: rows.len() * inner_rows / times,
                a: Strided { first: a, strides: [a_distance, 1] },
                accumulate,
                c: strided(1),
            });
        }
    }
}

/// Computes some rows by a function of a row of each input.
///
/// # Safety
///
/// As for [`Instruction::run`]. The addresses are those of the inputs and the output.
unsafe fn apply<T: Scalar>(
    function: &Kernel<T>,
    (inputs, output): (&[View], View),
    addresses: &[Address<T>],
    clock: Clock,
    rows: Range<usize>,
) {
    for row in rows {
        let at = |operand: usize| addresses[operand].at(clock, row).0;
        let slice = |(operand, view): (usize, &View)| {
            // SAFETY: the caller's contract; the view has this many columns.
            unsafe { std::slice::from_raw_parts(at(operand).cast_const(), view.width) }
        };
        let read: SmallVec<[&[T]; 4]> = inputs.iter().enumerate().map(slice).collect();
        // SAFETY: as above; `check` has made sure that no input overlaps the output.
        let written = unsafe { std::slice::from_raw_parts_mut(at(inputs.len()), output.width) };
        function.run(&read, written);
    }
}

/// The addresses of each instruction.
pub(super) fn addresses<T: Scalar>(
    program: &RowProgram<T>,
    bases: &[Base<T>],
    instructions: &[Instruction<T>],
    blocking: &Blocking,
    segment: Segment,
) -> Vec<Addresses<T>> {
    let of = |instruction| Addresses::of(instruction, program, bases, blocking, segment);
    instructions.iter().map(of).collect()
}

/// Copies the final values of a step to their outputs.
///
/// # Safety
///
/// `check` has passed, the buffers have the sizes of the blocking, and no other thread uses them
/// meanwhile.
pub(super) unsafe fn copy_finals<T: Scalar>(
    program: &RowProgram<T>,
    bases: &[Base<T>],
    blocking: &Blocking,
    segment: Segment,
    clock: Clock,
) {
    for &(view, buffer) in &program.finals {
        let address = Address::new(program, bases, view, blocking, segment);
        for row in 0..blocking.sizes.rows {
            let (from, _) = address.at(clock, row);
            let to = bases[buffer].0.wrapping_add(row * view.width);
            // SAFETY: the view and the output lie within their buffers, which are not the same.
            unsafe { std::ptr::copy_nonoverlapping(from, to, view.width) };
        }
    }
}
