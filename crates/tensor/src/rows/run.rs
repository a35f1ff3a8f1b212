//! Running a program: segments of time, divided into rows for threads.

use std::ops::Range;

use rayon::prelude::*;

use super::address::{Address, Base, Clock, Places, Segment};
use super::check::check;
use super::chunk::Operand;
use super::fetch::Fetch;
use super::layout::Layout;
use super::{
    Accumulate, Instruction, Lifetime, Phase, Role, RowProgram, Sizes, Sum, View, fused, sums,
};
use crate::packed::{Factor, PackedRhs, Start, Strided};
use crate::{Scalar, Tensor};

/// Multiplications, or about as much work, below which a stage is run by one thread.
const SMALL: usize = 1 << 19;

/// Bytes of weights that the second-level cache holds beside all else: if the steps read more, each thread
/// reads a part of them.
const RESIDENT: usize = 3 << 19;

/// The fewest rows of a thread in the loop over time: fewer read the weights too often.
const FEWEST_ROWS: usize = 4;

pub(super) fn run<T: Scalar>(
    program: &RowProgram<T>,
    sizes: Sizes,
    packed: &[PackedRhs<T>],
    inputs: &[&Tensor<T>],
    outputs: &mut [&mut [T]],
) {
    assert!(sizes.steps > 0 && sizes.segment > 0, "a run has at least one step: {sizes:?}");
    check(program, packed);
    let layout = Layout::new(program, sizes, rayon::current_num_threads());
    let mut internal: Vec<Tensor<T>> = Vec::new();
    let mut own = |memory: Tensor<T>| {
        internal.push(memory);
        internal.last_mut().expect("just pushed").as_mut_slice().as_mut_ptr()
    };
    let mut inputs = inputs.iter();
    let mut outputs = outputs.iter_mut();
    let mut bases = Vec::with_capacity(program.buffers.len());
    for buffer in &program.buffers {
        let len = layout.elements(buffer);
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
            Role::Internal => own(Tensor::build([len].into(), |_| ())),
            Role::Constant(value) => own(Tensor::full([len], T::of(value))),
        }));
    }
    assert!(inputs.next().is_none() && outputs.next().is_none(), "as many buffers as given");
    let run = Run { program, layout, packed, bases };
    for first in (0..sizes.steps).step_by(sizes.segment) {
        run.segment(first..sizes.steps.min(first + sizes.segment));
    }
    run.finals();
}

/// A program on its way.
struct Run<'a, T> {
    program: &'a RowProgram<T>,
    layout: Layout,
    packed: &'a [PackedRhs<T>],
    bases: Vec<Base<T>>,
}

/// A stage with the addresses of its instructions in a segment.
struct Stage<'a, T> {
    instructions: &'a [Instruction<T>],
    places: Vec<Places<T>>,
}

/// What a thread keeps from one instruction to the next.
pub(super) struct Workspace<T> {
    pub(super) block_rows: usize,
    pub(super) operands: Vec<Operand<T>>,
    pub(super) fetch: Fetch<T>,
}

impl<T> Workspace<T> {
    pub(super) fn new(block_rows: usize) -> Self {
        Self { block_rows, operands: Vec::new(), fetch: Fetch::new() }
    }
}

