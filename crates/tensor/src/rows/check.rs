//! What makes running a program sound: whatever it addresses is there, and nobody else's.

use super::buffer::{Buffer, Lifetime, Role, View};
use super::program::{Accumulate, Instruction, RowProgram, Sum};
use crate::gemm::packed::PackedRhs;
use crate::scalar::Scalar;

/// Panics unless every view lies in its buffer, nothing writes to an input, and products fit.
pub(super) fn check<T: Scalar>(program: &RowProgram<T>, packed: &[PackedRhs<T>]) {
    let inside = |view: View| {
        let buffer = program.buffers[view.buffer];
        let end = view.column.checked_add(view.width);
        assert!(end.is_some_and(|end| end <= buffer.width), "{view:?} is not within {buffer:?}");
        if buffer.lifetime == Lifetime::Chunk {
            // it has no columns but those at hand
            assert!(view.width == buffer.width, "{view:?} is a part of a chunk");
        }
        if let Some(delay) = view.delay {
            let lifetimes = if delay.ahead {
                &[Lifetime::Sequence][..]
            } else {
                &[Lifetime::Sequence, Lifetime::Pair]
            };
            assert!(
                lifetimes.contains(&buffer.lifetime),
                "{buffer:?} does not keep the step beside"
            );
            let edge = program.buffers[delay.edge];
            assert!(
                matches!(edge.lifetime, Lifetime::Step | Lifetime::Row),
                "{edge:?} is not one step"
            );
            assert!(edge.role == Role::Input, "{edge:?} is written, and read at an edge");
            assert!(end.is_some_and(|end| end <= edge.width), "{view:?} is not within {edge:?}");
        }
        buffer
    };
    for buffer in &program.buffers {
        let own = matches!(
            buffer.lifetime,
            Lifetime::Piece | Lifetime::Block | Lifetime::Chunk | Lifetime::Partial
        );
        assert!(!own || buffer.role == Role::Internal, "{buffer:?} is a thread's own");
        if let Role::Constant(_) = buffer.role {
            assert!(
                (buffer.lifetime, buffer.width) == (Lifetime::Row, 1),
                "{buffer:?} is one number"
            );
        }
    }
    // what is there outside a fused sequence
    let lasting = |view: View| {
        let Buffer { lifetime, .. } = inside(view);
        let lasts = !matches!(lifetime, Lifetime::Block | Lifetime::Chunk | Lifetime::Partial);
        assert!(lasts, "{view:?} does not last beyond a fused sequence");
    };
    let written = |view: View| {
        let Buffer { lifetime, role, .. } = inside(view);
        let own = !matches!(lifetime, Lifetime::Row | Lifetime::Total | Lifetime::Partial); // each row its elements
        assert!(own && role != Role::Input && view.delay.is_none(), "{view:?} cannot be written");
    };
    let is_partial = |view: View| program.buffers[view.buffer].lifetime == Lifetime::Partial;
    for view in program.before.iter().flat_map(Instruction::written) {
        assert!(!is_partial(view), "{view:?} is summed before the loop");
    }
    for stage in [&program.before, &program.after] {
        let written: Vec<View> = stage.iter().flat_map(Instruction::written).collect();
        for view in &written {
            let lifetime = program.buffers[view.buffer].lifetime;
            let own = !matches!(lifetime, Lifetime::Pair | Lifetime::Step); // not each step too
            assert!(own, "{view:?} is written for several steps at once");
        }
        for view in stage.iter().flat_map(Instruction::operands).filter(|view| view.delay.is_some())
        {
            let is_written = written.iter().any(|written| written.buffer == view.buffer);
            assert!(!is_written, "{view:?} is read while other steps are written");
        }
    }
    for view in program.step.iter().flat_map(Instruction::written) {
        let lifetime = program.buffers[view.buffer].lifetime;
        let lasting = !matches!(lifetime, Lifetime::Piece | Lifetime::Partial);
        assert!(lasting, "{view:?} is written step by step");
    }
    for instruction in program.before.iter().chain(&program.step).chain(&program.after) {
        match instruction {
            Instruction::MatMul { left, right, accumulate, output } => {
                lasting(*left);
                lasting(*output);
                written(*output);
                assert!(!left.overlaps(*output), "{left:?} is read and written");
                assert_eq!(packed[*right].extents(), [left.width, output.width]);
                if let Accumulate::Rows(rows) = accumulate {
                    lasting(*rows);
                    assert!(rows.width == output.width && !rows.overlaps(*output), "{rows:?}");
                }
            }
            Instruction::Fused(phases) => {
                for phase in phases {
                    phase.arrays.iter().for_each(|&view| _ = inside(view));
                    phase.check(|view| program.buffers[view.buffer].lifetime);
                    for op in &phase.ops {
                        let target = phase.arrays[op.target()];
                        for &source in op.sources() {
                            let source = phase.arrays[source];
                            assert!(!is_partial(source), "{source:?} is read before it is summed");
                        }
                        if op.adds_rows() {
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
            let lifetime = inside(view).lifetime;
            let every_step = matches!(lifetime, Lifetime::Sequence | Lifetime::Segment);
            let edge = view.delay.map(|delay| program.buffers[delay.edge].lifetime);
            let has_rows = every_step && edge != Some(Lifetime::Row);
            assert!(has_rows, "{view:?} has not a row for every row of every step");
            view.width
        };
        let width = match *sum {
            Sum::Products { left, right, .. } => summed(left).checked_mul(summed(right)),
            Sum::Partials { partials, .. } => {
                let Buffer { lifetime, width, .. } = program.buffers[partials];
                assert!(lifetime == Lifetime::Partial, "{sum:?} has no partial sums");
                Some(width)
            }
        };
        let total = program.buffers[sum.total()];
        assert!(total.lifetime == Lifetime::Total && total.role != Role::Input);
        assert_eq!(Some(total.width), width);
    }
    for &(view, output) in &program.finals {
        lasting(view);
        let kept =
            !matches!(program.buffers[view.buffer].lifetime, Lifetime::Piece | Lifetime::Total);
        assert!(kept, "{view:?} is not there at the end");
        let buffer = program.buffers[output];
        assert!(buffer.lifetime == Lifetime::Step && buffer.role == Role::Output);
        assert!(
            buffer.width == view.width && output != view.buffer,
            "{view:?} is copied to itself"
        );
    }
}
