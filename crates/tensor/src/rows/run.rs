//! Running a program: segments of time, divided into rows for threads.

use rayon::prelude::*;

use super::address::{Address, Base, Clock, Segment};
use super::check::check;
use super::pointwise::Workspace;
use super::{Buffer, Instruction, Onto, Role, RowProgram, Sizes, Span, View, sums};
use crate::packed::{PackedRhs, Start};
use crate::{Scalar, Tensor};

/// Multiplications, or about as much work, below which a stage is run by one thread.
const SMALL: usize = 1 << 19;

/// The fewest rows of a thread in the loop over time: fewer read the weights too often.
const FEWEST_ROWS: usize = 4;

/// Rows of a piece of the stages before and after the loop: many, so that products read their weights
/// seldom.
const PIECE: usize = 128;

/// Elements of a piece's own buffers, which should fit the second-level cache.
const PIECE_ELEMENTS: usize = 1 << 18;

pub(super) fn run<T: Scalar>(
    program: &RowProgram,
    sizes: Sizes,
    packed: &[PackedRhs<T>],
    inputs: &[&Tensor<T>],
    outputs: &mut [&mut [T]],
) {
    assert!(sizes.steps > 0 && sizes.segment > 0, "a run has at least one step: {sizes:?}");
    check(program, packed);
    let mut internal = Vec::new();
    let mut inputs = inputs.iter();
    let mut outputs = outputs.iter_mut();
    let mut bases = Vec::with_capacity(program.buffers.len());
    for buffer in &program.buffers {
        let len = elements(program, buffer, sizes);
        bases.push(Base(match buffer.role {
            Role::Input => {
                let input = inputs.next().expect("as many inputs as buffers of this role");
                assert!(input.len() == len, "an input has {} elements of {len}", input.len());
                input.as_slice().as_ptr().cast_mut() // only read: `check` sees to it
            }
            Role::Output => {
                let output = outputs.next().expect("as many outputs as buffers of this role");
                assert!(output.len() == len, "an output has {} elements of {len}", output.len());
                output.as_mut_ptr()
            }
            Role::Internal => {
                internal.push(Tensor::build([len].into(), |_| ()));
                internal.last_mut().expect("just pushed").as_mut_slice().as_mut_ptr()
            }
        }));
    }
    assert!(inputs.next().is_none() && outputs.next().is_none(), "as many buffers as given");
    let run = Run { program, sizes, packed, bases };
    for first in (0..sizes.steps).step_by(sizes.segment) {
        run.segment(first..sizes.steps.min(first + sizes.segment));
    }
    run.finals();
}

/// The number of elements of a buffer.
pub(super) fn elements(program: &RowProgram, buffer: &Buffer, sizes: Sizes) -> usize {
    let rows = match buffer.span {
        Span::Piece => rayon::current_num_threads() * program.piece_rows(sizes.rows),
        Span::Sequence => sizes.steps * sizes.rows,
        Span::Segment => sizes.segment.min(sizes.steps) * sizes.rows,
        Span::Pair => 2 * sizes.rows,
        Span::Step => sizes.rows,
        Span::Row | Span::Total => 1,
    };
    rows.checked_mul(buffer.width).expect("a buffer fits memory")
}

/// A program on its way.
struct Run<'a, T> {
    program: &'a RowProgram,
    sizes: Sizes,
    packed: &'a [PackedRhs<T>],
    bases: Vec<Base<T>>,
}

/// A stage with the addresses of a segment.
struct Stage<'a, T> {
    instructions: &'a [Instruction],
    /// Those of each instruction's [`operands`](Instruction::operands).
    addresses: Vec<Vec<Address<T>>>,
}

