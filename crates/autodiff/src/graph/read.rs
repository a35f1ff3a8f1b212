//! Reads a graph from a tape, and from the step of a scan.

use std::borrow::Cow;

use bptt_tensor::{Scalar, Shape, Unary};

use super::{Graph, GraphNode, Operator, ScanGraph};
use crate::scan::{Input, Kind, Line, Program, ScanOperation};
use crate::tape::primitive::{
    Concat, CumSum, Extremum, GatherRows, LogSoftmax, LogSumExp, MatMul, Norm, Permute, Slice,
    Softmax, Sum,
};
use crate::tape::{Leaf, Op, Tape};

/// Reads the nodes of a tape. The first `inputs` nodes are the inputs.
pub(super) fn recorded<T: Scalar>(tape: &Tape<T>, inputs: usize, outputs: &[u32]) -> Graph<T> {
    let nodes = tape.nodes();
    let mut reader = Reader::default();
    for (id, node) in nodes.iter().enumerate() {
        let operator = match &node.op {
            _ if id < inputs => Operator::Input(id),
            Op::Leaf(Leaf::Param(id)) => Operator::Parameter(*id, node.value.clone()),
            Op::Leaf(Leaf::Scalar) => Operator::Literal(node.value.item().as_f64()),
            Op::Leaf(Leaf::Constant | Leaf::Variable(_)) => Operator::Constant(node.value.clone()),
            op => reader.operator(op, &node.inputs),
        };
        let is_computed = !matches!(node.op, Op::Leaf(_));
        let line = is_computed.then(|| Line::Of(node.origin.location).to_string());
        let inputs = node.inputs.iter().map(|&input| input as usize).collect();
        reader.push(operator, inputs, node.value.shape(), line);
    }
    reader.graph(outputs)
}

/// Reads the step of a scan.
fn step<T: Scalar>(program: &Program<T>, sequences: usize) -> Graph<T> {
    let mut reader = Reader::default();
    let states = program.next.len();
    for node in &program.nodes {
        let operator = match &node.kind {
            Kind::Input(Input::Sequence(i)) => Operator::Input(*i),
            Kind::Input(Input::Carry(i)) => Operator::Input(sequences + i),
            Kind::Input(Input::Invariant(i)) => Operator::Input(sequences + states + i),
            Kind::Input(Input::Ahead { .. }) => unreachable!("only reverse steps look ahead"),
            Kind::Literal(value) => Operator::Literal(*value),
            Kind::Op(op) => reader.operator(op, &node.inputs),
        };
        let inputs = node.inputs.iter().map(|&input| input as usize).collect();
        let line = node.line.map(|line| line.to_string());
        reader.push(operator, inputs, &node.shape, line);
    }
    let outputs: Vec<u32> = program.stacked.iter().chain(&program.next).copied().collect();
    reader.graph(&outputs)
}

struct Reader<T> {
    nodes: Vec<GraphNode<T>>,
    /// For each scan, its position, and for each of its results, the first element in the row of all, and the shape.
    scans: Vec<(u32, Vec<(usize, Shape)>)>,
}

impl<T> Default for Reader<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), scans: Vec::new() }
    }
}

impl<T: Scalar> Reader<T> {
    /// Adds a node. A result of a scan has its own shape, not that of a slice of the row of all results.
    fn push(
        &mut self,
        operator: Operator<T>,
        inputs: Vec<usize>,
        shape: &Shape,
        line: Option<String>,
    ) {
        let shape = match operator {
            Operator::ScanOutput(result) => {
                let scan = self.scans.iter().find(|(id, _)| *id as usize == inputs[0]);
                scan.expect("it has been read").1[result].1.clone()
            }
            _ => shape.clone(),
        };
        self.nodes.push(GraphNode { operator, inputs, shape, line });
    }