impl<T: Scalar> Run<'_, T> {
    /// Runs the steps with these counts.
    fn segment(&self, counts: Range<usize>) {
        let Sizes { steps, reversed, .. } = self.layout.sizes;
        let is_first = counts.start == 0;
        let segment = if reversed {
            Segment { start: steps - counts.end, end: steps - counts.start }
        } else {
            Segment { start: counts.start, end: counts.end }
        };
        let pieces = |instructions| self.pieces(instructions, segment);
        self.every_step(&self.program.before, &pieces(&self.program.before), segment);
        self.step_by_step(segment, counts);
        let pieces_after = pieces(&self.program.after);
        self.clear_partials(pieces_after.len());
        self.every_step(&self.program.after, &pieces_after, segment);
        self.sums(is_first, pieces_after.len(), segment);
    }

    /// Adds the sums of a segment to the totals.
    fn sums(&self, is_first: bool, pieces: usize, segment: Segment) {
        let mut is_new = vec![is_first; self.program.buffers.len()];
        for (right, lefts) in self.products() {
            let address = |view| {
                let Self { program, bases, layout, .. } = self;
                (view, Address::new(program, bases, view, layout, segment))
            };
            let term = |&(left, total): &(View, usize)| sums::Term {
                left: address(left),
                is_new: std::mem::take(&mut is_new[total]),
                // SAFETY: the buffer is one of the program, each total is in one term, and no other
                // thread is running.
                total: unsafe { self.slice(total, 1) },
            };
            let mut terms: Vec<sums::Term<'_, T>> = lefts.iter().map(term).collect();
            sums::products(&mut terms, address(right), self.layout.sizes, segment);
        }
        for sum in &self.program.sums {
            if let Sum::Partials { partials, total } = *sum {
                let is_new = std::mem::take(&mut is_new[total]);
                // SAFETY: as above; partial sums have a row for each piece, and are not the total.
                let (partials, total) =
                    unsafe { (self.slice(partials, pieces), self.slice(total, 1)) };
                sums::partials(partials, is_new, total);
            }
        }
    }

    /// The sums of products, those with the same right operand together: it is packed for all of them.
    fn products(&self) -> Vec<(View, Vec<(View, usize)>)> {
        let mut products: Vec<(View, Vec<(View, usize)>)> = Vec::new();
        for sum in &self.program.sums {
            let Sum::Products { left, right, total } = *sum else { continue };
            let has_room = |(other, lefts): &&mut (View, Vec<(View, usize)>)| {
                *other == right && lefts.iter().all(|left| left.1 != total)
            };
            match products.iter_mut().find(has_room) {
                Some((_, lefts)) => lefts.push((left, total)),
                None => products.push((right, vec![(left, total)])),
            }
        }
        products
    }

    /// The first rows of a buffer.
    ///
    /// # Safety
    ///
    /// The buffer has so many rows, and nobody else uses them meanwhile.
    #[allow(clippy::mut_from_ref)]
    unsafe fn slice(&self, buffer: usize, rows: usize) -> &mut [T] {
        let len = rows * self.program.buffers[buffer].width;
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(self.bases[buffer].0, len) }
    }

    /// The steps one after the other, rows divided among threads.
    fn step_by_step(&self, segment: Segment, counts: Range<usize>) {
        let stage = self.resolve(&self.program.step, segment);
        if stage.instructions.is_empty() {
            return;
        }
        let sizes = self.layout.sizes;
        let work = |lane: usize, rows: Range<usize>| {
            let mut workspace = Workspace::new(self.layout.block_rows);
            for count in counts.clone() {
                let clock = Clock { time: sizes.mirrored(count), count, lane, piece: 0 };
                // SAFETY: `check` has passed, and these rows are this thread's alone.
                unsafe { stage.run(self.packed, clock, rows.clone(), &mut workspace) };
            }
        };
        let rows = sizes.rows;
        let most = if rows * counts.len() * stage.cost() < SMALL { 1 } else { rows / FEWEST_ROWS };
        if most <= 1 {
            return work(0, 0..rows); // and starts no threads
        }
        if stage.weight_bytes(self.packed) > RESIDENT {
            return self.steps_together(&stage, counts);
        }
        let parts = rayon::current_num_threads().min(most);
        (0..parts).into_par_iter().for_each(|i| work(i, i * rows / parts..(i + 1) * rows / parts));
    }

    /// The steps one after the other, and in each every instruction on all threads: products are divided by
    /// columns, so that no two threads read the same weights.
    fn steps_together(&self, stage: &Stage<'_, T>, counts: Range<usize>) {
        let sizes = self.layout.sizes;
        let parts = rayon::current_num_threads().min(sizes.rows);
        for count in counts {
            let clock = |lane| Clock { time: sizes.mirrored(count), count, lane, piece: 0 };
            for (instruction, places) in stage.instructions.iter().zip(&stage.places) {
                if let Instruction::MatMul { right, .. } = instruction {
                    let right = &self.packed[*right];
                    // SAFETY: `check` has passed, and nobody else uses these rows meanwhile.
                    unsafe {
                        let left = left_factor(&places.operands, clock(0), 0..sizes.rows);
                        right.multiply_on_threads(left);
                    }
                    continue;
                }
                (0..parts).into_par_iter().for_each(|i| {
                    let mut workspace = Workspace::new(self.layout.block_rows);
                    let rows = i * sizes.rows / parts..(i + 1) * sizes.rows / parts;
                    // SAFETY: as above; these rows are this thread's alone.
                    unsafe {
                        instruction.run(places, self.packed, clock(i), rows, &mut workspace);
                    }
                });
            }
        }
    }

    /// All steps at once, in pieces of consecutive steps.
    fn every_step(
        &self,
        instructions: &[Instruction<T>],
        pieces: &[Range<usize>],
        segment: Segment,
    ) {
        let stage = self.resolve(instructions, segment);
        if stage.instructions.is_empty() {
            return;
        }
        let sizes = self.layout.sizes;
        let work = |(piece, steps): (usize, &Range<usize>)| {
            let mut workspace = Workspace::new(self.layout.block_rows);
            let lane = rayon::current_thread_index().unwrap_or(0);
            let (time, count) = (steps.start, sizes.mirrored(steps.start));
            let clock = Clock { time, count, lane, piece };
            let rows = 0..steps.len() * sizes.rows;
            // SAFETY: `check` has passed; the rows of a step follow those of the one before, and these
            // are this thread's alone, as is its lane: no instruction hands work to the pool, so none
            // is begun on this thread before the last is done.
            unsafe { stage.run(self.packed, clock, rows, &mut workspace) };
        };
        if (segment.end - segment.start) * sizes.rows * stage.cost() < SMALL {
            pieces.iter().enumerate().for_each(work);
        } else {
            pieces.par_iter().enumerate().for_each(work);
        }
    }

    /// The steps of a segment, divided into pieces for a stage of these instructions.
    fn pieces(&self, instructions: &[Instruction<T>], segment: Segment) -> Vec<Range<usize>> {
        let together = self.layout.steps_of_piece(self.program, instructions);
        // a step that reads at an edge stands alone
        let mut views = instructions.iter().flat_map(Instruction::operands);
        let delayed = views.any(|view| view.delay.is_some());
        let last = self.layout.sizes.steps - 1;
        let mut pieces = Vec::new();
        let mut start = segment.start;
        while start < segment.end {
            let alone = delayed && (start == 0 || start == last);
            let mut end = segment.end.min(start + if alone { 1 } else { together });
            if delayed && end > last && start < last {
                end = last;
            }
            pieces.push(start..end);
            start = end;
        }
        pieces
    }

    /// Partial sums start from zero.
    fn clear_partials(&self, pieces: usize) {
        for (index, buffer) in self.program.buffers.iter().enumerate() {
            if buffer.lifetime == Lifetime::Partial {
                // SAFETY: the buffer has a row for each piece, and no thread is running.
                unsafe { self.slice(index, pieces) }.fill(T::zero());
            }
        }
    }

    fn resolve<'s>(&self, instructions: &'s [Instruction<T>], segment: Segment) -> Stage<'s, T> {
        Stage {
            instructions,
            places: places(self.program, &self.bases, instructions, &self.layout, segment),
        }
    }

    /// Copies the values of the last step.
    fn finals(&self) {
        let Sizes { steps, segment, reversed, .. } = self.layout.sizes;
        let count = steps - 1;
        let clock = Clock::of(self.layout.sizes.mirrored(count), count);
        let start = if reversed { 0 } else { (steps - 1) / segment * segment };
        let last = Segment { start, end: steps };
        // SAFETY: `check` has passed, and no thread is running.
        unsafe { copy_finals(self.program, &self.bases, &self.layout, last, clock) };
    }
}

