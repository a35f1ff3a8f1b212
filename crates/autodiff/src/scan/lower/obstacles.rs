//! Obstacles: the values that keep a step from being lowered, each with its line and with what to write instead.

use std::fmt;

use bptt_tensor::{Scalar, Shape, Transpose, Unary};

use crate::scan::ir::binding::Binding;
use crate::scan::ir::line::Line;
use crate::scan::ir::program::{Input, Kind, Program};
use crate::tape::primitive::{ArgSort, CumSum};
use crate::tape::{Class, Op, ViewOf};

/// A value that cannot be computed row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// The operation and the shapes.
    pub(crate) what: String,
    pub(crate) line: Option<Line>,
    /// What to write instead.
    pub(crate) advice: &'static str,
}

impl Obstacle {
    /// The obstacle of a step whose inputs have no rows.
    pub(crate) fn no_rows() -> Self {
        let what = "no input with rows".into();
        Self {
            what,
            line: None,
            advice: "a step reads a sequence [T, B, ..] or a state [B, ..], with B of at least 1",
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.what)?;
        if let Some(line) = self.line {
            write!(f, " {line}")?;
        }
        writeln!(f, "\n    {}", self.advice)
    }
}

/// The obstacles among the values that are refused. A value that only follows from another obstacle is none, unless
/// there is no other.
pub(crate) fn obstacles<T: Scalar>(
    program: &Program<T>,
    bindings: &[Binding],
    rows: usize,
    mut refused: Vec<u32>,
) -> Vec<Obstacle> {
    refused.sort_unstable();
    refused.dedup();
    let step = Refused { program, bindings, rows, refused: program.among(refused.iter().copied()) };
    let causes: Vec<u32> = refused.iter().copied().filter(|&id| !step.follows(id)).collect();
    let listed = if causes.is_empty() { refused } else { causes };
    let mut obstacles: Vec<Obstacle> = Vec::with_capacity(listed.len());
    for obstacle in listed.into_iter().map(|id| step.obstacle(id)) {
        if !obstacles.contains(&obstacle) {
            obstacles.push(obstacle);
        }
    }
    obstacles
}

/// A step of which values are refused.
struct Refused<'p, T> {
    program: &'p Program<T>,
    bindings: &'p [Binding],
    rows: usize,
    refused: Vec<bool>,
}

