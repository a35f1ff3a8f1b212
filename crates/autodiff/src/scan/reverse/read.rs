//! Conversion of the nodes recorded by gradient rules to a program.

use std::collections::HashMap;

use bptt_tensor::Scalar;
use smallvec::SmallVec;

use super::origin::gradient_line;
use super::program::{InvariantSource, Reverse, SequenceSource};
use crate::scan::ir::line::Line;
use crate::scan::ir::program::{Input, Kind, Node, Program};
use crate::tape::primitive::Reshape;
use crate::tape::{Leaf, Op, Tape, Var};

/// A map from ids on the tape to forward values.
pub(super) fn values_on_tape<T: Scalar>(values: &[Var<'_, T>]) -> HashMap<u32, u32> {
    (0..).zip(values).map(|(value, var)| (var.id, value)).collect()
}

/// Converts the nodes recorded by gradient rules to a program.
pub(super) struct Reader<'a, 't, T> {
    pub(super) reverse: Reverse<T>,
    forward: &'a Program<T>,
    tape: &'t Tape<T>,
    /// A map from ids on the tape to forward values.
    values: HashMap<u32, u32>,
    /// A map from ids on the tape to the outputs whose cotangents they are.
    cotangents: HashMap<u32, usize>,
    /// For each forward value, whether it is read from a sequence. The others are recomputed.
    is_saved: Vec<bool>,
    /// The next states that are forward values in another shape, by these values.
    aliases: HashMap<u32, u32>,
    /// The id on the tape of each forward value.
    ids: Vec<u32>,
    places: HashMap<u32, u32>,
}

impl<'a, 't, T: Scalar> Reader<'a, 't, T> {
    pub(super) fn new(
        forward: &'a Program<T>,
        tape: &'t Tape<T>,
        values: &[Var<'t, T>],
        cotangents: &[(Var<'t, T>, Var<'t, T>)],
        is_saved: Vec<bool>,
        aliases: HashMap<u32, u32>,
    ) -> Self {
        Self {
            reverse: Reverse::new(),
            forward,
            tape,
            values: values_on_tape(values),
            cotangents: cotangents.iter().enumerate().map(|(i, (_, v))| (v.id, i)).collect(),
            is_saved,
            aliases,
            ids: values.iter().map(|value| value.id).collect(),
            places: HashMap::new(),
        }
    }

    /// The id in the program of a value on the tape.
    pub(super) fn place(&mut self, id: u32) -> u32 {
        // an explicit stack in place of recursion, since steps may be long
        let mut pending = vec![id];
        while let Some(&id) = pending.last() {
            if self.places.contains_key(&id) {
                pending.pop();
                continue;
            }
            let inputs = self.inputs_of(id);
            let missing = inputs.iter().copied().filter(|input| !self.places.contains_key(input));
            let before = pending.len();
            pending.extend(missing);
            if pending.len() == before {
                let inputs = inputs.iter().map(|input| self.places[input]).collect();
                let place = self.build(id, inputs);
                self.places.insert(id, place);
                pending.pop();
            }
        }
        self.places[&id]
    }

    /// The values on the tape from which `id` is computed in the program.
    fn inputs_of(&self, id: u32) -> SmallVec<[u32; 3]> {
        match self.values.get(&id) {
            Some(&value) if self.is_saved[value as usize] => SmallVec::new(),
            Some(&value) if let Some(state) = self.saved_state(value) => {
                [self.ids[state as usize]].into_iter().collect()
            }
            _ => self.tape.nodes()[id as usize].inputs.clone(),
        }
    }

    /// The next state of which a value that is not saved itself is another shape, if it is saved.
    fn saved_state(&self, value: u32) -> Option<u32> {
        let state = self.aliases.get(&value).copied()?;
        (self.is_saved[state as usize] && !self.is_saved[value as usize]).then_some(state)
    }

    fn build(&mut self, id: u32, inputs: SmallVec<[u32; 3]>) -> u32 {
        let tape = self.tape;
        let nodes = tape.nodes();
        let node = &nodes[id as usize];
        let kind = match (self.values.get(&id), self.cotangents.get(&id)) {
            (Some(&value), _) => self.forward_kind(value),
            (None, Some(&output)) => Kind::Input(self.cotangent(output)),
            (None, None) => match &node.op {
                Op::Leaf(Leaf::Scalar) => Kind::Literal(node.value.item().as_f64()),
                Op::Leaf(_) => {
                    self.reverse.constants.push(node.value.clone());
                    let index = self.reverse.constants.len() - 1;
                    Kind::Input(self.reverse.invariant(InvariantSource::Constant(index)))
                }
                op => Kind::Op(op.clone()),
            },
        };
        let shape = node.value.shape().clone();
        let line = match (self.values.get(&id), &kind) {
            (Some(&value), _) => self.forward.node(value).line.unwrap_or(Line::Gradient),
            (None, Kind::Op(_)) => gradient_line(node.origin),
            (None, _) => Line::Gradient,
        };
        self.reverse.program.push(Node { kind, inputs, shape, line: Some(line) })
    }

    fn forward_kind(&mut self, value: u32) -> Kind<T> {
        Kind::Input(match &self.forward.node(value).kind {
            Kind::Literal(value) => return Kind::Literal(*value),
            Kind::Op(_) if self.saved_state(value).is_some() => {
                return Kind::Op(Op::Reshape(Reshape(self.forward.shape(value)[..].into())));
            }
            Kind::Op(op) if !self.is_saved[value as usize] => return Kind::Op(op.clone()),
            Kind::Input(Input::Sequence(i)) => self.reverse.sequence(SequenceSource::Sequence(*i)),
            Kind::Input(Input::Invariant(i)) => {
                self.reverse.invariant(InvariantSource::Invariant(*i))
            }
            Kind::Op(_) | Kind::Input(Input::Carry(_)) => {
                self.reverse.sequence(SequenceSource::Residual(value))
            }
            Kind::Input(Input::Ahead { .. }) => {
                unreachable!("a step that reads ahead is not differentiated")
            }
        })
    }

    /// The cotangent of an output.
    fn cotangent(&mut self, output: usize) -> Input {
        let stacked = self.forward.stacked.len();
        let states = self.forward.next.len();
        if output < stacked {
            self.reverse.sequence(SequenceSource::Cotangent(output))
        } else if output < stacked + states {
            Input::Carry(output - stacked)
        } else {
            self.reverse.invariant(InvariantSource::Cotangent(output - stacked - states))
        }
    }
}
