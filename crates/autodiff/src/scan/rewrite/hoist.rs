//! Loop-invariant code motion: values that depend on invariants alone are computed once, outside of the step, by
//! ordinary operations with ordinary gradients.

use std::collections::HashMap;
use std::fmt;

use bptt_tensor::Scalar;
use smallvec::SmallVec;

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Input, Kind, Node, Program};
use crate::tape::Op;

/// A step, and the values that are hoisted out of it and computed once.
#[derive(Clone, Debug)]
pub(crate) struct Hoisted<T> {
    once: Vec<Node<T>>,
    /// The number of the step's own invariants.
    own: usize,
    /// The values among `once` that the step reads, as invariants after its own.
    read: Vec<u32>,
    pub(crate) program: Program<T>,
}

/// Hoists values out of a step with this number of invariants.
pub(crate) fn hoist<T: Scalar>(program: &Program<T>, invariants: usize) -> Hoisted<T> {
    let bindings = bindings(program);
    let mut once = Vec::new();
    let mut places = HashMap::new();
    let mut read = Vec::new();
    let is_once = |id: u32| bindings[id as usize] == Binding::Invariant;
    let needed = program.ancestors(program.outputs());
    for (id, node) in (0..).zip(&program.nodes) {
        if is_once(id) && needed[id as usize] {
            let inputs = node.inputs.iter().map(|input| places[input]).collect();
            places.insert(id, once.len() as u32);
            once.push(Node { inputs, ..node.clone() });
        }
    }
    let mut kept = program.clone();
    for (id, node) in (0..).zip(&mut kept.nodes) {
        if is_once(id) && needed[id as usize] && matches!(node.kind, Kind::Op(_)) {
            // readers in the step read an invariant in its place; an invariant that only hoisted
            // values read is dropped below
            node.kind = Kind::Input(Input::Invariant(invariants + read.len()));
            node.inputs = SmallVec::new();
            read.push(places[&id]);
        }
    }
    let kept = kept.rebuild(|new, id, inputs| new.copy(&kept, id, inputs));
    Hoisted { once, own: invariants, read, program: kept }
}

impl<T> Hoisted<T> {
    /// All invariants of the step: its own, then the hoisted values that it reads.
    pub(crate) fn invariants<V: Clone>(
        &self,
        own: &[V],
        literal: impl Fn(f64) -> V,
        compute: impl Fn(&Op<T>, &[V]) -> V,
    ) -> Vec<V> {
        let mut values: Vec<V> = Vec::with_capacity(self.once.len());
        for node in &self.once {
            let value = match &node.kind {
                Kind::Literal(value) => literal(*value),
                Kind::Input(Input::Invariant(i)) => own[*i].clone(),
                Kind::Input(_) => unreachable!("only invariants are bound once"),
                Kind::Op(op) => {
                    let inputs: SmallVec<[V; 3]> =
                        node.inputs.iter().map(|&input| values[input as usize].clone()).collect();
                    compute(op, &inputs)
                }
            };
            values.push(value);
        }
        own.iter().cloned().chain(self.read.iter().map(|&id| values[id as usize].clone())).collect()
    }
}

impl<T: Scalar> fmt::Display for Hoisted<T> {
    /// The hoisted values, with the names by which the step reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<String> = Vec::with_capacity(self.once.len());
        let mut computed = self.own;
        for node in &self.once {
            names.push(match &node.kind {
                Kind::Literal(value) => value.to_string(),
                Kind::Input(input) => input.to_string(),
                Kind::Op(op) => {
                    if computed == self.own {
                        writeln!(f, "once:")?;
                    }
                    let name = Input::Invariant(computed).to_string();
                    computed += 1;
                    write!(f, "  {name} = {}", op.described(&node.shape))?;
                    for &input in &node.inputs {
                        write!(f, " {}", names[input as usize])?;
                    }
                    writeln!(f)?;
                    name
                }
            });
        }
        Ok(())
    }
}
