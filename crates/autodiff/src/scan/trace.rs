//! Tracing: the equations of a step run once on shapes without values, and are recorded.

use bptt_tensor::{Scalar, Shape, Tensor};
use smallvec::SmallVec;

use crate::scan::ir::line::Line;
use crate::scan::ir::program::{Input, Kind, Node, Program, leaf_node};
use crate::scan::lift::lift;
use crate::scan::own_sequences::{OwnSequence, OwnSource};
use crate::scan::state_fault::StateFault;
use crate::tape::{IdMap, Leaf, Op, StepCount, Tape, Var};

/// A traced step, and the variables that it reads from outside.
pub(crate) struct Traced<'t, T> {
    pub(crate) program: Program<T>,
    /// Sequences that the step reads by [`Tape::at_step`]. They come after the given ones.
    pub(crate) own_sequences: Vec<OwnSequence<'t, T>>,
    pub(crate) invariants: Vec<Var<'t, T>>,
}

impl<'t, T: Scalar> Traced<'t, T> {
    /// All sequences that the step reads: those given, and its own.
    ///
    /// # Panics
    ///
    /// If one of the step's own sequences does not have an entry for each step.
    #[track_caller]
    pub(crate) fn sequences(&self, given: &[Var<'t, T>], steps: StepCount) -> Vec<Var<'t, T>> {
        let mut sequences = given.to_vec();
        for own in &self.own_sequences {
            sequences.push(own.over(given[0].tape, steps));
        }
        sequences
    }
}

/// A step as a function of an entry of each sequence and the state. It returns the outputs and the
/// next state.
pub(crate) type FlatStep<'a, 't, T> =
    dyn FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> (Vec<Var<'t, T>>, Vec<Var<'t, T>>) + 'a;

/// The origin of a value from outside: a loop-invariant input, or a sequence.
#[derive(Clone)]
enum Origin<T> {
    /// A value that was on the tape before the step.
    Outer(u32),
    /// A parameter or a constant that the step added.
    Leaf(Leaf, Tensor<T>),
}

/// Records the computation of `step` on an entry of each sequence and the state.
///
/// # Errors
///
/// If the next state does not have the form of the state.
#[track_caller]
pub(crate) fn trace<'t, T: Scalar>(
    tape: &'t Tape<T>,
    sequences: &[Var<'t, T>],
    state: &[Var<'t, T>],
    step: &mut FlatStep<'_, 't, T>,
) -> Result<Traced<'t, T>, StateFault> {
    let entries: Vec<Shape> = sequences.iter().map(|x| x.shape().without(0)).collect();
    let states: Vec<Shape> = state.iter().map(|s| s.shape()).collect();
    let start = tape.len() as u32;
    let recorded = tape.tracing(|| {
        let unknown = |shape: &Shape| tape.leaf(Leaf::Constant, Tensor::unknown(shape.clone()));
        let entries: Vec<_> = entries.iter().map(unknown).collect();
        let states: Vec<_> = states.iter().map(unknown).collect();
        let (outputs, next) = step(&entries, &states);
        let fault = StateFault::of(&states, &next);
        fault.map_or_else(|| Ok((tape.drain(start), outputs, next)), Err)
    });
    let (recorded, outputs, next) = recorded?;
    for var in outputs.iter().chain(&next) {
        var.on_tape(tape); // not within a closure, which would hide the caller's line
    }

    let mut reader = Reader {
        start,
        nodes: Vec::new(),
        own: Vec::with_capacity(recorded.len()),
        outer: IdMap::default(),
        leaves: IdMap::default(),
        given_sequences: entries.len(),
        own_sequences: Vec::new(),
        origins: Vec::new(),
    };
    let inputs = (0..entries.len()).map(Input::Sequence).chain((0..states.len()).map(Input::Carry));
    let mut inputs = inputs.map(Some).chain(std::iter::repeat(None));
    for node in recorded {
        reader.read(tape, node, inputs.next().flatten());
    }
    let place = |reader: &mut Reader<T>, vars: Vec<Var<'t, T>>| -> Vec<u32> {
        vars.into_iter().map(|var| reader.place(tape, var.id)).collect()
    };
    let (stacked, next) = (place(&mut reader, outputs), place(&mut reader, next));
    let Reader { nodes, own_sequences, origins, given_sequences, .. } = reader;
    let program = Program { nodes, stacked, next, sums: Vec::new() };
    let program = lift(&program, given_sequences).unwrap_or(program);
    let variable = |origin| match origin {
        Origin::Outer(id) => Var { tape, id },
        Origin::Leaf(leaf, value) => tape.known_leaf(leaf, value),
    };
    let own_sequences = (given_sequences..).zip(own_sequences).map(|(index, (source, shape))| {
        let entry = program.sequence_shape(index).unwrap_or(shape);
        OwnSequence { source: source.map(variable), entry }
    });
    let own_sequences = own_sequences.collect();
    Ok(Traced { own_sequences, invariants: origins.into_iter().map(variable).collect(), program })
}

/// A value that the step recorded.
enum Recorded<T> {
    /// Its id in the program.
    Placed(u32),
    /// A leaf that no equation has read so far, except as a sequence.
    Unread(Leaf, Tensor<T>),
}

/// Turns recorded nodes into those of a program.
struct Reader<T> {
    start: u32,
    nodes: Vec<Node<T>>,
    /// The values that the step recorded. Their ids on the tape begin at `start`.
    own: Vec<Recorded<T>>,
    /// The ids in the program of values that were recorded before the step.
    outer: IdMap,
    /// The ids in the program of parameters and variables that the step names.
    leaves: IdMap,
    given_sequences: usize,
    /// The step's own sequences, with the shapes of their entries.
    own_sequences: Vec<(OwnSource<Origin<T>>, Shape)>,
    origins: Vec<Origin<T>>,
}

impl<T: Scalar> Reader<T> {
    #[track_caller]
    fn read(&mut self, tape: &Tape<T>, node: crate::tape::Node<T>, input: Option<Input>) {
        let shape = node.value.shape().clone();
        let kind = match (input, node.op) {
            (Some(input), _) => Kind::Input(input),
            (None, Op::Leaf(Leaf::Scalar)) => Kind::Literal(node.value.item().as_f64()),
            (None, Op::Leaf(leaf)) => {
                self.own.push(Recorded::Unread(leaf, node.value));
                return;
            }
            (None, Op::Entry) => {
                let source = OwnSource::Sequence(self.sequence(node.inputs[0]));
                self.own_sequence(source, &shape)
            }
            (None, Op::StepIndex) => self.own_sequence(OwnSource::StepIndex, &shape),
            (None, op) => Kind::Op(op),
        };
        let inputs = match kind {
            Kind::Op(_) => node.inputs.iter().map(|&input| self.place(tape, input)).collect(),
            _ => SmallVec::new(),
        };
        let line = matches!(kind, Kind::Op(_)).then_some(Line::Of(node.origin.location));
        let place = self.push(Node { kind, inputs, shape, line });
        self.own.push(Recorded::Placed(place));
    }

