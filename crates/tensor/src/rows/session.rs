//! Running a program one step at a time, with the state carried along.

use std::fmt;

use super::address::{Addresses, Base, Clock, Segment};
use super::block::Workspace;
use super::blocking::Blocking;
use super::buffer::{Lifetime, Role, View};
use super::check::check;
use super::memo::{Buffers, Memo};
use super::program::{Instruction, RowProgram, Sizes};
use super::stage::{addresses, copy_finals};
use crate::gemm::packed::PackedRhs;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// A program that runs one step at a time. Memory is allocated in advance, so a step
/// allocates nothing, except to [memoize](Self::memoize) new inputs and in functions of whole rows. Large products run on
/// several threads.
pub struct Session<T> {
    program: RowProgram<T>,
    packed: Vec<PackedRhs<T>>,
    memory: Memory<T>,
    /// The addresses of the instructions of the three stages.
    addresses: [Vec<Addresses<T>>; 3],
    /// For each final value, the input buffer that it replaces after a step.
    carried: Vec<usize>,
    blocking: Blocking,
    workspace: Workspace<T>,
    memo: Option<Memo<T>>,
}

impl<T: Scalar> Session<T> {
    /// Creates a session of a program for this many rows.
    ///
    /// `inputs` are the program's inputs for one step, in order. For each final value, `carried` is
    /// the index of the input that it replaces after every step.
    ///
    /// # Panics
    ///
    /// If an input does not have the number of elements that its buffer requires, `carried` does
    /// not have one entry for each final value, the program sums over steps, or it is malformed as
    /// for [`RowProgram::run`].
    #[must_use]
    #[inline(never)]
    pub fn new(
        program: RowProgram<T>,
        rows: usize,
        packed: Vec<PackedRhs<T>>,
        inputs: &[&Tensor<T>],
        carried: &[usize],
    ) -> Self {
        let sizes = Sizes { steps: 1, rows, segment: 1, reversed: false };
        assert!(
            program.sums.is_empty(),
            "a session runs single steps, so its program cannot sum over steps"
        );
        check(&program, &packed);
        let blocking = Blocking::new(&program, sizes, 1);
        assert_eq!(carried.len(), program.finals.len(), "a final value replaces one input");
        let mut given = inputs.iter();
        let mut buffers = Vec::with_capacity(program.buffers.len());
        let mut input_buffers = Vec::new();
        for (index, buffer) in program.buffers.iter().enumerate() {
            let len = blocking.elements(buffer);
            let mut memory = Tensor::zeros([len]);
            match buffer.role {
                Role::Input => {
                    let input = given.next().expect("as many inputs as buffers of this role");
                    memory.as_mut_slice().copy_from_slice(input.as_slice());
                    input_buffers.push(index);
                }
                Role::Constant(value) => memory.as_mut_slice().fill(T::of(value)),
                Role::Output | Role::Internal => {}
            }
            buffers.push(memory);
        }
        let bases: Vec<Base<T>> =
            buffers.iter_mut().map(|memory| Base(memory.as_mut_slice().as_mut_ptr())).collect();
        let carried: Vec<usize> = carried.iter().map(|&input| input_buffers[input]).collect();
        for (&(_, output), &input) in program.finals.iter().zip(&carried) {
            assert_eq!(program.buffers[input].lifetime, Lifetime::Step);
            assert_eq!(program.buffers[input].width, program.buffers[output].width);
        }
        let stages = [&program.before, &program.step, &program.after];
        let resolve = |stage: &Vec<Instruction<T>>| {
            addresses(&program, &bases, stage, &blocking, Self::SEGMENT)
        };
        Self {
            workspace: Workspace::new(blocking.block_rows),
            addresses: stages.map(resolve),
            program,
            packed,
            memory: Memory { buffers, bases },
            carried,
            blocking,
            memo: None,
        }
    }

    const SEGMENT: Segment = Segment { start: 0, end: 1 };

