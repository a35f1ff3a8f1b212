//! The stages of a program: before the loop over time, in it, and after it.

use bptt_tensor::{Scalar, Unary};

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::Program;
use crate::scan::lower::classify::{Classified, RowClass};
use crate::scan::lower::matrices::MatricesOfLoop;
use crate::tape::Op;

/// The stages, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    Before,
    Step,
    After,
}

/// The stage of each value.
///
/// A value stays in the loop if it depends on the state and the next state needs it. Products and functions of whole rows
/// that depend on inputs alone leave the loop. Elementwise functions of inputs stay beside their first
/// reader, because reading their operands there takes no longer than reading their result. A value
/// without a reader in the loop moves after it, unless a function runs over a matrix of each row to
/// compute it: the matrix would have to be kept for every step, or be read again.
pub(crate) fn stages<T: Scalar>(step: &Classified<T>) -> Vec<Stage> {
    let Classified { program, classes, .. } = step;
    let bindings = bindings(program);
    let matrices = MatricesOfLoop::of(program, &bindings);
    let in_loop = matrices.in_loop(program);
    let is_state = program.states();
    let mut first_reader = vec![Stage::After; program.nodes.len()];
    for &id in &program.next {
        first_reader[id as usize] = Stage::Step;
    }
    let mut stages = first_reader.clone();
    for id in (0..program.nodes.len()).rev() {
        let heavy = matches!(
            classes[id],
            RowClass::Product { .. } | RowClass::Reduce { .. } | RowClass::Apply
        );
        stages[id] = match bindings[id] {
            Binding::Carried if in_loop[id] => Stage::Step,
            Binding::Carried if is_copy_of_state(program, &is_state, id as u32) => Stage::Step,
            Binding::Carried => Stage::After,
            _ if matrices.contains(id) && first_reader[id] > Stage::Before => Stage::Step,
            _ if heavy && first_reader[id] == Stage::Step => Stage::Before,
            _ => first_reader[id],
        };
        for &input in &program.nodes[id].inputs {
            let reader = &mut first_reader[input as usize];
            *reader = stages[id].min(*reader);
        }
    }
    stages
}

/// Whether a value is a copy of the state, for readers after the loop.
fn is_copy_of_state<T>(program: &Program<T>, is_state: &[bool], id: u32) -> bool {
    matches!(program.op(id), Some(Op::Unary(Unary::Identity)))
        && program.node(id).inputs.iter().all(|&input| is_state[input as usize])
}
