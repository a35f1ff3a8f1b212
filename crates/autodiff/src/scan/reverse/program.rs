//! A reverse step as data.

use std::collections::HashSet;

use bptt_tensor::{Binary, Scalar, Tensor};

use crate::scan::ir::indexed::Indexed;
use crate::scan::ir::program::{Input, Kind, Node, Program};
use crate::tape::Op;

/// The gradients that are computed, and the cotangents from which they are. The gradient of the state always is
/// computed, and always from the cotangent of the state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GradientMask {
    /// The stacked outputs that have a cotangent. That of the others is zero, and the reverse does not read it.
    pub(crate) stacked: Vec<bool>,
    pub(crate) sequences: Vec<bool>,
    pub(crate) invariants: Vec<bool>,
}

/// The reverse of a step, with the meaning of its inputs and outputs.
#[derive(Clone, Debug)]
pub(crate) struct Reverse<T> {
    pub(crate) program: Program<T>,
    /// The source of each sequence of the program.
    pub(crate) sequences: Indexed<SequenceSource>,
    /// The source of each invariant of the program.
    pub(crate) invariants: Indexed<InvariantSource>,
    /// The forward sequences whose cotangents are the stacked outputs.
    pub(crate) stacked: Vec<usize>,
    /// The forward invariants whose cotangents are the sums.
    pub(crate) sums: Vec<usize>,
    /// Tensors that gradient rules recorded.
    pub(crate) constants: Vec<Tensor<T>>,
}

/// A sequence that a reverse step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SequenceSource {
    /// The cotangent of a stacked output.
    Cotangent(usize),
    /// A sequence of the forward step.
    Sequence(usize),
    /// A value that the forward step saved.
    Residual(u32),
}

/// An invariant that a reverse step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InvariantSource {
    /// The cotangent of a sum.
    Cotangent(usize),
    /// An invariant of the forward step.
    Invariant(usize),
    /// The initial state of the forward pass.
    Initial(usize),
    /// A tensor that a gradient rule recorded.
    Constant(usize),
}

/// The way in which the reverse step reads the state before a forward step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StateBefore {
    /// From the states *after* steps, shifted by one step, so that nothing is saved twice.
    Shifted,
    /// From a sequence of its own, so that the reverse can be differentiated.
    Saved,
}

impl<T: Scalar> Reverse<T> {
    pub(super) fn new() -> Self {
        Self {
            program: Program { nodes: vec![], stacked: vec![], next: vec![], sums: vec![] },
            sequences: Indexed::default(),
            invariants: Indexed::default(),
            stacked: vec![],
            sums: vec![],
            constants: vec![],
        }
    }

    /// Adds the cotangent of a sequence.
    pub(super) fn add_stacked(&mut self, sequence: usize, id: u32) {
        self.program.stacked.push(id);
        self.stacked.push(sequence);
    }

    /// Adds the cotangent of an invariant.
    pub(super) fn add_sum(&mut self, invariant: usize, id: u32) {
        self.program.sums.push(id);
        self.sums.push(invariant);
    }

    pub(super) fn sequence(&mut self, source: SequenceSource) -> Input {
        Input::Sequence(self.sequences.place(source))
    }

    pub(super) fn invariant(&mut self, source: InvariantSource) -> Input {
        Input::Invariant(self.invariants.place(source))
    }

    /// Specializes the reverse to the gradients and cotangents of a mask, and to a way of reading the state before a
    /// step. A cotangent of zero is not added to others.
    pub(crate) fn specialize(
        &self,
        forward: &Program<T>,
        mask: &GradientMask,
        state_before: StateBefore,
    ) -> Self {
        let mut masked = Program { stacked: vec![], sums: vec![], ..self.program.clone() };
        let mut special = Self { constants: self.constants.clone(), ..Self::new() };
        for (&i, &id) in self.stacked.iter().zip(&self.program.stacked) {
            if mask.sequences[i] {
                masked.stacked.push(id);
                special.stacked.push(i);
            }
        }
        for (&i, &id) in self.sums.iter().zip(&self.program.sums) {
            if mask.invariants[i] {
                masked.sums.push(id);
                special.sums.push(i);
            }
        }
        let is_given = |source| match source {
            SequenceSource::Cotangent(k) => mask.stacked[k],
            SequenceSource::Sequence(_) | SequenceSource::Residual(_) => true,
        };
        let mut zeros = HashSet::new();
        special.program = masked.rebuild(|new, id, inputs| {
            let node = masked.node(id);
            let kind = match node.kind {
                Kind::Input(Input::Sequence(i)) if !is_given(self.sequences[i]) => {
                    let zero = new.zeros(&node.shape);
                    zeros.insert(zero);
                    return zero;
                }
                Kind::Input(Input::Sequence(i)) => {
                    Kind::Input(special.sequence_input(forward, self.sequences[i], state_before))
                }
                Kind::Input(Input::Invariant(i)) => {
                    Kind::Input(special.invariant(self.invariants[i]))
                }
                Kind::Op(Op::Binary(Binary::Add)) => {
                    let other = match inputs[..] {
                        [zero, other] | [other, zero] if zeros.contains(&zero) => Some(other),
                        _ => None,
                    };
                    match other {
                        Some(other) if *new.shape(other) == node.shape => return other,
                        _ => node.kind.clone(),
                    }
                }
                ref kind => kind.clone(),
            };
            new.push(Node { kind, inputs, ..node.clone() })
        });
        special
    }

    /// The input by which the reverse reads a sequence.
    fn sequence_input(
        &mut self,
        forward: &Program<T>,
        source: SequenceSource,
        state_before: StateBefore,
    ) -> Input {
        match source {
            SequenceSource::Residual(value) if state_before == StateBefore::Shifted => {
                let Kind::Input(Input::Carry(j)) = forward.node(value).kind else {
                    return self.sequence(source);
                };
                let sequence = self.sequences.place(SequenceSource::Residual(forward.next[j]));
                let edge = self.invariants.place(InvariantSource::Initial(j));
                Input::Ahead { sequence, edge }
            }
            _ => self.sequence(source),
        }
    }

    /// The forward values that the reverse reads from sequences.
    pub(crate) fn residuals(&self) -> Indexed<u32> {
        let residual = |source: &SequenceSource| match source {
            SequenceSource::Residual(id) => Some(*id),
            SequenceSource::Cotangent(_) | SequenceSource::Sequence(_) => None,
        };
        self.sequences.iter().filter_map(residual).collect()
    }
}