    /// Keeps what the stage before the loop computes, for the first `capacity` different values of these
    /// input buffers. Where they come again, the stage is not run. Other inputs that it reads must
    /// not change.
    ///
    /// # Panics
    ///
    /// If the stage reads the state.
    pub fn memoize(&mut self, inputs: Vec<usize>, capacity: usize) {
        let views = || self.program.before.iter().flat_map(Instruction::operands);
        let read = |view: View| [Some(view.buffer), view.delay.map(|delay| delay.edge)];
        let read: Vec<usize> = views().flat_map(read).flatten().collect();
        assert!(
            !read.iter().any(|buffer| self.carried.contains(buffer)),
            "the stage before the loop reads the state, which is not kept"
        );
        let inputs: Vec<usize> = inputs.into_iter().filter(|input| read.contains(input)).collect();
        if !inputs.is_empty() {
            self.memo = Some(Memo::new(&self.program, inputs, capacity));
        }
    }

    /// Stores the right operands of products in half precision; see [`PackedRhs::in_half_precision`]. An operand with a
    /// number too large for it stays as it is.
    pub fn halve_precision(&mut self) {
        for packed in &mut self.packed {
            if let Some(half) = packed.in_half_precision() {
                *packed = half;
            }
        }
        if let Some(memo) = &mut self.memo {
            memo.clear();
        }
    }

    /// The elements of a buffer of the program, by its index.
    #[must_use]
    pub fn buffer(&self, index: usize) -> &[T] {
        self.memory.buffer(index)
    }

    /// The elements of a buffer of the program, to be overwritten.
    #[must_use]
    pub fn buffer_mut(&mut self, index: usize) -> &mut [T] {
        self.memory.buffer_mut(index)
    }

    /// Runs a step from the inputs and the state that the buffers hold.
    #[inline(never)]
    pub fn step(&mut self) {
        match self.memo.take() {
            None => self.stage(0),
            Some(mut memo) => {
                if !memo.recall(&mut self.memory) {
                    self.stage(0);
                    memo.keep(&self.memory);
                }
                self.memo = Some(memo);
            }
        }
        self.stage(1);
        self.stage(2);
        let Self { program, memory: Memory { bases, .. }, blocking, carried, .. } = self;
        let (clock, rows) = (Clock::of(0, 0), blocking.sizes.rows);
        // SAFETY: as for the stages.
        unsafe { copy_finals(program, bases, blocking, Self::SEGMENT, clock) };
        for (&(view, output), &input) in program.finals.iter().zip(&*carried) {
            let len = rows * view.width;
            // SAFETY: both buffers hold a step of this width, and are not the same.
            unsafe { std::ptr::copy_nonoverlapping(bases[output].0, bases[input].0, len) };
        }
    }

    /// Runs one of the three stages.
    fn stage(&mut self, index: usize) {
        let (clock, rows) = (Clock::of(0, 0), 0..self.blocking.sizes.rows);
        let Self { program, packed, workspace, .. } = self;
        let stage = [&program.before, &program.step, &program.after][index];
        for (instruction, addresses) in stage.iter().zip(&self.addresses[index]) {
            // SAFETY: `check` has passed, the buffers have the sizes for one step, and the session
            // is borrowed exclusively.
            unsafe {
                match instruction {
                    Instruction::MatMul { .. } => {
                        instruction.multiply_on_threads(addresses, packed, clock, rows.clone());
                    }
                    _ => instruction.run(addresses, packed, clock, rows.clone(), workspace),
                }
            }
        }
    }
}

/// The memory of the buffers.
struct Memory<T> {
    buffers: Vec<Tensor<T>>,
    bases: Vec<Base<T>>,
}

impl<T: Scalar> Buffers<T> for Memory<T> {
    fn buffer(&self, index: usize) -> &[T] {
        // SAFETY: the buffer is alive and this long; the steps, which write through the same
        // pointer, borrow the memory exclusively.
        unsafe { std::slice::from_raw_parts(self.bases[index].0, self.buffers[index].len()) }
    }

    fn buffer_mut(&mut self, index: usize) -> &mut [T] {
        // SAFETY: as above; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.bases[index].0, self.buffers[index].len()) }
    }
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("rows", &self.blocking.sizes.rows).finish_non_exhaustive()
    }
}