/// Copies the values of a step to where they are wanted at the end.
///
/// # Safety
///
/// `check` has passed, the buffers have the sizes that it presumes, and nobody else uses them meanwhile.
pub(super) unsafe fn copy_finals<T: Scalar>(
    program: &RowProgram<T>,
    bases: &[Base<T>],
    layout: &Layout,
    segment: Segment,
    clock: Clock,
) {
    for &(view, buffer) in &program.finals {
        let address = Address::new(program, bases, view, layout, segment);
        for row in 0..layout.sizes.rows {
            let (from, _) = address.at(clock, row);
            let to = bases[buffer].0.wrapping_add(row * view.width);
            // SAFETY: the view and the output lie within their buffers, which are not the same.
            unsafe { std::ptr::copy_nonoverlapping(from, to, view.width) };
        }
    }
}

/// The addresses of each instruction.
pub(super) fn places<T: Scalar>(
    program: &RowProgram<T>,
    bases: &[Base<T>],
    instructions: &[Instruction<T>],
    layout: &Layout,
    segment: Segment,
) -> Vec<Places<T>> {
    let of = |instruction| Places::of(instruction, program, bases, layout, segment);
    instructions.iter().map(of).collect()
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
            Self::Fused(phases) => phases.iter().flat_map(|phase| &phase.arrays).copied().collect(),
        }
    }

    /// Every view that it writes.
    pub(super) fn written(&self) -> Vec<View> {
        match self {
            Self::MatMul { output, .. } => vec![*output],
            Self::Fused(phases) => phases.iter().flat_map(Phase::written).collect(),
        }
    }

    /// Multiplications for a row, or about as much work.
    fn cost(&self) -> usize {
        match self {
            Self::MatMul { left, output, .. } => left.width * output.width,
            Self::Fused(phases) => {
                8 * phases.iter().map(|phase| phase.width * phase.ops.len()).sum::<usize>()
            }
        }
    }

    /// Runs on some rows.
    ///
    /// # Safety
    ///
    /// `check` has passed; the places are those of the instruction, in buffers of the sizes that it
    /// presumes; and no other thread uses these rows meanwhile.
    pub(super) unsafe fn run(
        &self,
        places: &Places<T>,
        packed: &[PackedRhs<T>],
        clock: Clock,
        rows: Range<usize>,
        workspace: &mut Workspace<T>,
    ) {
        match self {
            // SAFETY: the caller's contract.
            Self::MatMul { right, .. } => unsafe {
                packed[*right].multiply(left_factor(&places.operands, clock, rows));
            },
            // SAFETY: the caller's contract.
            Self::Fused(phases) => unsafe {
                fused::run(phases, places, clock, rows, workspace);
            },
        }
    }
}

