//! Rewrites of a step into one that computes the same, faster. None knows of any cell.

mod dedupe;
mod flatten;
mod merge;
mod split;

use bptt_tensor::Scalar;

use super::program::{Input, Kind, Node, Program};

/// All rewrites, in the order in which they prepare each other.
pub(super) fn rewrite<T: Scalar>(program: &Program<T>) -> Program<T> {
    let program = dedupe::rewrite(program);
    let program = split::rewrite(&program);
    let program = merge::rewrite(&program);
    let program = dedupe::rewrite(&program);
    flatten::rewrite(&program)
}

/// What a value can depend on, from the earliest to the latest that it can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binding {
    /// On nothing but invariants: once for the whole sequence.
    Once,
    /// Also on the inputs: for all steps at once.
    AllSteps,
    /// Also on the state: step by step.
    Loop,
}

/// The binding time of each value.
pub(super) fn bindings<T>(program: &Program<T>) -> Vec<Binding> {
    let mut bindings: Vec<Binding> = Vec::with_capacity(program.nodes.len());
    for node in &program.nodes {
        let own = match node.kind {
            Kind::Input(Input::Carry(_)) => Binding::Loop,
            Kind::Input(Input::Sequence(_) | Input::Ahead { .. }) => Binding::AllSteps,
            Kind::Input(Input::Invariant(_)) | Kind::Literal(_) | Kind::Op(_) => Binding::Once,
        };
        let inherited = node.inputs.iter().map(|&input| bindings[input as usize]).max();
        bindings.push(inherited.map_or(own, |inherited| inherited.max(own)));
    }
    bindings
}

/// A node that computes `op`, whose shape is known.
pub(super) fn op_node<T>(
    op: crate::operation::Op<T>,
    inputs: impl IntoIterator<Item = u32>,
    shape: impl Into<bptt_tensor::Shape>,
) -> Node<T> {
    Node { kind: Kind::Op(op), inputs: inputs.into_iter().collect(), shape: shape.into() }
}
