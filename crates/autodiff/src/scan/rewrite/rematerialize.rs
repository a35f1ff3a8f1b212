//! Rematerialization: a cheap function of inputs alone that is read inside and after the loop is recomputed rather than
//! stored. Reading its operands again takes no longer than keeping its result for every step.

use bptt_tensor::Scalar;

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::Program;
use crate::scan::lower::matrices::MatricesOfLoop;
use crate::tape::Class;

/// Recomputes cheap functions of inputs for their readers after the loop.
pub(crate) fn rematerialize<T: Scalar>(program: &Program<T>) -> Program<T> {
    let readers = Readers::of(program);
    let mut late: Vec<Option<u32>> = vec![None; program.nodes.len()];
    program.rebuild(|new, id, inputs| {
        let mut late_inputs = inputs.clone();
        for (late_input, &original) in late_inputs.iter_mut().zip(&program.node(id).inputs) {
            *late_input = late[original as usize].unwrap_or(*late_input);
        }
        if !readers.in_loop[id as usize] {
            return new.copy(program, id, late_inputs);
        }
        if readers.after[id as usize] && readers.may_recompute[id as usize] {
            late[id as usize] = Some(new.copy(program, id, late_inputs));
        }
        new.copy(program, id, inputs)
    })
}

/// The stages in which each value is read.
struct Readers {
    in_loop: Vec<bool>,
    after: Vec<bool>,
    may_recompute: Vec<bool>,
}

impl Readers {
    fn of<T: Scalar>(program: &Program<T>) -> Self {
        let bindings = bindings(program);
        let matrices = MatricesOfLoop::of(program, &bindings);
        let determines_state = matrices.in_loop(program);
        let needed = program.ancestors(program.outputs());
        let count = program.nodes.len();
        let (mut in_loop, mut after) = (vec![false; count], vec![false; count]);
        let mut may_recompute: Vec<bool> = (0..count)
            .map(|id| bindings[id] == Binding::Parallel && program.class(id as u32).is_cheap())
            .collect();
        for output in program.outputs() {
            may_recompute[output as usize] = false; // an output is stored in any case
            after[output as usize] = true;
        }
        for id in (0..count).rev().filter(|&id| needed[id]) {
            if bindings[id] == Binding::Carried {
                (in_loop[id], after[id]) = (determines_state[id], !determines_state[id]);
            } else if matrices.contains(id) {
                (in_loop[id], after[id]) = (true, false);
            } else if !may_recompute[id] && in_loop[id] {
                after[id] = false; // hoisted, so it is computed once
            }
            for &input in &program.nodes[id].inputs {
                let input = input as usize;
                in_loop[input] |= in_loop[id];
                after[input] |= after[id];
                // an operand of a product that is summed over all steps must be in memory
                may_recompute[input] &=
                    !after[id] || !matches!(program.class(id as u32), Class::Product(_));
            }
        }
        Self { in_loop, after, may_recompute }
    }
}