impl<T: Scalar> Run<'_, T> {
    /// Runs the steps with these counts.
    fn segment(&self, counts: std::ops::Range<usize>) {
        let Sizes { steps, reversed, .. } = self.sizes;
        let is_first = counts.start == 0;
        let segment = if reversed {
            Segment { start: steps - counts.end, end: steps - counts.start }
        } else {
            Segment { start: counts.start, end: counts.end }
        };
        self.every_step(&self.program.before, segment);
        self.step_by_step(segment, counts);
        self.every_step(&self.program.after, segment);
        let sums = &self.program.sums;
        for (i, sum) in sums.iter().enumerate() {
            let is_new = is_first && sums[..i].iter().all(|before| before.total != sum.total);
            sums::add(self.program, &self.bases, (*sum, is_new), self.sizes, segment);
        }
    }

    /// The steps one after the other, rows divided among threads.
    fn step_by_step(&self, segment: Segment, counts: std::ops::Range<usize>) {
        let stage = self.resolve(&self.program.step, segment);
        if stage.instructions.is_empty() {
            return;
        }
        let rows = self.sizes.rows;
        let work = |from: usize, to: usize| {
            let mut workspace = stage.workspace();
            for count in counts.clone() {
                let clock = Clock { time: self.sizes.mirrored(count), count, lane: 0 };
                // SAFETY: `check` has passed, and these rows are this thread's alone.
                unsafe { stage.run(self.packed, clock, (from, to - from), &mut workspace) };
            }
        };
        let most = if rows * counts.len() * stage.cost() < SMALL { 1 } else { rows / FEWEST_ROWS };
        if most <= 1 {
            return work(0, rows); // and starts no threads
        }
        let parts = rayon::current_num_threads().min(most);
        (0..parts).into_par_iter().for_each(|i| work(i * rows / parts, (i + 1) * rows / parts));
    }

    /// All steps at once, in pieces of consecutive rows.
    fn every_step(&self, instructions: &[Instruction], segment: Segment) {
        let stage = self.resolve(instructions, segment);
        if stage.instructions.is_empty() {
            return;
        }
        let rows = self.sizes.rows;
        // a step that reads at an edge, or the same rows at every step, stands alone
        let views = || instructions.iter().flat_map(Instruction::operands);
        let delayed = views().any(|view| view.delay.is_some());
        let repeated = views()
            .any(|view| matches!(self.program.buffers[view.buffer].span, Span::Step | Span::Pair));
        let together = if repeated { 1 } else { self.program.piece_rows(rows) / rows.max(1) };
        let mut pieces = Vec::new();
        let mut start = segment.start;
        while start < segment.end {
            let alone = delayed && (start == 0 || start + 1 == self.sizes.steps);
            let mut end = segment.end.min(start + if alone { 1 } else { together });
            if delayed && end == self.sizes.steps && end - start > 1 {
                end -= 1;
            }
            pieces.push((start, end));
            start = end;
        }
        let work = |&(start, end): &(usize, usize)| {
            let mut workspace = stage.workspace();
            let all = (0, (end - start) * rows);
            let lane = rayon::current_thread_index().unwrap_or(0);
            let clock = Clock { time: start, count: self.sizes.mirrored(start), lane };
            // SAFETY: `check` has passed; the rows of a step follow those of the one before, and these
            // are this thread's alone.
            unsafe { stage.run(self.packed, clock, all, &mut workspace) };
        };
        if (segment.end - segment.start) * rows * stage.cost() < SMALL {
            pieces.iter().for_each(work);
        } else {
            pieces.par_iter().for_each(work);
        }
    }

    fn resolve<'s>(&self, instructions: &'s [Instruction], segment: Segment) -> Stage<'s, T> {
        Stage {
            instructions,
            addresses: addresses(self.program, &self.bases, instructions, self.sizes, segment),
        }
    }

    /// Copies the values of the last step.
    fn finals(&self) {
        let Sizes { steps, segment, .. } = self.sizes;
        let count = steps - 1;
        let clock = Clock { time: self.sizes.mirrored(count), count, lane: 0 };
        let start = if self.sizes.reversed { 0 } else { (steps - 1) / segment * segment };
        let last = Segment { start, end: steps };
        // SAFETY: `check` has passed, and no thread is running.
        unsafe { copy_finals(self.program, &self.bases, self.sizes, last, clock) };
    }
}

/// Copies the values of a step to where they are wanted at the end.
///
/// # Safety
///
/// `check` has passed, the buffers have the sizes that it presumes, and nobody else uses them meanwhile.
pub(super) unsafe fn copy_finals<T: Scalar>(
    program: &RowProgram,
    bases: &[Base<T>],
    sizes: Sizes,
    segment: Segment,
    clock: Clock,
) {
    for &(view, buffer) in &program.finals {
        let address = Address::new(program, bases, view, sizes, segment);
        for row in 0..sizes.rows {
            let (from, _) = address.at(clock, row);
            let to = bases[buffer].0.wrapping_add(row * view.width);
            // SAFETY: the view and the output lie within their buffers, which are not the same.
            unsafe { std::ptr::copy_nonoverlapping(from, to, view.width) };
        }
    }
}