    fn operator(&mut self, op: &Op<T>, inputs: &[u32]) -> Operator<T> {
        match op {
            Op::Unary(function) => Operator::Unary(*function),
            Op::Binary(function) => Operator::Binary(*function),
            Op::Select(_) => Operator::Select,
            Op::StopGradient(_) => Operator::Unary(Unary::Identity),
            Op::MatMul(MatMul(transpose)) => Operator::MatMul(*transpose),
            Op::Sum(Sum { axes, keep }) => Operator::Sum { axes: axes.to_vec(), keep: *keep },
            Op::Norm(Norm { axes, keep }) => Operator::Norm { axes: axes.to_vec(), keep: *keep },
            Op::Extremum(Extremum::Max(axes)) => Operator::Max(axes.to_vec()),
            Op::Extremum(Extremum::Min(axes)) => Operator::Min(axes.to_vec()),
            Op::Softmax(Softmax { axis }) => Operator::Softmax(*axis),
            Op::LogSoftmax(LogSoftmax { axis }) => Operator::LogSoftmax(*axis),
            Op::LogSumExp(LogSumExp { axis }) => Operator::LogSumExp(*axis),
            Op::Reshape(_) => Operator::Reshape,
            Op::Permute(Permute(order)) => Operator::Permute(order.to_vec()),
            Op::BroadcastTo(_) => Operator::Broadcast,
            Op::SumTo(_) => Operator::SumTo,
            Op::Slice(Slice { axis, range }) => self.slice(*axis, range.start, range.end, inputs),
            Op::Concat(Concat { axis }) => Operator::Concat(*axis),
            Op::GatherRows(GatherRows(indices)) => Operator::GatherRows(indices.to_vec()),
            Op::CumSum(CumSum { axis, is_reversed }) => {
                Operator::CumSum { axis: *axis, is_reversed: *is_reversed }
            }
            Op::Custom(operation) => match operation.downcast_ref::<ScanOperation<T>>() {
                Some(scan) => self.scan(scan),
                None => Operator::Other(operation.name()),
            },
            other => Operator::Other(other.name()),
        }
    }

    fn scan(&mut self, scan: &ScanOperation<T>) -> Operator<T> {
        let compiled = scan.step();
        let sequences = compiled.sequences;
        self.scans.push((self.nodes.len() as u32, scan.layout()));
        Operator::Scan(Box::new(ScanGraph {
            step: step(&compiled.traced, sequences),
            sequences,
            states: compiled.traced.next.len(),
            is_reversed: scan.is_reversed(),
        }))
    }

    fn slice(&self, axis: usize, start: usize, end: usize, inputs: &[u32]) -> Operator<T> {
        match self.scans.iter().find(|(id, _)| *id == inputs[0]) {
            Some((_, layout)) => {
                let is_it = |(other, shape): &(usize, Shape)| {
                    *other == start && shape.elements() == end - start
                };
                let result = layout.iter().position(is_it);
                Operator::ScanOutput(result.expect("slices of a scan are its results"))
            }
            None => Operator::Slice { axis, start, end },
        }
    }

    /// Keeps the inputs, and what the outputs need.
    fn graph(self, outputs: &[u32]) -> Graph<T> {
        let mut needed = vec![false; self.nodes.len()];
        outputs.iter().for_each(|&output| needed[output as usize] = true);
        for (id, node) in self.nodes.iter().enumerate().rev() {
            if needed[id] {
                node.inputs.iter().for_each(|&input| needed[input] = true);
            }
        }
        let (mut nodes, mut places) = (Vec::new(), Vec::with_capacity(needed.len()));
        for (mut node, is_needed) in self.nodes.into_iter().zip(needed) {
            places.push(nodes.len());
            if is_needed || matches!(node.operator, Operator::Input(_)) {
                node.inputs.iter_mut().for_each(|input| *input = places[*input]);
                nodes.push(node);
            }
        }
        Graph { outputs: outputs.iter().map(|&output| places[output as usize]).collect(), nodes }
    }
}

impl<T: Scalar> Operator<T> {
    /// The name of the operation, for messages.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Input(_) => "input",
            Self::Constant(_) => "constant",
            Self::Parameter(..) => "parameter",
            Self::Literal(_) => "literal",
            Self::Unary(function) => return function.to_string().into(),
            Self::Binary(function) => function.name(),
            Self::Select => "select",
            Self::MatMul(_) => "matmul",
            Self::Sum { .. } => "sum",
            Self::Norm { .. } => "norm",
            Self::Max(_) => "max",
            Self::Min(_) => "min",
            Self::Softmax(_) => "softmax",
            Self::LogSoftmax(_) => "log_softmax",
            Self::LogSumExp(_) => "log_sum_exp",
            Self::Reshape => "reshape",
            Self::Permute(_) => "permute",
            Self::Broadcast => "broadcast_to",
            Self::SumTo => "sum_to",
            Self::Slice { .. } => "slice",
            Self::Concat(_) => "concat",
            Self::GatherRows(_) => "gather_rows",
            Self::CumSum { .. } => "cumsum",
            Self::Scan(_) => "scan",
            Self::ScanOutput(_) => "result of a scan",
            Self::Other(name) => name,
        }
        .into()
    }
}
