//! Binding times: when, at the earliest, a value can be computed.

use crate::scan::ir::program::{Input, Kind, Program};

/// The inputs that a value depends on, and so when it can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Binding {
    /// Invariants alone: it can be computed once for the whole sequence.
    Invariant,
    /// Also sequences: it can be computed for all steps at once.
    Parallel,
    /// Also the state: it is computed step by step.
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