/// The addresses of the operands of each instruction.
pub(super) fn addresses<T: Scalar>(
    program: &RowProgram,
    bases: &[Base<T>],
    instructions: &[Instruction],
    sizes: Sizes,
    segment: Segment,
) -> Vec<Vec<Address<T>>> {
    let address = |view: View| Address::new(program, bases, view, sizes, segment);
    let of = |instruction: &Instruction| instruction.operands().into_iter().map(address).collect();
    instructions.iter().map(of).collect()
}

impl RowProgram {
    /// The rows of a piece, of whole steps of so many rows: fewer if it has much to keep.
    pub(super) fn piece_rows(&self, rows: usize) -> usize {
        let own = self.buffers.iter().filter(|buffer| buffer.span == Span::Piece);
        let width: usize = own.map(|buffer| buffer.width).sum();
        let fitting = (PIECE_ELEMENTS / width.max(1)).clamp(PIECE / 4, PIECE);
        fitting.div_ceil(rows.max(1)) * rows.max(1)
    }
}

impl Instruction {
    /// Every view that it reads or writes.
    #[must_use]
    pub fn operands(&self) -> Vec<View> {
        match self {
            Self::Product { left, onto: Onto::Rows(rows), output, .. } => {
                vec![*left, *output, *rows]
            }
            Self::Product { left, output, .. } => vec![*left, *output],
            Self::Pointwise(pointwise) => pointwise.arrays.clone(),
            Self::SumRow { input, output } => vec![*input, *output],
        }
    }

    /// Every view that it writes.
    pub(super) fn written(&self) -> Vec<View> {
        match self {
            Self::Product { output, .. } | Self::SumRow { output, .. } => vec![*output],
            Self::Pointwise(pointwise) => pointwise.written().collect(),
        }
    }

    /// The number of registers that it needs.
    pub(super) fn registers(&self) -> usize {
        match self {
            Self::Pointwise(pointwise) => pointwise.registers,
            Self::Product { .. } | Self::SumRow { .. } => 0,
        }
    }

    /// Multiplications for a row, or about as much work.
    fn cost(&self) -> usize {
        match self {
            Self::Product { left, output, .. } => left.width * output.width,
            Self::Pointwise(pointwise) => 8 * pointwise.code.len() * pointwise.width,
            Self::SumRow { input, .. } => input.width,
        }
    }

    /// Runs on `rows` rows from row `first`.
    ///
    /// # Safety
    ///
    /// `check` has passed; the addresses are those of the operands, in buffers of the sizes that it
    /// presumes; and no other thread uses these rows meanwhile.
    pub(super) unsafe fn run<T: Scalar>(
        &self,
        addresses: &[Address<T>],
        packed: &[PackedRhs<T>],
        clock: Clock,
        (first, rows): (usize, usize),
        workspace: &mut Workspace<T>,
    ) {
        match self {
            Self::Product { right, onto, .. } => {
                let (a, a_distance) = addresses[0].at(clock, first);
                let (c, c_distance) = addresses[1].at(clock, first);
                let start = match onto {
                    Onto::Zero => Start::Zero,
                    Onto::Rows(_) => {
                        let (rows, distance) = addresses[2].at(clock, first);
                        Start::Rows(rows, distance)
                    }
                };
                // SAFETY: the caller's contract.
                unsafe { packed[*right].multiply(rows, a, [a_distance, 1], start, c, c_distance) };
            }
            // SAFETY: the caller's contract.
            Self::Pointwise(pointwise) => unsafe {
                pointwise.run(addresses, clock, first, rows, workspace);
            },
            Self::SumRow { input, .. } => {
                let (x, y) = (addresses[0].at(clock, first), addresses[1].at(clock, first));
                // SAFETY: the caller's contract.
                unsafe { sums::rows((x.0, x.1), input.width, y, rows) };
            }
        }
    }
}

impl<T: Scalar> Stage<'_, T> {
    fn workspace(&self) -> Workspace<T> {
        Workspace::new(self.instructions.iter().map(Instruction::registers).max().unwrap_or(0))
    }

    /// Multiplications for a row, or about as much work.
    fn cost(&self) -> usize {
        self.instructions.iter().map(Instruction::cost).sum()
    }

    /// Runs all instructions on some rows.
    ///
    /// # Safety
    ///
    /// As for [`Instruction::run`].
    unsafe fn run(
        &self,
        packed: &[PackedRhs<T>],
        clock: Clock,
        rows: (usize, usize),
        workspace: &mut Workspace<T>,
    ) {
        for (instruction, addresses) in self.instructions.iter().zip(&self.addresses) {
            // SAFETY: the caller's contract.
            unsafe { instruction.run(addresses, packed, clock, rows, workspace) };
        }
    }
}
