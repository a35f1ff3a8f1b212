//! The instructions of a stage, bound to the addresses of their operands.

use std::ops::Range;

use super::address::{Address, Addresses, Base, Clock, Segment};
use super::block::{Workspace, run_phases};
use super::blocking::Blocking;
use super::program::{Instruction, RowProgram};
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
            // SAFETY: the caller's contract.
            Self::MatMul { right, .. } => unsafe {
                packed[*right].multiply(left_factor(&addresses.operands, clock, rows));
            },
            // SAFETY: the caller's contract.
            Self::Fused(phases) => unsafe {
                run_phases(phases, addresses, clock, rows, workspace);
            },
        }
    }
}

/// The left operand of a product, the rows to which the product is added, and its destination.
pub(super) fn left_factor<T: Scalar>(
    addresses: &[Address<T>],
    clock: Clock,
    rows: Range<usize>,
) -> Factor<T> {
    let (a, a_distance) = addresses[0].at(clock, rows.start);
    let c = addresses[1].at(clock, rows.start);
    let accumulate = addresses.get(2).map_or(Accumulate::Zero, |added| {
        let (first, distance) = added.at(clock, rows.start);
        Accumulate::Rows(first, distance)
    });
    let a = Strided { first: a, strides: [a_distance, 1] };
    Factor { rows: rows.len(), a, accumulate, c }
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
