//! A computation as data: the operations that a tape records, and the steps of its scans, for programs that translate
//! them, such as exporters.

mod read;

use bptt_tensor::{Binary, Scalar, Shape, Tensor, Transpose, Unary};

use crate::tape::{ParamId, Tape, Var};

/// A computation: values in an order in which they can be computed, each known by its position.
///
/// ```
/// use bptt_autodiff::{Graph, Operator, Param};
/// use bptt_tensor::{Tensor, Unary};
///
/// let w = Param::<f32>::new(Tensor::ones([3, 2]));
/// let graph = Graph::trace(&[[4, 3].into()], |_, inputs| vec![inputs[0].matmul(&w).tanh()]);
/// let names: Vec<String> = graph.nodes.iter().map(|node| node.operator.name().into_owned()).collect();
/// assert_eq!(names, ["input", "parameter", "matmul", "tanh"]);
/// assert_eq!((graph.outputs[0], &graph.nodes[3].shape[..]), (3, &[4, 2][..]));
/// assert!(matches!(graph.nodes[3].operator, Operator::Unary(Unary::Tanh)));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Graph<T> {
    /// The values that the outputs need, and all inputs.
    pub nodes: Vec<GraphNode<T>>,
    /// The positions of the outputs.
    pub outputs: Vec<usize>,
}

/// A value of a [`Graph`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GraphNode<T> {
    /// How it is computed.
    pub operator: Operator<T>,
    /// The positions of the values from which it is computed.
    pub inputs: Vec<usize>,
    /// Its shape.
    pub shape: Shape,
    /// The line of its equation, such as `at src/main.rs:7:9`, if an equation computes it.
    pub line: Option<String>,
}

/// How a value of a [`Graph`] is computed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Operator<T> {
    /// The input of this number.
    Input(usize),
    /// Data.
    Constant(Tensor<T>),
    /// A parameter, with its value.
    Parameter(ParamId, Tensor<T>),
    /// A number in an equation, without axes.
    Literal(f64),
    /// A function of each element.
    Unary(Unary),
    /// A function of pairs of elements, whose operands are broadcast.
    Binary(Binary),
    /// `condition ≠ 0 ? a : b`, whose operands are broadcast.
    Select,
    /// `op(A) · op(B)` over the last two axes. The other axes are broadcast.
    MatMul(Transpose),
    /// The sum over ascending axes, which are removed, or kept with extent 1.
    Sum {
        /// The axes.
        axes: Vec<usize>,
        /// Whether they are kept.
        keep: bool,
    },
    /// The Euclidean norm over ascending axes, which are removed, or kept with extent 1.
    Norm {
        /// The axes.
        axes: Vec<usize>,
        /// Whether they are kept.
        keep: bool,
    },
    /// The largest element over ascending axes, which are removed.
    Max(Vec<usize>),
    /// The smallest element over ascending axes, which are removed.
    Min(Vec<usize>),
    /// The softmax along an axis.
    Softmax(usize),
    /// The logarithm of the softmax along an axis.
    LogSoftmax(usize),
    /// `ln Σ eˣ` along an axis, which is removed.
    LogSumExp(usize),
    /// The same elements in the shape of the node.
    Reshape,
    /// Axis `i` of the result is axis `order[i]` of the input.
    Permute(Vec<usize>),
    /// The input, broadcast to the shape of the node.
    Broadcast,
    /// The sum over the axes that a broadcast from the shape of the node stretched.
    SumTo,
    /// A slice of an axis.
    Slice {
        /// The axis.
        axis: usize,
        /// The first entry.
        start: usize,
        /// The entry after the last.
        end: usize,
    },
    /// The inputs, joined along an axis.
    Concat(usize),
    /// Row `i` of the result is row `indices[i]` of the input.
    GatherRows(Vec<usize>),
    /// `yᵢ = x₀ + … + xᵢ` along an axis, or from the last, if reversed.
    CumSum {
        /// The axis.
        axis: usize,
        /// Whether sums begin at the end.
        is_reversed: bool,
    },
    /// A recurrence. Its inputs are the sequences `[T, ..]`, the first states, and values that all steps read.
    /// [`ScanOutput`](Self::ScanOutput)s are its results, and nothing else reads it.
    Scan(Box<ScanGraph<T>>),
    /// A result of a scan, its input: first those of all steps `[T, ..]`, then the last states.
    ScanOutput(usize),
    /// Any other operation, by its name.
    Other(&'static str),
}

/// A recurrence: a step that is computed for each entry of sequences.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanGraph<T> {
    /// The step. Its inputs are an entry of each sequence, the states, and the values that all steps read. Its outputs are those
    /// of the step, and the next states.
    pub step: Graph<T>,
    /// The number of sequences.
    pub sequences: usize,
    /// The number of states.
    pub states: usize,
    /// Whether the last step comes first. Outputs keep their positions in time.
    pub is_reversed: bool,
}

impl<T: Scalar> Graph<T> {
    /// Traces a computation on inputs of these shapes, without values. It records what `compute` does on a tape, and the step of
    /// each of its scans as the step's equations say it, before a rewrite. Operations of one's own are
    /// [decomposed](crate::Operation::decompose), if they can be.
    ///
    /// # Panics
    ///
    /// If `compute` reads a value, or panics. If an output lives on another tape.
    #[track_caller]
    #[must_use]
    pub fn trace(
        shapes: &[Shape],
        compute: impl for<'t> FnOnce(&'t Tape<T>, &[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Self {
        let tape = Tape::of_decomposed_shapes();
        let inputs: Vec<Var<'_, T>> =
            shapes.iter().map(|shape| tape.constant(Tensor::unknown(shape.clone()))).collect();
        let outputs = compute(&tape, &inputs);
        let outputs: Vec<u32> = outputs.into_iter().map(|output| output.on_tape(&tape)).collect();
        read::recorded(&tape, shapes.len(), &outputs)
    }
}
