//! What makes running a program sound: whatever it addresses is there, and nobody else's.

use super::{Buffer, Instruction, Onto, Role, RowProgram, Span, View};
use crate::Scalar;
use crate::packed::PackedRhs;

/// Panics unless every view lies in its buffer, nothing writes to an input, and products fit.
pub(super) fn check<T: Scalar>(program: &RowProgram, packed: &[PackedRhs<T>]) {
    let inside = |view: View| {
        let buffer = program.buffers[view.buffer];
        let end = view.column.checked_add(view.width);
        assert!(end.is_some_and(|end| end <= buffer.width), "{view:?} is not within {buffer:?}");
        if let Some(delay) = view.delay {
            let spans =
                if delay.ahead { &[Span::Sequence][..] } else { &[Span::Sequence, Span::Pair] };
            assert!(spans.contains(&buffer.span), "{buffer:?} does not keep the step beside");
            let edge = program.buffers[delay.edge];
            assert!(matches!(edge.span, Span::Step | Span::Row), "{edge:?} is not one step");
            assert!(edge.role == Role::Input, "{edge:?} is written, and read at an edge");
            assert!(end.is_some_and(|end| end <= edge.width), "{view:?} is not within {edge:?}");
        }
        buffer
    };
    let written = |view: View| {
        let Buffer { span, role, .. } = inside(view);
        let own = span != Span::Row && span != Span::Total; // each row has its own elements
        assert!(own && role != Role::Input && view.delay.is_none(), "{view:?} cannot be written");
    };
    for stage in [&program.before, &program.after] {
        let written: Vec<View> = stage.iter().flat_map(Instruction::written).collect();
        for view in &written {
            let span = program.buffers[view.buffer].span;
            let own = matches!(span, Span::Sequence | Span::Segment | Span::Piece); // each step too
            assert!(own, "{view:?} is written for several steps at once");
        }
        for view in stage.iter().flat_map(Instruction::operands).filter(|view| view.delay.is_some())
        {
            let is_written = written.iter().any(|written| written.buffer == view.buffer);
            assert!(!is_written, "{view:?} is read while other steps are written");
        }
    }
    for view in program.step.iter().flat_map(Instruction::written) {
        let span = program.buffers[view.buffer].span;
        assert!(span != Span::Piece, "{view:?} is written step by step");
    }
    for instruction in program.before.iter().chain(&program.step).chain(&program.after) {
        match instruction {
            Instruction::Product { left, right, onto, output } => {
                inside(*left);
                written(*output);
                assert!(!left.overlaps(*output), "{left:?} is read and written");
                assert_eq!(packed[*right].extents(), [left.width, output.width]);
                if let Onto::Rows(rows) = onto {
                    inside(*rows);
                    assert!(rows.width == output.width && !rows.overlaps(*output), "{rows:?}");
                }
            }
            Instruction::Pointwise(pointwise) => pointwise.check(|view, is_written| {
                inside(view);
                if is_written {
                    written(view);
                }
            }),
            Instruction::SumRow { input, output } => {
                inside(*input);
                written(*output);
                assert!(output.width == 1 && !input.overlaps(*output), "{output:?}");
            }
        }
    }
    for sum in &program.sums {
        let summed = |view: View| {
            let span = inside(view).span;
            let every_step = matches!(span, Span::Sequence | Span::Segment | Span::Row);
            assert!(every_step, "{view:?} is not there for every step");
            view.width
        };
        let total = program.buffers[sum.total];
        let width = sum.left.map_or(1, summed).checked_mul(summed(sum.right));
        assert!(total.span == Span::Total && total.role != Role::Input);
        assert_eq!(Some(total.width), width);
    }
    for &(view, output) in &program.finals {
        inside(view);
        let buffer = program.buffers[output];
        assert!(buffer.span == Span::Step && buffer.role == Role::Output);
        assert!(
            buffer.width == view.width && output != view.buffer,
            "{view:?} is copied to itself"
        );
    }
}