/// The left operand of a product, with what the product starts from and where it goes.
fn left_factor<T: Scalar>(addresses: &[Address<T>], clock: Clock, rows: Range<usize>) -> Factor<T> {
    let (a, a_distance) = addresses[0].at(clock, rows.start);
    let c = addresses[1].at(clock, rows.start);
    let start = addresses.get(2).map_or(Start::Zero, |onto| {
        let (first, distance) = onto.at(clock, rows.start);
        Start::Rows(first, distance)
    });
    let a = Strided { first: a, strides: [a_distance, 1] };
    Factor { rows: rows.len(), a, start, c }
}

impl<T: Scalar> Stage<'_, T> {
    /// Bytes of the weights that its products read.
    fn weight_bytes(&self, packed: &[PackedRhs<T>]) -> usize {
        let weights = self.instructions.iter().filter_map(|instruction| match instruction {
            Instruction::MatMul { right, .. } => Some(packed[*right].extents()),
            Instruction::Fused(_) => None,
        });
        weights.map(|[rows, columns]| rows * columns * size_of::<T>()).sum()
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
        rows: Range<usize>,
        workspace: &mut Workspace<T>,
    ) {
        for (instruction, places) in self.instructions.iter().zip(&self.places) {
            // SAFETY: the caller's contract.
            unsafe { instruction.run(places, packed, clock, rows.clone(), workspace) };
        }
    }
}
