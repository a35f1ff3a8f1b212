//! The reverse of a step: a step of its own, which reads what the forward one saved.
//!
//! The step is recorded again on a tape of shapes, and the gradient rules run on it as on any tape.
//! What they recorded, cut off from the forward values, is the reverse step: its state is the
//! cotangent of the state, it runs from the last step to the first, and where it reads a forward
//! value, that is a residual: a sequence that the forward pass saves.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use bptt_tensor::rows::Reduction;
use bptt_tensor::{Scalar, Tensor};
use smallvec::SmallVec;

use crate::scan::ir::indexed::Indexed;
use crate::scan::ir::program::{Input, Kind, Node, Program};
use crate::tape::{Class, Leaf, Op, Tape, Var};

/// Which inputs a gradient is wanted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GradientMask {
    pub(crate) sequences: Vec<bool>,
    pub(crate) invariants: Vec<bool>,
}

/// The reverse of a step, and what its inputs and outputs are to the forward one.
#[derive(Clone, Debug)]
pub(crate) struct Reverse<T> {
    pub(crate) program: Program<T>,
    /// What each sequence of the program is.
    pub(crate) sequences: Indexed<SequenceSource>,
    /// What each invariant of the program is.
    pub(crate) invariants: Indexed<InvariantSource>,
    /// The sequences that the stacked outputs are the cotangents of.
    pub(crate) stacked: Vec<usize>,
    /// The invariants that the sums are the cotangents of.
    pub(crate) sums: Vec<usize>,
    /// Tensors that gradient rules brought.
    pub(crate) constants: Vec<Tensor<T>>,
    /// Which forward values it reads from sequences; the others it computes again.
    pub(crate) saved: Rc<[bool]>,
}

/// A sequence that a reverse step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SequenceSource {
    /// The cotangent of a stacked output.
    Cotangent(usize),
    /// A sequence of the forward step.
    Sequence(usize),
    /// What the forward step saved of a value.
    Residual(u32),
}

/// An invariant that a reverse step reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InvariantSource {
    /// The cotangent of a sum.
    Cotangent(usize),
    /// An invariant of the forward step.
    Invariant(usize),
    /// The state that the forward pass started from.
    Initial(usize),
    /// A tensor that a gradient rule brought.
    Constant(usize),
}

/// How the reverse step reads the state that a forward step started from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StateBefore {
    /// From the states *after* steps, one step earlier: nothing is saved twice.
    Shifted,
    /// From a sequence of its own, so that the reverse can be differentiated.
    Saved,
}