    /// The origin of a sequence that the step reads by [`Tape::at_step`].
    #[track_caller]
    fn sequence(&self, id: u32) -> Origin<T> {
        match id.checked_sub(self.start).map(|own| &self.own[own as usize]) {
            None => Origin::Outer(id),
            Some(Recorded::Unread(leaf, value)) => Origin::Leaf(*leaf, value.clone()),
            Some(Recorded::Placed(place)) => match &self.nodes[*place as usize].kind {
                Kind::Input(Input::Invariant(i)) => self.origins[*i].clone(),
                _ => panic!(
                    "at_step: the step itself computes the sequence; compute it before the scan"
                ),
            },
        }
    }

    fn own_sequence(&mut self, source: OwnSource<Origin<T>>, entry: &Shape) -> Kind<T> {
        self.own_sequences.push((source, entry.clone()));
        let index = self.given_sequences + self.own_sequences.len() - 1;
        Kind::Input(Input::Sequence(index))
    }

    fn push(&mut self, node: Node<T>) -> u32 {
        self.nodes.push(node);
        self.nodes.len() as u32 - 1
    }

    /// Adds a value that no operation computes.
    fn given(&mut self, kind: Kind<T>, shape: Shape) -> u32 {
        self.push(leaf_node(kind, shape))
    }

    /// The id in the program of a value. A value that was recorded before the step becomes an
    /// invariant.
    fn place(&mut self, tape: &Tape<T>, id: u32) -> u32 {
        if let Some(own) = id.checked_sub(self.start) {
            let place = match &self.own[own as usize] {
                Recorded::Placed(place) => return *place,
                Recorded::Unread(leaf, value) => (*leaf, value.clone()),
            };
            let place = self.leaf(place.0, place.1);
            self.own[own as usize] = Recorded::Placed(place);
            return place;
        }
        if let Some(&place) = self.outer.get(&id.into()) {
            return place;
        }
        let literal = tape.literal(id);
        let kind = literal.map_or_else(|| self.invariant(Origin::Outer(id)), Kind::Literal);
        let place = self.given(kind, tape.shape_of(id));
        self.outer.insert(id.into(), place);
        place
    }

    /// The id in the program of a leaf that the step added, one for each parameter.
    fn leaf(&mut self, leaf: Leaf, value: Tensor<T>) -> u32 {
        let id = match leaf {
            Leaf::Variable(id) | Leaf::Param(id) => Some(id.bits()),
            Leaf::Constant | Leaf::Scalar => None,
        };
        if let Some(&place) = id.and_then(|id| self.leaves.get(&id)) {
            return place;
        }
        let shape = value.shape().clone();
        let kind = self.invariant(Origin::Leaf(leaf, value));
        let place = self.given(kind, shape);
        if let Some(id) = id {
            self.leaves.insert(id, place);
        }
        place
    }

    fn invariant(&mut self, origin: Origin<T>) -> Kind<T> {
        self.origins.push(origin);
        Kind::Input(Input::Invariant(self.origins.len() - 1))
    }
}
