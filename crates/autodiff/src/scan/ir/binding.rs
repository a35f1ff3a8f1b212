//! Binding times: the earliest time at which a value can be computed.

use crate::scan::ir::program::{Input, Kind, Program};

/// The binding time of a value, by the inputs on which it depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Binding {
    /// The value depends on invariants only, so it can be computed once for the whole sequence.
    Invariant,
    /// The value also depends on sequences, so it can be computed for all steps at once.
    Parallel,
    /// The value also depends on the state, so it is computed step by step.
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
