//! Lifting: a value that all rows of the batch share, such as a number for each step, becomes a value with a row for
//! each. The step can then be compiled row by row.

use bptt_tensor::{Scalar, Shape};
use smallvec::SmallVec;

use crate::scan::ir::binding::{Binding, bindings};
use crate::scan::ir::program::{Input, Kind, Node, Program, op_node};
use crate::tape::primitive::{BroadcastTo, Reshape};
use crate::tape::{Class, Op, ViewOf};

/// Lifts the entries of a step's own sequences that all rows share, and the values that are computed from them alone.
/// Own sequences come after the `given` ones.
///
/// Returns `None` if there is no such entry, or if an equation does more with one than elementwise functions and
/// reshapes. Then the step stays as it is.
pub(crate) fn lift<T: Scalar>(program: &Program<T>, given: usize) -> Option<Program<T>> {
    let lift = Lift::new(program, given)?;
    let needed = program.ancestors(program.outputs());
    let is_lifted = |id: u32| !needed[id as usize] || lift.is_possible(id);
    let can_lift = (0..program.nodes.len() as u32).all(is_lifted)
        && !program.outputs().any(|id| lift.is_shared[id as usize]);
    can_lift.then(|| program.rebuild(|new, id, inputs| lift.rebuild(new, id, inputs)))
}

/// A step with values that the rows share.
struct Lift<'p, T> {
    program: &'p Program<T>,
    /// The rows of the batch.
    rows: usize,
    is_shared: Vec<bool>,
}

impl<'p, T: Scalar> Lift<'p, T> {
    /// `None` if no value is shared, or if the inputs of the step do not have one number of rows.
    fn new(program: &'p Program<T>, given: usize) -> Option<Self> {
        let is_own = |input: Input| matches!(input, Input::Sequence(i) if i >= given);
        let with_rows = program.nodes.iter().filter(|node| match node.kind {
            Kind::Input(Input::Invariant(_)) => false,
            Kind::Input(input) => !is_own(input),
            _ => false,
        });
        let mut rows = with_rows.filter_map(|node| node.shape.first().copied());
        let first = rows.next()?;
        if first == 0 || rows.any(|other| other != first) {
            return None;
        }
        let mut lift = Self { program, rows: first, is_shared: Vec::new() };
        let bindings = bindings(program);
        for node in &program.nodes {
            let is_shared = match node.kind {
                Kind::Input(input) => is_own(input),
                Kind::Literal(_) => false,
                Kind::Op(_) => {
                    let shared = |&i: &u32| lift.is_shared[i as usize];
                    let invariant = |&i: &u32| bindings[i as usize] == Binding::Invariant;
                    node.inputs.iter().any(shared)
                        && node.inputs.iter().all(|i| shared(i) || invariant(i))
                }
            };
            lift.is_shared.push(is_shared && !lift.has_rows(&node.shape));
        }
        lift.is_shared.contains(&true).then_some(lift)
    }

    /// Whether a value of this shape has a row for each of the batch.
    fn has_rows(&self, shape: &Shape) -> bool {
        shape.len() >= 2 && shape[0] == self.rows
    }

    fn reads_shared(&self, id: u32) -> bool {
        self.program.node(id).inputs.iter().any(|&input| self.is_shared[input as usize])
    }

    /// The axes of a shared value behind the axis of rows: its own, but for leading ones.
    fn own_axes(shape: &Shape) -> &[usize] {
        let ones = shape.iter().take_while(|&&extent| extent == 1).count();
        &shape[ones..]
    }

    /// The shape of a shared value once it is lifted, with at least this many axes.
    fn lifted(&self, shape: &Shape, axes: usize) -> Shape {
        let own = Self::own_axes(shape);
        let ones = axes.max(2).saturating_sub(1 + own.len());
        [self.rows]
            .into_iter()
            .chain(std::iter::repeat_n(1, ones))
            .chain(own.iter().copied())
            .collect()
    }

    /// The shape of a value in the lifted step.
    fn shape(&self, id: u32) -> Shape {
        let shape = self.program.shape(id);
        if self.is_shared[id as usize] { self.lifted(shape, 2) } else { shape.clone() }
    }

    /// Whether a value can be computed in the lifted step.
    fn is_possible(&self, id: u32) -> bool {
        if !self.reads_shared(id) {
            return true;
        }
        let (shape, is_shared) = (self.shape(id), self.is_shared[id as usize]);
        let fits = |&input: &u32| {
            let own = self.program.shape(input);
            match self.is_shared[input as usize] {
                true => self.lifted(own, shape.len()).len() == shape.len(),
                false => own.len() < shape.len() || !is_shared && own.len() == shape.len(),
            }
        };
        let inputs = &self.program.node(id).inputs;
        match self.program.class(id) {
            Class::Elementwise(function) => {
                self.has_rows(&shape)
                    && inputs.iter().all(fits)
                    && (function.broadcasts() || inputs.iter().all(|&i| self.is_shared[i as usize]))
            }
            Class::Broadcast => self.has_rows(&shape) && inputs.iter().all(fits),
            Class::View(ViewOf::Whole) => {
                // a single row is shared and has its own row at once
                (is_shared || self.rows == 1) && matches!(self.program.op(id), Some(Op::Reshape(_)))
            }
            _ => false,
        }
    }

    fn rebuild(&self, new: &mut Program<T>, id: u32, inputs: SmallVec<[u32; 3]>) -> u32 {
        let (node, shape) = (self.program.node(id), self.shape(id));
        if !self.reads_shared(id) {
            return new.push(Node { inputs, shape, ..node.clone() });
        }
        let target = || shape[..].into();
        let kind = match &node.kind {
            Kind::Op(Op::BroadcastTo(_)) => Kind::Op(Op::BroadcastTo(BroadcastTo(target()))),
            Kind::Op(Op::Reshape(_)) => return reshaped(new, inputs[0], shape),
            kind => kind.clone(),
        };
        let operands = node.inputs.iter().zip(inputs).map(|(&input, placed)| {
            match self.is_shared[input as usize] {
                true => reshaped(new, placed, self.lifted(self.program.shape(input), shape.len())),
                false => placed,
            }
        });
        let inputs = operands.collect();
        new.push(Node { kind, inputs, shape, line: node.line })
    }
}

/// A value in another shape.
fn reshaped<T>(program: &mut Program<T>, id: u32, shape: Shape) -> u32 {
    if *program.shape(id) == shape {
        return id;
    }
    program.push(op_node(Op::Reshape(Reshape(shape[..].into())), [id], shape))
}