impl<T: Scalar> Refused<'_, T> {
    fn has_rows(&self, shape: &Shape) -> bool {
        shape.first() == Some(&self.rows)
    }

    /// Whether a value differs from step to step, but has no row for each sequence of the batch.
    fn is_shared(&self, id: u32) -> bool {
        self.bindings[id as usize] > Binding::Invariant && !self.has_rows(self.program.shape(id))
    }

    /// Whether a value is refused only because of others that are.
    fn follows(&self, id: u32) -> bool {
        let node = self.program.node(id);
        // the inputs of a reverse step have the lines of the forward values that they hold
        let Some(op) = self.program.op(id) else { return node.line.is_some() };
        let reads_refused =
            || node.inputs.iter().any(|&i| self.refused[i as usize] && self.is_shared(i));
        let reads_computed =
            || node.inputs.iter().any(|&i| self.is_shared(i) && self.program.op(i).is_some());
        match op.class() {
            Class::Opaque(_) | Class::Tuple | Class::Positions => false,
            // positions at which the same equation reads
            Class::Movement if node.inputs.iter().any(|&input| self.is_of_equation(input, id)) => {
                true
            }
            Class::Elementwise(_) | Class::Broadcast => reads_refused(),
            _ => reads_computed(),
        }
    }

    /// Whether an input is refused and computed in the same equation.
    fn is_of_equation(&self, input: u32, id: u32) -> bool {
        let lines = [input, id].map(|id| self.program.node(id).line);
        self.refused[input as usize] && lines[0].is_some() && lines[0] == lines[1]
    }

    fn obstacle(&self, id: u32) -> Obstacle {
        let node = self.program.node(id);
        let (what, advice) = match &node.kind {
            // legalization copies an output that no operation computes
            Kind::Op(Op::Unary(Unary::Identity)) if !self.has_rows(&node.shape) => {
                (format!("an output of {}", node.shape), SHARED)
            }
            Kind::Op(op) => {
                let shapes: Vec<String> = node
                    .inputs
                    .iter()
                    .map(|&input| self.program.shape(input).to_string())
                    .collect();
                let name = op.described(&node.shape);
                (format!("{name} of {} to {}", shapes.join(", "), node.shape), self.advice(id, op))
            }
            Kind::Input(input) => input_obstacle(*input, &node.shape),
            Kind::Literal(value) => (value.to_string(), SHARED),
        };
        Obstacle { what, line: node.line, advice }
    }

    /// What to write in place of an operation.
    fn advice(&self, id: u32, op: &Op<T>) -> &'static str {
        let node = self.program.node(id);
        let shapes = || node.inputs.iter().map(|&input| self.program.shape(input));
        match (op, op.class()) {
            (Op::Softmax(_) | Op::LogSoftmax(_) | Op::LogSumExp(_), _) => DEPENDENT,
            (Op::CumSum(CumSum { axis: 0, .. }), _)
            | (Op::ArgSort(ArgSort::All { axis: 0 } | ArgSort::Top { axis: 0, .. }), _) => {
                "the rows of the batch depend on each other; sort and add along the axes after the batch"
            }
            _ if self.program.row_function(id).is_some()
                && shapes().any(|shape| !self.has_rows(shape)) =>
            {
                SHARED
            }
            (Op::GatherAlong(_) | Op::GatherRows(_), _) => {
                "gather before the scan, or multiply by one-hot vectors"
            }
            (Op::ScatterAlong(_) | Op::ScatterRows(_), _) => {
                "scatter after the scan, or multiply by one-hot vectors"
            }
            (_, Class::Tuple) => {
                "the inner scan is compiled, and the step around it is not; write a short inner loop out"
            }
            (_, Class::Opaque(Some(advice))) => advice,
            (_, Class::Opaque(None)) => {
                "a function of single elements is compiled as `Elementwise` or by `OpClass::elementwise`, and one of \
                 whole rows by `Operation::by_rows`; compose any other of compiled operations"
            }
            _ if self.has_rows(&node.shape)
                && shapes().chain([&node.shape]).any(|shape| shape.contains(&0)) =>
            {
                "a value without elements; leave it out of the step"
            }
            (_, Class::Product(Transpose::LEFT)) => DEPENDENT,
            (_, Class::Product(_)) => {
                "a right operand that differs from step to step has a matrix for each row: [B, M, K] · [B, K, N]"
            }
            _ if node.inputs.iter().any(|&input| self.is_shared(input)) => SHARED,
            (_, Class::Reduction(..) | Class::SumTo) => DEPENDENT,
            (
                _,
                Class::View(ViewOf::Whole | ViewOf::Part { .. })
                | Class::Join { .. }
                | Class::Movement,
            ) => {
                "keep the batch the first axis; reshape, transpose, cut and join the axes after it"
            }
            _ => SHARED,
        }
    }
}

const DEPENDENT: &str = "the rows of the batch depend on each other; reduce the axes after the batch here, and the batch \
                         outside of the step";
const SHARED: &str = "all rows of the batch share it; give it a row for each, [B, ..]";

/// An input of a step without rows, and what to write instead.
fn input_obstacle(input: Input, shape: &Shape) -> (String, &'static str) {
    match input {
        Input::Carry(_) => (format!("the state {input} of {shape}"), SHARED),
        _ => (
            format!("an entry {input} of {shape}"),
            "all rows of the batch share it; give it a row for each, [B, ..], or read it by `Tape::at_step` in \
             elementwise functions alone",
        ),
    }
}
