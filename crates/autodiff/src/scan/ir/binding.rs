//! Binding time: when, at the earliest, a value can be computed.

use crate::scan::ir::program::{Input, Kind, Program};

/// What a value can depend on, from the earliest to the latest that it can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Binding {
    /// On nothing but invariants: once for the whole sequence.
    Once,
    /// Also on the inputs: for all steps at once.
    AllSteps,
    /// Also on the state: step by step.
    Loop,
}

/// The binding time of each value.
pub(crate) fn bindings<T>(program: &Program<T>) -> Vec<Binding> {
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
