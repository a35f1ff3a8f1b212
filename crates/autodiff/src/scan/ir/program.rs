//! One step of a recurrence as data, recorded by tracing and rewritten by every pass.

use std::fmt;
use std::hash::{Hash, Hasher};

use bptt_tensor::rows::Kernel;
use bptt_tensor::{Scalar, Shape, Unary};
use smallvec::SmallVec;

use crate::scan::ir::line::Line;
use crate::tape::primitive::{BroadcastTo, Reshape};
use crate::tape::{Class, Op};

/// A step: values computed from inputs, in topological order, and which of them are outputs.
#[derive(Clone, Debug)]
pub(crate) struct Program<T> {
    pub(crate) nodes: Vec<Node<T>>,
    /// Values kept at every step: `[..]` becomes `[T, ..]`.
    pub(crate) stacked: Vec<u32>,
    /// The state from which the next step starts.
    pub(crate) next: Vec<u32>,
    /// Values summed over all steps.
    pub(crate) sums: Vec<u32>,
}

/// A value of a step.
#[derive(Clone, Debug)]
pub(crate) struct Node<T> {
    pub(crate) kind: Kind<T>,
    pub(crate) inputs: SmallVec<[u32; 3]>,
    pub(crate) shape: Shape,
    /// The line for which it is computed, if that is known. Equal steps may have other lines.
    pub(crate) line: Option<Line>,
}

/// The kind of a value: an input, a number, or the result of an operation.
#[derive(Clone, Debug)]
pub(crate) enum Kind<T> {
    Input(Input),
    Literal(f64),
    Op(Op<T>),
}

impl<T: 'static> PartialEq for Kind<T> {
    /// Literals are equal if their bits are: 0 is not −0, and a NaN is itself.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Input(a), Self::Input(b)) => a == b,
            (Self::Literal(a), Self::Literal(b)) => a.to_bits() == b.to_bits(),
            (Self::Op(a), Self::Op(b)) => a == b,
            _ => false,
        }
    }
}

impl<T> Hash for Kind<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Input(input) => input.hash(state),
            Self::Literal(value) => value.to_bits().hash(state),
            Self::Op(op) => op.hash(state),
        }
    }
}

impl<T: 'static> PartialEq for Program<T> {
    fn eq(&self, other: &Self) -> bool {
        (&self.nodes, &self.stacked, &self.next, &self.sums)
            == (&other.nodes, &other.stacked, &other.next, &other.sums)
    }
}

impl<T: 'static> PartialEq for Node<T> {
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, &self.inputs, &self.shape) == (&other.kind, &other.inputs, &other.shape)
    }
}

impl<T> Hash for Node<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.kind, &self.inputs, &self.shape).hash(state);
    }
}

/// An input of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    /// This step's entry of a sequence.
    Sequence(usize),
    /// The entry of a sequence for the step that is run *after* this one; at the last step, an
    /// invariant (`edge`). By this, a reverse step reads the state before a forward step from the
    /// states after steps.
    Ahead { sequence: usize, edge: usize },
    /// The state from the step before.
    Carry(usize),
    /// A value that is the same at every step.
    Invariant(usize),
}

impl<T> Program<T> {
    pub(crate) fn node(&self, id: u32) -> &Node<T> {
        &self.nodes[id as usize]
    }

    pub(crate) fn shape(&self, id: u32) -> &Shape {
        &self.node(id).shape
    }

    /// The operation that computes a value; `None` for an input or a number.
    pub(crate) fn op(&self, id: u32) -> Option<&Op<T>> {
        match &self.node(id).kind {
            Kind::Op(op) => Some(op),
            _ => None,
        }
    }

    pub(crate) fn push(&mut self, node: Node<T>) -> u32 {
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, value: f64) -> u32 {
        self.push(leaf_node(Kind::Literal(value), []))
    }

    /// Adds zeros of this shape.
    pub(crate) fn zeros(&mut self, shape: &Shape) -> u32 {
        let zero = self.number(0.0);
        let zeros = Op::BroadcastTo(BroadcastTo(shape[..].into()));
        self.push(op_node(zeros, [zero], shape.clone()))
    }

    /// Adds a value with the elements of another in this shape, unless the other has it.
    pub(crate) fn reshape(&mut self, id: u32, shape: &Shape) -> u32 {
        if self.shape(id) == shape {
            return id;
        }
        self.push(op_node(Op::Reshape(Reshape(shape[..].into())), [id], shape.clone()))
    }

    /// Adds a copy of a value.
    pub(crate) fn identity(&mut self, id: u32) -> u32 {
        let Node { shape, line, .. } = self.node(id);
        let copy = Node { line: *line, ..op_node(Op::Unary(Unary::Identity), [id], shape.clone()) };
        self.push(copy)
    }

