//! Running a program: segments of time, whose rows are divided among threads.

use std::cell::Cell;
use std::ops::Range;

use super::address::{Address, Base, Clock, Segment};
use super::block::Workspace;
use super::blocking::Blocking;
use super::buffer::{Lifetime, Role, View};
use super::check::check;
use super::program::{Instruction, RowProgram, Sizes, Sum};
use super::stage::{BoundStage, addresses, copy_finals};
use super::sums;
use crate::cpu::forks::read_weights;
use crate::cpu::parallel::{for_each, lane, lanes};
use crate::gemm::packed::PackedRhs;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// The cost, in multiplications, below which one thread runs a stage.
const SMALL: usize = 1 << 19;

/// Bytes of weights that fit the second-level cache beside all other data. If a step reads more,
/// each thread reads a part of the weights.
const RESIDENT: usize = 3 << 19;

/// The fewest rows of a thread in the loop over time. With fewer rows, weights are read too often.
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
    let blocking = Blocking::new(program, sizes, lanes());
    let mut internal: Vec<Tensor<T>> = Vec::new();
    let mut own = |memory: Tensor<T>| {
        internal.push(memory);
        internal.last_mut().expect("just pushed").as_mut_slice().as_mut_ptr()
    };
    let mut inputs = inputs.iter();
    let mut outputs = outputs.iter_mut();
    let mut bases = Vec::with_capacity(program.buffers.len());
    for buffer in &program.buffers {
        let len = blocking.elements(buffer);
        bases.push(Base(match buffer.role {
            Role::Input => {
                let input = inputs.next().expect("as many inputs as buffers of this role");
                assert!(input.len() == len, "an input has {} elements of {len}", input.len());
                input.as_slice().as_ptr().cast_mut() // only read: `check` has made sure
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
    let run = Run { program, blocking, packed, bases };
    for first in (0..sizes.steps).step_by(sizes.segment) {
        run.segment(first..sizes.steps.min(first + sizes.segment));
    }
    run.finals();
}

/// A program being run.
struct Run<'a, T> {
    program: &'a RowProgram<T>,
    blocking: Blocking,
    packed: &'a [PackedRhs<T>],
    bases: Vec<Base<T>>,
}

impl<T: Scalar> Run<'_, T> {
    /// Runs a segment: the steps with these counts.
    fn segment(&self, counts: Range<usize>) {
        let Sizes { steps, reversed, .. } = self.blocking.sizes;
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
        for SumsOfProducts { right, inner_rows, lefts } in self.products() {
            let address = |view| {
                let Self { program, bases, blocking, .. } = self;
                (view, Address::new(program, bases, view, blocking, segment))
            };
            let sum = |&(left, total): &(View, usize)| sums::ProductSum {
                left: address(left),
                is_new: std::mem::take(&mut is_new[total]),
                // SAFETY: the buffer is one of the program, each total is in one sum, and no other
                // thread is running.
                total: unsafe { self.slice(total, 1) },
            };
            let mut sums: Vec<sums::ProductSum<'_, T>> = lefts.iter().map(sum).collect();
            sums::products(&mut sums, address(right), inner_rows, self.blocking.sizes, segment);
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

    /// The sums of products, grouped by right operand.
    fn products(&self) -> Vec<SumsOfProducts> {
        let mut groups: Vec<SumsOfProducts> = Vec::new();
        for sum in &self.program.sums {
            let Sum::Products { left, right, total, inner_rows } = *sum else { continue };
            let has_room = |group: &&mut SumsOfProducts| {
                (group.right, group.inner_rows) == (right, inner_rows)
                    && group.lefts.iter().all(|left| left.1 != total)
            };
            match groups.iter_mut().find(has_room) {
                Some(group) => group.lefts.push((left, total)),
                None => {
                    groups.push(SumsOfProducts { right, inner_rows, lefts: vec![(left, total)] });
                }
            }
        }
        groups
    }

    /// The first rows of a buffer.
    ///
    /// # Safety
    ///
    /// The buffer has this many rows, and no other reference to them is used meanwhile.
    #[allow(clippy::mut_from_ref)]
    unsafe fn slice(&self, buffer: usize, rows: usize) -> &mut [T] {
        let len = rows * self.program.buffers[buffer].width;
        // SAFETY: the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(self.bases[buffer].0, len) }
    }

    /// Runs the steps one after the other, with rows divided among threads.
    fn step_by_step(&self, segment: Segment, counts: Range<usize>) {
        let stage = self.resolve(&self.program.step, segment);
        if stage.instructions.is_empty() {
            return;
        }
        let sizes = self.blocking.sizes;
        let work = |lane: usize, rows: Range<usize>| {
            let mut workspace = Workspace::new(self.blocking.block_rows);
            for count in counts.clone() {
                let clock = Clock { time: sizes.mirrored(count), count, lane, piece: 0 };
                // SAFETY: `check` has passed, and these rows are this thread's alone.
                unsafe { stage.run(self.packed, clock, rows.clone(), &mut workspace) };
            }
        };
        let rows = sizes.rows;
        let most = if rows * counts.len() * stage.cost() < SMALL { 1 } else { rows / FEWEST_ROWS };
        if most <= 1 {
            read_weights(|| counts.len() * stage.weight_bytes(self.packed));
            return work(0, 0..rows); // without waking threads
        }
        let weights = stage.weight_bytes(self.packed);
        if weights > RESIDENT {
            read_weights(|| counts.len() * weights);
            return self.steps_together(&stage, counts);
        }
        let parts = rayon::current_num_threads().min(most);
        read_weights(|| parts * counts.len() * weights);
        for_each(parts, &|i| work(i, i * rows / parts..(i + 1) * rows / parts));
    }

    /// Runs the steps one after the other, and each instruction on all threads. Products are
    /// divided by columns, so that no two threads read the same weights.
    fn steps_together(&self, stage: &BoundStage<'_, T>, counts: Range<usize>) {
        let sizes = self.blocking.sizes;
        let parts = rayon::current_num_threads().min(sizes.rows);
        for count in counts {
            let clock = |lane| Clock { time: sizes.mirrored(count), count, lane, piece: 0 };
            for (instruction, addresses) in stage.instructions.iter().zip(&stage.addresses) {
                if let Instruction::MatMul { .. } = instruction {
                    let rows = 0..sizes.rows;
                    // SAFETY: `check` has passed, and no other thread uses these rows meanwhile.
                    unsafe {
                        instruction.multiply_on_threads(addresses, self.packed, clock(0), rows);
                    }
                    continue;
                }
                for_each(parts, &|i| {
                    let mut workspace = Workspace::new(self.blocking.block_rows);
                    let rows = i * sizes.rows / parts..(i + 1) * sizes.rows / parts;
                    // SAFETY: as above; these rows are this thread's alone.
                    unsafe {
                        instruction.run(addresses, self.packed, clock(i), rows, &mut workspace);
                    }
                });
            }
        }
    }

    /// Runs a stage for all steps of the segment, in pieces of consecutive steps.
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
        read_weights(|| pieces.len() * stage.weight_bytes(self.packed));
        let sizes = self.blocking.sizes;
        let work = |piece: usize| {
            let _begun = Begun::new();
            let steps = &pieces[piece];
            let mut workspace = Workspace::new(self.blocking.block_rows);
            let lane = lane();
            let (time, count) = (steps.start, sizes.mirrored(steps.start));
            let clock = Clock { time, count, lane, piece };
            let rows = 0..steps.len() * sizes.rows;
            // SAFETY: `check` has passed. The rows of a step follow those of the previous one, and
            // belong to this thread alone. So does the lane: this thread begins no other piece before
            // this one is done.
            unsafe { stage.run(self.packed, clock, rows, &mut workspace) };
        };
        if (segment.end - segment.start) * sizes.rows * stage.cost() < SMALL {
            (0..pieces.len()).for_each(work);
        } else {
            for_each(pieces.len(), &work);
        }
    }

    /// The steps of a segment, divided into pieces for a stage of these instructions.
    fn pieces(&self, instructions: &[Instruction<T>], segment: Segment) -> Vec<Range<usize>> {
        let together = self.blocking.steps_of_piece(self.program, instructions);
        // a step that reads an edge is a piece of its own
        let mut views = instructions.iter().flat_map(Instruction::operands);
        let delayed = views.any(|view| view.delay.is_some());
        let last = self.blocking.sizes.steps - 1;
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

    /// Sets all partial sums to zero.
    fn clear_partials(&self, pieces: usize) {
        for (index, buffer) in self.program.buffers.iter().enumerate() {
            if buffer.lifetime == Lifetime::Partial {
                // SAFETY: the buffer has a row for each piece, and no thread is running.
                unsafe { self.slice(index, pieces) }.fill(T::zero());
            }
        }
    }

    fn resolve<'s>(
        &self,
        instructions: &'s [Instruction<T>],
        segment: Segment,
    ) -> BoundStage<'s, T> {
        BoundStage {
            instructions,
            addresses: addresses(self.program, &self.bases, instructions, &self.blocking, segment),
        }
    }

    /// Copies the final values of the last step to their outputs.
    fn finals(&self) {
        let Sizes { steps, segment, reversed, .. } = self.blocking.sizes;
        let count = steps - 1;
        let clock = Clock::of(self.blocking.sizes.mirrored(count), count);
        let start = if reversed { 0 } else { (steps - 1) / segment * segment };
        let last = Segment { start, end: steps };
        // SAFETY: `check` has passed, and no thread is running.
        unsafe { copy_finals(self.program, &self.bases, &self.blocking, last, clock) };
    }
}

thread_local! {
    static IN_PIECE: Cell<bool> = const { Cell::new(false) };
}

/// A piece that this thread has begun. While it lives, the thread begins no other, which would overwrite the buffers of
/// its lane. A function of the caller's could cause that: a thread that waits for the pool does other work of the pool.
struct Begun;

impl Begun {
    /// # Panics
    ///
    /// If the thread has begun another piece.
    fn new() -> Self {
        let is_nested = IN_PIECE.replace(true);
        assert!(!is_nested, "a function of a step waits for the threads that run the step");
        Self
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        IN_PIECE.set(false);
    }
}

/// Sums of products that share the right operand.
struct SumsOfProducts {
    right: View,
    inner_rows: usize,
    /// The left operands, with the buffers of their totals.
    lefts: Vec<(View, usize)>,
}

impl<T: Scalar> RowProgram<T> {
    /// Runs the program.
    ///
    /// `inputs` and `outputs` are the buffers of these roles, in order.
    ///
    /// # Panics
    ///
    /// If there are no steps, or a given buffer does not have the number of elements that its
    /// lifetime and width require. Or if the program is malformed: a view does not lie within its
    /// buffer, an input or a value of another step is written, or an instruction writes a view that
    /// it reads.
    #[inline(never)]
    pub fn run(
        &self,
        sizes: Sizes,
        packed: &[PackedRhs<T>],
        inputs: &[&Tensor<T>],
        outputs: &mut [&mut [T]],
    ) {
        run(self, sizes, packed, inputs, outputs);
    }
}
