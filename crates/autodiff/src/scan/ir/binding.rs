//! Binding time: when, at the earliest, a value can be computed.

use crate::scan::ir::program::{Input, Kind, Program};

/// What a value can depend on, from the earliest to the latest that it can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Binding {
    /// On nothing but invariants: once for the whole sequence.
    Invariant,
    /// Also on the inputs: for all steps at once.
    Parallel,
    /// Also on the state: step by step.
    Carried,
}

/// The binding time of each value.
pub(crate) fn bindings<T>(program: &Program<T>) -> Vec<Binding> {
    let mut bindings: Vec<Binding> = Vec::with_capacity(program.nodes.len());
    for node in &program.nodes {
        let own = match node.kind {
            Kind::Input(Input::Carry(_)) => Binding::Carried,
            Kind::Input(Input::Sequence(_) | Input::Ahead { .. }) => Binding::Parallel,
            Kind::Input(Input::Invariant(_)) | Kind::Literal(_) | Kind::Op(_) => Binding::Invariant,
        };
        let inherited = node.inputs.iter().map(|&input| bindings[input as usize]).max();
        bindings.push(inherited.map_or(own, |inherited| inherited.max(own)));
    }
    bindings
}
