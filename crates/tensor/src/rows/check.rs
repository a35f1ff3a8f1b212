//! The check that makes running a program sound: every address lies in its buffer, and no row reads
//! or writes elements that another row writes.

use super::buffer::{Buffer, Delay, Lifetime, Role, View};
use super::op::{Array, Axes, Phase, RowOp};
use super::program::{Accumulate, Instruction, RowProgram, Sum};
use crate::gemm::packed::PackedRhs;
use crate::scalar::Scalar;

/// Checks a program.
///
/// # Panics
///
/// If a view does not lie in its buffer, an instruction writes to an input or reads a view that it
/// writes, or the extents of a product do not fit.
pub(super) fn check<T: Scalar>(program: &RowProgram<T>, packed: &[PackedRhs<T>]) {
    let check = Check { program, packed };
    program.buffers.iter().for_each(check_buffer);
    check.stages();
    for instruction in program.before.iter().chain(&program.step).chain(&program.after) {
        match instruction {
            Instruction::MatMul { .. } => check.product(instruction),
            Instruction::Apply { inputs, output, .. } => check.read_and_written(inputs, *output),
            Instruction::Fused(phases) => phases.iter().for_each(|phase| check.phase(phase)),
        }
    }
    program.sums.iter().for_each(|sum| check.sum(sum));
    program.finals.iter().for_each(|&(view, output)| check.last(view, output));
}

/// Checks that a buffer's lifetime suits its role.
fn check_buffer(buffer: &Buffer) {
    let is_of_thread = matches!(
        buffer.lifetime,
        Lifetime::Piece | Lifetime::Block | Lifetime::Chunk | Lifetime::Partial
    );
    assert!(
        !is_of_thread || buffer.role == Role::Internal,
        "{buffer:?} belongs to a thread, so its role must be Internal"
    );
    if let Role::Constant(_) = buffer.role {
        let is_number = (buffer.lifetime, buffer.width) == (Lifetime::Row, 1);
        assert!(is_number, "{buffer:?} must be a row of one column");
    }
}

/// A program under check.
struct Check<'a, T> {
    program: &'a RowProgram<T>,
    packed: &'a [PackedRhs<T>],
}