/// The reverse of `program` for some gradients.
///
/// `saved` is what the reverse for *all* gradients decided to read from sequences: the forward pass
/// saves that before it knows which gradients will be wanted. `None` decides.
pub(crate) fn reverse<T: Scalar>(
    program: &Program<T>,
    wanted: &GradientMask,
    state_before: StateBefore,
    saved: Option<&Rc<[bool]>>,
) -> Reverse<T> {
    let tape = Tape::of_shapes();
    let unknown =
        |shape: &bptt_tensor::Shape| tape.leaf(Leaf::Constant, Tensor::unknown(shape.clone()));
    let mut forward: Vec<Var<'_, T>> = Vec::with_capacity(program.nodes.len());
    for node in &program.nodes {
        let inputs: SmallVec<[Var<'_, T>; 3]> =
            node.inputs.iter().map(|&input| forward[input as usize]).collect();
        forward.push(match &node.kind {
            Kind::Input(_) => unknown(&node.shape),
            Kind::Literal(value) => tape.scalar(*value),
            Kind::Op(op) => tape.record(op.clone(), &inputs),
        });
    }
    let cotangents: Vec<(Var<'_, T>, Var<'_, T>)> =
        program.outputs().map(|id| (forward[id as usize], unknown(program.shape(id)))).collect();
    let is_wanted = |node: &Node<T>| match node.kind {
        Kind::Input(Input::Sequence(i)) => wanted.sequences[i],
        Kind::Input(Input::Invariant(i)) => wanted.invariants[i],
        Kind::Input(Input::Carry(_)) => true,
        Kind::Input(Input::Ahead { .. }) | Kind::Literal(_) | Kind::Op(_) => false,
    };
    let sources: Vec<u32> =
        (0..program.nodes.len() as u32).filter(|&id| is_wanted(program.node(id))).collect();
    let source_vars: Vec<_> = sources.iter().map(|&id| forward[id as usize]).collect();
    let gradients = tape.pull(&cotangents, &source_vars);

    let mut reader = Reader::new(program, &forward, &cotangents, state_before, &tape);
    reader.saved = match saved {
        Some(saved) => saved.clone(),
        None => reader.find_saved(gradients.iter().flatten().map(|var| var.id)),
    };
    let mut reverse = Reverse {
        program: Program { nodes: vec![], stacked: vec![], next: vec![], sums: vec![] },
        sequences: Indexed::default(),
        invariants: Indexed::default(),
        stacked: vec![],
        sums: vec![],
        constants: vec![],
        saved: reader.saved.clone(),
    };
    let mut next = vec![None; program.next.len()];
    for (&source, gradient) in sources.iter().zip(gradients) {
        let Some(gradient) = gradient else { continue };
        let place = reader.place(&mut reverse, gradient.id);
        match program.node(source).kind {
            Kind::Input(Input::Sequence(i)) => {
                reverse.program.stacked.push(place);
                reverse.stacked.push(i);
            }
            Kind::Input(Input::Invariant(i)) => {
                reverse.program.sums.push(place);
                reverse.sums.push(i);
            }
            Kind::Input(Input::Carry(j)) => next[j] = Some(place),
            Kind::Input(Input::Ahead { .. }) | Kind::Literal(_) | Kind::Op(_) => {}
        }
    }
    for (&id, place) in program.next.iter().zip(next) {
        let place = place.unwrap_or_else(|| reverse.program.zeros(program.shape(id)));
        reverse.program.next.push(place);
    }
    reverse
}

/// Turns what the gradient rules recorded into a program.
struct Reader<'a, 't, T> {
    forward: &'a Program<T>,
    state_before: StateBefore,
    tape: &'t Tape<T>,
    /// From ids on the tape to forward values.
    values: HashMap<u32, u32>,
    /// From ids on the tape to outputs whose cotangents they are.
    cotangents: HashMap<u32, usize>,
    /// Forward values that are read from sequences; the others are computed again.
    saved: Rc<[bool]>,
    places: HashMap<u32, u32>,
}

impl<'a, 't, T: Scalar> Reader<'a, 't, T> {
    fn new(
        forward: &'a Program<T>,
        vars: &[Var<'t, T>],
        cotangents: &[(Var<'t, T>, Var<'t, T>)],
        state_before: StateBefore,
        tape: &'t Tape<T>,
    ) -> Self {
        Self {
            forward,
            state_before,
            tape,
            values: (0..).zip(vars).map(|(value, var)| (var.id, value)).collect(),
            cotangents: cotangents.iter().enumerate().map(|(i, (_, v))| (v.id, i)).collect(),
            saved: Rc::new([]),
            places: HashMap::new(),
        }
    }

    /// Decides which forward values are saved: those that are read, unless they follow by a function
    /// of single elements from others that are there anyway.
    fn find_saved(&self, gradients: impl Iterator<Item = u32>) -> Rc<[bool]> {
        let mut saved = vec![false; self.forward.nodes.len()];
        let mut read = vec![false; self.forward.nodes.len()];
        let mut seen = HashSet::new();
        let mut pending: Vec<u32> = gradients.collect();
        while let Some(id) = pending.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.values.get(&id) {
                Some(&value) => read[self.unstopped(value) as usize] = true,
                None => pending.extend(self.tape.nodes()[id as usize].inputs.iter().copied()),
            }
        }
        // a state that is read shifted is there unshifted, too
        let mut there = vec![false; read.len()];
        for (node, &read) in self.forward.nodes.iter().zip(&read) {
            if let Kind::Input(Input::Carry(j)) = node.kind
                && read
            {
                there[self.forward.next[j] as usize] = true;
            }
        }
        // where a largest element stands is found by comparison: computed again, it may be rounded otherwise
        let mut compared = vec![false; read.len()];
        for (node, &read) in self.forward.nodes.iter().zip(&read) {
            if let Kind::Op(op) = &node.kind
                && read
                && matches!(op.class(), Class::Reduction(Reduction::Max | Reduction::Min, _))
            {
                compared[node.inputs[0] as usize] = true;
            }
        }
        for (id, node) in self.forward.nodes.iter().enumerate() {
            let available = |&input: &u32| {
                let input = input as usize;
                there[input]
                    || matches!(self.forward.nodes[input].kind, Kind::Input(_) | Kind::Literal(_))
                        && (read[input] || !is_state(&self.forward.nodes[input]))
            };
            match &node.kind {
                Kind::Input(Input::Carry(_)) => saved[id] = read[id],
                Kind::Input(_) | Kind::Literal(_) => {}
                Kind::Op(op) => {
                    let follows =
                        op.class().is_cheap() && !compared[id] && node.inputs.iter().all(available);
                    saved[id] = there[id] || read[id] && !follows;
                    there[id] |= saved[id] || follows;
                }
            }
        }
        saved.into()
    }

    /// The forward value that is read where one that stops a gradient is, which is stopped again there.
    fn unstopped(&self, value: u32) -> u32 {
        let mut value = value;
        while let Some(Op::StopGradient(_)) = self.forward.op(value) {
            value = self.forward.node(value).inputs[0];
        }
        value
    }

    /// The place in the reverse program of a value on the tape.
    fn place(&mut self, reverse: &mut Reverse<T>, id: u32) -> u32 {
        // a loop with a stack of its own, since steps may be long
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
                let place = self.build(reverse, id, inputs);
                self.places.insert(id, place);
                pending.pop();
            }
        }
        self.places[&id]
    }

    /// The values on the tape that `id` is computed from in the reverse program.
    fn inputs_of(&self, id: u32) -> SmallVec<[u32; 3]> {
        match self.values.get(&id) {
            Some(&value) if self.saved[value as usize] => SmallVec::new(),
            _ => self.tape.nodes()[id as usize].inputs.clone(),
        }
    }

    fn build(&self, reverse: &mut Reverse<T>, id: u32, inputs: SmallVec<[u32; 3]>) -> u32 {
        let (op, shape) = {
            let node = &self.tape.nodes()[id as usize];
            (node.op.clone(), node.value.shape().clone())
        };
        let kind = match (self.values.get(&id), self.cotangents.get(&id)) {
            (Some(&value), _) => self.forward_kind(reverse, value),
            (None, Some(&output)) => self.cotangent_kind(reverse, output),
            (None, None) => match op {
                Op::Leaf(Leaf::Scalar) => {
                    Kind::Literal(self.tape.nodes()[id as usize].value.item().as_f64())
                }
                Op::Leaf(_) => {
                    reverse.constants.push(self.tape.nodes()[id as usize].value.clone());
                    invariant(reverse, InvariantSource::Constant(reverse.constants.len() - 1))
                }
                op => Kind::Op(op),
            },
        };
        reverse.program.push(Node { kind, inputs, shape })
    }

    fn forward_kind(&self, reverse: &mut Reverse<T>, value: u32) -> Kind<T> {
        let node = self.forward.node(value);
        match &node.kind {
            Kind::Literal(value) => Kind::Literal(*value),
            Kind::Input(Input::Sequence(i)) => sequence(reverse, SequenceSource::Sequence(*i)),
            Kind::Input(Input::Invariant(i)) => invariant(reverse, InvariantSource::Invariant(*i)),
            Kind::Input(Input::Carry(j)) if self.state_before == StateBefore::Shifted => {
                let after = SequenceSource::Residual(self.forward.next[*j]);
                let sequence = reverse.sequences.place(after);
                let edge = reverse.invariants.place(InvariantSource::Initial(*j));
                Kind::Input(Input::Ahead { sequence, edge })
            }
            Kind::Input(Input::Ahead { .. }) => {
                unreachable!("a step that reads ahead is not differentiated")
            }
            Kind::Op(op) if !self.saved[value as usize] => Kind::Op(op.clone()),
            Kind::Op(_) | Kind::Input(Input::Carry(_)) => {
                sequence(reverse, SequenceSource::Residual(value))
            }
        }
    }

    fn cotangent_kind(&self, reverse: &mut Reverse<T>, output: usize) -> Kind<T> {
        let stacked = self.forward.stacked.len();
        let states = self.forward.next.len();
        if output < stacked {
            sequence(reverse, SequenceSource::Cotangent(output))
        } else if output < stacked + states {
            Kind::Input(Input::Carry(output - stacked))
        } else {
            invariant(reverse, InvariantSource::Cotangent(output - stacked - states))
        }
    }
}

fn sequence<T>(reverse: &mut Reverse<T>, feed: SequenceSource) -> Kind<T> {
    Kind::Input(Input::Sequence(reverse.sequences.place(feed)))
}

fn invariant<T>(reverse: &mut Reverse<T>, feed: InvariantSource) -> Kind<T> {
    Kind::Input(Input::Invariant(reverse.invariants.place(feed)))
}

fn is_state<T>(node: &Node<T>) -> bool {
    matches!(node.kind, Kind::Input(Input::Carry(_)))
}
