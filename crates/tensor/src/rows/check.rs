//! What makes running a program sound: whatever it addresses is there, and nobody else's.

use super::{Buffer, Instruction, Onto, Role, RowProgram, Span, Sum, View};
use crate::Scalar;
use crate::packed::PackedRhs;

/// Panics unless every view lies in its buffer, nothing writes to an input, and products fit.
pub(super) fn check<T: Scalar>(program: &RowProgram, packed: &[PackedRhs<T>]) {
    let inside = |view: View| {
        let buffer = program.buffers[view.buffer];
        let end = view.column.checked_add(view.width);
        assert!(end.is_some_and(|end| end <= buffer.width), "{view:?} is not within {buffer:?}");
        if buffer.span == Span::Chunk {
            // it has no columns but those at hand
            assert!(view.width == buffer.width, "{view:?} is a part of a chunk");
        }
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
    for buffer in &program.buffers {
        let own = matches!(buffer.span, Span::Piece | Span::Block | Span::Chunk | Span::Partial);
        assert!(!own || buffer.role == Role::Internal, "{buffer:?} is a thread's own");
        if let Role::Number(_) = buffer.role {
            assert!((buffer.span, buffer.width) == (Span::Row, 1), "{buffer:?} is one number");
        }
    }
    // what is there outside a fused sequence
    let lasting = |view: View| {
        let Buffer { span, .. } = inside(view);
        let lasts = !matches!(span, Span::Block | Span::Chunk | Span::Partial);
        assert!(lasts, "{view:?} does not last beyond a fused sequence");
    };
    let written = |view: View| {
        let Buffer { span, role, .. } = inside(view);
        let own = !matches!(span, Span::Row | Span::Total | Span::Partial); // each row its elements
        assert!(own && role != Role::Input && view.delay.is_none(), "{view:?} cannot be written");
    };
    let is_partial = |view: View| program.buffers[view.buffer].span == Span::Partial;
    for view in program.before.iter().flat_map(Instruction::written) {
        assert!(!is_partial(view), "{view:?} is summed before the loop");
    }
    for stage in [&program.before, &program.after] {
        let written: Vec<View> = stage.iter().flat_map(Instruction::written).collect();
        for view in &written {
            let span = program.buffers[view.buffer].span;
            let own = !matches!(span, Span::Pair | Span::Step); // not each step too
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
        let lasting = !matches!(span, Span::Piece | Span::Partial);
        assert!(lasting, "{view:?} is written step by step");
    }
    for instruction in program.before.iter().chain(&program.step).chain(&program.after) {
        match instruction {
            Instruction::Product { left, right, onto, output } => {
                lasting(*left);
                lasting(*output);
                written(*output);
                assert!(!left.overlaps(*output), "{left:?} is read and written");
                assert_eq!(packed[*right].extents(), [left.width, output.width]);
                if let Onto::Rows(rows) = onto {
                    lasting(*rows);
                    assert!(rows.width == output.width && !rows.overlaps(*output), "{rows:?}");
                }
            }
            Instruction::Fused(phases) => {
                for phase in phases {
                    phase.arrays.iter().for_each(|&view| _ = inside(view));
                    phase.check(|view| program.buffers[view.buffer].span);
                    for code in &phase.code {
                        let target = phase.arrays[code.target()];
                        for &source in code.sources() {
                            let source = phase.arrays[source];
                            assert!(!is_partial(source), "{source:?} is read before it is summed");
                        }
                        if code.adds_rows() {
                            assert!(is_partial(target), "{target:?} is not partial");
                        } else {
                            written(target);
                        }
                    }
                }
            }
        }
    }
    for sum in &program.sums {
        let summed = |view: View| {
            // a product finds its rows side by side
            let span = inside(view).span;
            let every_step = matches!(span, Span::Sequence | Span::Segment);
            let edge = view.delay.map(|delay| program.buffers[delay.edge].span);
            let has_rows = every_step && edge != Some(Span::Row);
            assert!(has_rows, "{view:?} has not a row for every row of every step");
            view.width
        };
        let width = match *sum {
            Sum::Products { left, right, .. } => summed(left).checked_mul(summed(right)),
            Sum::Partials { partials, .. } => {
                let Buffer { span, width, .. } = program.buffers[partials];
                assert!(span == Span::Partial, "{sum:?} has no partial sums");
                Some(width)
            }
        };
        let total = program.buffers[sum.total()];
        assert!(total.span == Span::Total && total.role != Role::Input);
        assert_eq!(Some(total.width), width);
    }
    for &(view, output) in &program.finals {
        lasting(view);
        let kept = !matches!(program.buffers[view.buffer].span, Span::Piece | Span::Total);
        assert!(kept, "{view:?} is not there at the end");
        let buffer = program.buffers[output];
        assert!(buffer.span == Span::Step && buffer.role == Role::Output);
        assert!(
            buffer.width == view.width && output != view.buffer,
            "{view:?} is copied to itself"
        );
    }
}