impl<T: Scalar> Check<'_, T> {
    fn lifetime(&self, view: View) -> Lifetime {
        self.program.buffers[view.buffer].lifetime
    }

    /// Checks that a view lies in its buffer, and returns the buffer.
    fn inside(&self, view: View) -> Buffer {
        let buffer = self.program.buffers[view.buffer];
        let end = view.column.checked_add(view.width);
        let is_within = |width: usize| end.is_some_and(|end| end <= width);
        assert!(is_within(buffer.width), "{view:?} is not within {buffer:?}");
        if buffer.lifetime == Lifetime::Chunk {
            // the buffer holds the columns of the current chunk only
            assert!(view.width == buffer.width, "{view:?} must have all columns of a chunk");
        }
        if let Some(Delay { ahead, edge }) = view.delay {
            let keeps_neighbour = match buffer.lifetime {
                Lifetime::Sequence => true,
                Lifetime::Pair => !ahead,
                _ => false,
            };
            assert!(keeps_neighbour, "{buffer:?} does not keep the neighbouring step");
            let edge = self.program.buffers[edge];
            let is_step = matches!(edge.lifetime, Lifetime::Step | Lifetime::Row);
            assert!(is_step, "{edge:?} must hold one step or row");
            assert!(
                edge.role == Role::Input,
                "{edge:?} is read at an edge, so it must be an input"
            );
            assert!(is_within(edge.width), "{view:?} is not within {edge:?}");
        }
        buffer
    }

    /// Checks a view whose buffer outlives a fused sequence.
    fn lasting(&self, view: View) {
        let lifetime = self.inside(view).lifetime;
        let lasts = !matches!(lifetime, Lifetime::Block | Lifetime::Chunk | Lifetime::Partial);
        assert!(lasts, "{view:?} does not last beyond a fused sequence");
    }

    /// Checks that a view can be written: each row has elements of its own.
    fn written(&self, view: View) {
        let Buffer { lifetime, role, .. } = self.inside(view);
        let has_rows = !matches!(lifetime, Lifetime::Row | Lifetime::Total | Lifetime::Partial);
        let is_writable = has_rows && role != Role::Input && view.delay.is_none();
        assert!(is_writable, "{view:?} cannot be written");
    }

    /// Checks that the buffers written by a stage suit the order of its steps.
    fn stages(&self) {
        let RowProgram { before, step, after, .. } = self.program;
        for view in before.iter().flat_map(Instruction::written) {
            let is_partial = self.lifetime(view) == Lifetime::Partial;
            assert!(
                !is_partial,
                "{view:?} holds partial sums, which only the stage after the loop writes"
            );
        }
        for view in step.iter().flat_map(Instruction::written) {
            let lasts = !matches!(self.lifetime(view), Lifetime::Piece | Lifetime::Partial);
            assert!(lasts, "{view:?} cannot be written in the loop");
        }
        for stage in [before, after] {
            let written: Vec<View> = stage.iter().flat_map(Instruction::written).collect();
            for &view in &written {
                let is_of_step = matches!(self.lifetime(view), Lifetime::Pair | Lifetime::Step);
                assert!(
                    !is_of_step,
                    "{view:?} holds single steps, and can be written in the loop only"
                );
            }
            let operands = stage.iter().flat_map(Instruction::operands);
            for view in operands.filter(|view| view.delay.is_some()) {
                let is_written = written.iter().any(|written| written.buffer == view.buffer);
                assert!(
                    !is_written,
                    "{view:?} reads a neighbouring step of a buffer that the same stage writes"
                );
            }
        }
    }

    fn product(&self, instruction: &Instruction<T>) {
        let Instruction::MatMul { left, right, accumulate, output, inner_rows } = *instruction
        else {
            return;
        };
        self.read_and_written(&[left], output);
        let extents = self.packed[right].extents();
        let whole = extents.map(|extent| extent.checked_mul(inner_rows));
        assert!(inner_rows > 0, "a row of {left:?} holds a matrix without rows");
        assert_eq!(whole, [left.width, output.width].map(Some));
        if let Accumulate::Rows(rows) = accumulate {
            self.lasting(rows);
            let is_shared = rows.width == extents[1] && self.lifetime(rows) == Lifetime::Row;
            let fits = rows.width == output.width || is_shared;
            assert!(fits && !rows.overlaps(output), "{rows:?}");
        }
    }

    /// Checks the operands of an instruction that is not fused, and its result.
    fn read_and_written(&self, inputs: &[View], output: View) {
        self.lasting(output);
        self.written(output);
        for &input in inputs {
            self.lasting(input);
            assert!(!input.overlaps(output), "{input:?} is read and written");
        }
    }

    fn phase(&self, phase: &Phase<T>) {
        assert!(!phase.axes.is_empty(), "a phase has axes");
        phase.arrays.iter().for_each(|array| self.array(array, &phase.axes));
        phase.ops.iter().for_each(|op| self.operation(phase, op));
    }

    /// Checks that the elements of an array lie in its view.
    fn array(&self, Array { view, strides }: &Array, axes: &Axes) {
        let lifetime = self.inside(*view).lifetime;
        assert_eq!(strides.len(), axes.len(), "{strides:?} are not the strides of {axes:?}");
        let is_within = span(axes, strides).is_some_and(|span| span <= view.width);
        assert!(is_within, "{view:?} does not hold {axes:?} with strides {strides:?}");
        if lifetime == Lifetime::Chunk {
            // the elements of a chunk have no gaps between them
            let is_whole = is_injective(axes, strides) && strides.last() == Some(&1);
            let is_whole = is_whole && span(axes, strides) == Some(view.width);
            assert!(is_whole, "{view:?} does not hold {axes:?} as a chunk");
        }
    }

    /// Checks an operation: it writes each element of its target once, and none that it reads.
    fn operation(&self, phase: &Phase<T>, op: &RowOp<T>) {
        let Array { view: target, strides } = &phase.arrays[op.target()];
        let columns = phase.axes.last().copied().unwrap_or(1);
        let has_columns = columns <= 1 || strides.last() == Some(&1);
        if op.reduces() {
            let kept = |(axes, strides): (&usize, &usize)| if *strides == 0 { 1 } else { *axes };
            let axes: Axes = phase.axes.iter().zip(strides).map(kept).collect();
            let is_column = has_columns || strides.last() == Some(&0);
            let lasts = self.lifetime(*target) != Lifetime::Chunk;
            let fits = is_injective(&axes, strides) && is_column && lasts;
            assert!(fits, "{op:?} to {target:?}");
            // the reduction is complete after the last chunk only, so no operation of the phase
            // may read an element that it overwrites
            for &source in phase.ops.iter().flat_map(RowOp::sources) {
                let source = phase.arrays[source].view;
                assert!(!target.overlaps(source), "{source:?} is reduced in the same phase");
            }
        } else {
            let fits = is_injective(&phase.axes, strides) && has_columns;
            assert!(fits, "{op:?} to {target:?}");
        }
        for &source in op.sources() {
            let source = phase.arrays[source].view;
            assert!(!target.overlaps(source), "{op:?} with {target:?}, {source:?}");
            let is_partial = self.lifetime(source) == Lifetime::Partial;
            assert!(!is_partial, "{source:?} is read before it is summed");
        }
        if op.adds_rows() {
            let is_partial = self.lifetime(*target) == Lifetime::Partial;
            assert!(is_partial, "{target:?} must be a buffer of partial sums");
        } else {
            self.written(*target);
        }
    }

    fn sum(&self, sum: &Sum) {
        let width = match *sum {
            Sum::Products { left, right, inner_rows, .. } => {
                self.summed(left);
                self.summed(right);
                let columns = [left, right].map(|view| {
                    let is_whole = inner_rows > 0 && view.width.is_multiple_of(inner_rows);
                    assert!(is_whole, "{view:?} does not hold {inner_rows} rows");
                    view.width / inner_rows
                });
                columns[0].checked_mul(columns[1])
            }
            Sum::Partials { partials, .. } => {
                let Buffer { lifetime, width, .. } = self.program.buffers[partials];
                assert!(lifetime == Lifetime::Partial, "{sum:?} has no partial sums");
                Some(width)
            }
        };
        let total = self.program.buffers[sum.total()];
        assert!(total.lifetime == Lifetime::Total && total.role != Role::Input);
        assert_eq!(Some(total.width), width);
    }

    /// Checks that the rows of all steps of a view are contiguous, as a product over steps
    /// requires.
    fn summed(&self, view: View) {
        let lifetime = self.inside(view).lifetime;
        let edge = view.delay.map(|delay| self.program.buffers[delay.edge].lifetime);
        let has_rows = matches!(lifetime, Lifetime::Sequence | Lifetime::Segment)
            && edge != Some(Lifetime::Row);
        assert!(has_rows, "{view:?} must have a row for every row of every step");
    }

    /// Checks a value of the last step, and the buffer that it is copied to.
    fn last(&self, view: View, output: usize) {
        self.lasting(view);
        let is_kept = !matches!(self.lifetime(view), Lifetime::Piece | Lifetime::Total);
        assert!(is_kept, "{view:?} does not last to the end of the run");
        let buffer = self.program.buffers[output];
        assert!(buffer.lifetime == Lifetime::Step && buffer.role == Role::Output);
        let is_copied = buffer.width == view.width && output != view.buffer;
        assert!(is_copied, "{view:?} must be copied to another buffer of its width");
    }
}

/// The distance from the first element of an array to beyond its last; `None` if it overflows.
fn span(axes: &[usize], strides: &[usize]) -> Option<usize> {
    if axes.contains(&0) {
        return Some(0);
    }
    let mut last = 0_usize;
    for (extent, stride) in axes.iter().zip(strides) {
        last = last.checked_add(stride.checked_mul(extent - 1)?)?;
    }
    last.checked_add(1)
}

/// Whether all elements of an array are different: along each axis, the stride exceeds the span of
/// the axes of smaller strides.
fn is_injective(axes: &[usize], strides: &[usize]) -> bool {
    let mut loops: Axes = (0..axes.len()).filter(|&axis| axes[axis] > 1).collect();
    loops.sort_unstable_by_key(|&axis| strides[axis]);
    let mut spanned = 1;
    loops.into_iter().all(|axis| {
        let exceeds = strides[axis] >= spanned;
        spanned += strides[axis].saturating_mul(axes[axis] - 1);
        exceeds
    })
}
