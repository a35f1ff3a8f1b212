//! The choice of residuals: forward values that a reverse step reads from sequences rather than recomputing them.

use std::collections::HashMap;

use bptt_tensor::Scalar;

use crate::scan::ir::program::{Input, Kind, Node, Program};
use crate::tape::Op;

/// Chooses the forward values to save: those that are read, unless a cheap operation recomputes
/// them from values that are available in any case.
///
/// `read` says for each value whether the gradient rules read it. They read the next state in place
/// of its `aliases`.
pub(crate) fn choose<T: Scalar>(
    forward: &Program<T>,
    read: &[bool],
    aliases: &HashMap<u32, u32>,
) -> Vec<bool> {
    let stands_for_others = forward.among(aliases.values().copied());
    let compared = compared(forward, read);
    let mut saved = vec![false; read.len()];
    let mut there = states_after(forward, read);
    for (id, node) in forward.nodes.iter().enumerate() {
        match &node.kind {
            Kind::Input(Input::Carry(_)) => saved[id] = read[id],
            Kind::Input(_) | Kind::Literal(_) => {}
            Kind::Op(op) => {
                let is_available = |&input: &u32| {
                    let source = &forward.nodes[input as usize];
                    there[input as usize] || is_given(source, read[input as usize])
                };
                let follows = op.class().is_cheap()
                    && !compared[id]
                    && !stands_for_others[id]
                    && node.inputs.iter().all(is_available);
                saved[id] = there[id] || read[id] && !follows;
                there[id] |= saved[id] || follows;
            }
        }
    }
    saved
}

/// Whether a value is available in any case, as an input or a number. A state is, if it is read.
fn is_given<T>(node: &Node<T>, is_read: bool) -> bool {
    match node.kind {
        Kind::Input(Input::Carry(_)) => is_read,
        Kind::Input(_) | Kind::Literal(_) => true,
        Kind::Op(_) => false,
    }
}

/// The states after steps that are saved because the state before a step is read. That state is the
/// state after another step.
fn states_after<T>(forward: &Program<T>, read: &[bool]) -> Vec<bool> {
    let before = forward.nodes.iter().zip(read).filter(|(_, read)| **read);
    forward.among(before.filter_map(|(node, _)| match node.kind {
        Kind::Input(Input::Carry(j)) => Some(forward.next[j]),
        _ => None,
    }))
}

/// The operands of extrema, whose rule compares them with the result. If they were recomputed, they might be rounded
/// differently.
fn compared<T: Scalar>(forward: &Program<T>, read: &[bool]) -> Vec<bool> {
    let is_extremum = |op: &Op<T>| op.class().compares();
    let extrema = forward.nodes.iter().zip(read).filter(|(_, read)| **read);
    forward.among(extrema.filter_map(|(node, _)| match &node.kind {
        Kind::Op(op) if is_extremum(op) => Some(node.inputs[0]),
        _ => None,
    }))
}