    /// The outputs of all kinds.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = u32> + '_ {
        self.stacked.iter().chain(&self.next).chain(&self.sums).copied()
    }

    /// How often each value is used, by other values or as an output.
    pub(crate) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        for &input in self.nodes.iter().flat_map(|node| &node.inputs) {
            uses[input as usize] += 1;
        }
        for output in self.outputs() {
            uses[output as usize] += 1;
        }
        uses
    }

    /// The shape of an entry of a sequence, if the step reads it.
    pub(crate) fn sequence_shape(&self, sequence: usize) -> Option<Shape> {
        let input = |node: &&Node<T>| match node.kind {
            Kind::Input(Input::Sequence(i)) => i == sequence,
            _ => false,
        };
        self.nodes.iter().find(input).map(|node| node.shape.clone())
    }

    /// For each value, whether it is one of these.
    pub(crate) fn among(&self, ids: impl IntoIterator<Item = u32>) -> Vec<bool> {
        let mut among = vec![false; self.nodes.len()];
        for id in ids {
            among[id as usize] = true;
        }
        among
    }

    /// For each value, whether it is one of these or is needed to compute one.
    pub(crate) fn ancestors(&self, of: impl IntoIterator<Item = u32>) -> Vec<bool> {
        let mut needed = self.among(of);
        for id in (0..self.nodes.len()).rev() {
            if needed[id] {
                for &input in &self.nodes[id].inputs {
                    needed[input as usize] = true;
                }
            }
        }
        needed
    }

    /// Builds a program in which `rebuild` replaces every value that an output needs. `rebuild(new,
    /// id, inputs)` adds values to the new program, and returns the new id of the value that
    /// replaces `id`. `inputs` are the new ids of the inputs of `id`. Values that have no line get that of `id`.
    pub(crate) fn rebuild(
        &self,
        mut rebuild: impl FnMut(&mut Self, u32, SmallVec<[u32; 3]>) -> u32,
    ) -> Self {
        let needed = self.ancestors(self.outputs());
        let mut new = Self { nodes: Vec::new(), stacked: vec![], next: vec![], sums: vec![] };
        let mut places = vec![u32::MAX; self.nodes.len()];
        for (id, node) in (0..).zip(&self.nodes) {
            if needed[id as usize] {
                let inputs = node.inputs.iter().map(|&input| places[input as usize]).collect();
                let before = new.nodes.len();
                places[id as usize] = rebuild(&mut new, id, inputs);
                for added in &mut new.nodes[before..] {
                    added.line = added.line.or(node.line);
                }
            }
        }
        let moved = |ids: &[u32]| ids.iter().map(|&id| places[id as usize]).collect();
        new.stacked = moved(&self.stacked);
        new.next = moved(&self.next);
        new.sums = moved(&self.sums);
        new
    }
}

impl<T: Scalar> Program<T> {
    /// The class of the operation that computes a value; opaque for an input or a number.
    pub(crate) fn class(&self, id: u32) -> Class<T> {
        self.op(id).map_or(Class::Opaque(None), Op::class)
    }

    /// The function of whole rows that computes a value, if its operation is one.
    pub(crate) fn row_function(&self, id: u32) -> Option<Kernel<T>> {
        let shapes: SmallVec<[&[usize]; 3]> =
            self.node(id).inputs.iter().map(|&input| &self.shape(input)[..]).collect();
        Some(self.op(id)?.operation()?.by_rows(&shapes)?.0)
    }

    /// For each value, whether it is a variable of the state or a view of its rows.
    pub(crate) fn states(&self) -> Vec<bool> {
        let mut states: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for (id, node) in (0..).zip(&self.nodes) {
            states.push(match (&node.kind, self.class(id)) {
                (Kind::Input(Input::Carry(_)), _) => true,
                (_, Class::View(_)) => {
                    let whole = node.inputs[0];
                    states[whole as usize] && self.shape(whole).first() == node.shape.first()
                }
                _ => false,
            });
        }
        states
    }
}

impl<T: Clone> Program<T> {
    /// Removes `stop_gradient` nodes, for runs that are not differentiated.
    pub(crate) fn without_stops(&self) -> Self {
        self.rebuild(|new, id, inputs| match self.op(id) {
            Some(Op::StopGradient(_)) => inputs[0],
            _ => new.copy(self, id, inputs),
        })
    }

    /// Copies a value of `from` with these inputs.
    pub(crate) fn copy(&mut self, from: &Self, id: u32, inputs: SmallVec<[u32; 3]>) -> u32 {
        let node = from.node(id).clone();
        self.push(Node { inputs, ..node })
    }
}

/// A node that computes `op`, whose shape is known.
pub(crate) fn op_node<T>(
    op: Op<T>,
    inputs: impl IntoIterator<Item = u32>,
    shape: impl Into<Shape>,
) -> Node<T> {
    Node {
        kind: Kind::Op(op),
        inputs: inputs.into_iter().collect(),
        shape: shape.into(),
        line: None,
    }
}

/// A node that no operation computes.
pub(crate) fn leaf_node<T>(kind: Kind<T>, shape: impl Into<Shape>) -> Node<T> {
    Node { kind, inputs: SmallVec::new(), shape: shape.into(), line: None }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(i) => write!(f, "x{i}"),
            Self::Ahead { sequence, .. } => write!(f, "x{sequence}'"),
            Self::Carry(i) => write!(f, "s{i}"),
            Self::Invariant(i) => write!(f, "w{i}"),
        }
    }
}
