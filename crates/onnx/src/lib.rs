//! Exports recurrent networks to [ONNX](https://onnx.ai), for runtimes of other languages and machines.
//!
//! A layer is traced without values. Each of its recurrences becomes a `Scan` whose body is the equations of the cell, so cells of
//! your own can be exported too. The numbers of steps and of sequences stay open.
//!
//! ```
//! use bptt_layers::Gru;
//!
//! let gru = Gru::new(&mut bptt_layers::rng(0), 3, 4);
//! let model = bptt_onnx::export(&gru, 3)?;
//! assert_eq!(model.inputs(), ["xs", "first"]); // [steps, batch, 3], [batch, 4]
//! assert_eq!(model.outputs(), ["ys", "last"]); // [steps, batch, 4], [batch, 4]
//! let bytes = model.to_bytes();
//! # assert!(bytes.len() > 100);
//! # Ok::<(), bptt_onnx::ExportError>(())
//! ```

#![forbid(unsafe_code)]

mod dims;
mod emitter;
mod error;
mod operators;
mod proto;

use std::io::Write as _;
use std::path::Path;

use bptt_autodiff::{Graph, Param, Tape, Tree, Var};
use bptt_layers::weights::atomic;
use bptt_layers::{Layer, Module, RunOptions};
use bptt_tensor::Shape;
use prost::Message;

pub use dims::Dim;
pub use error::ExportError;

use dims::{TRACES, Traced, value_info};
use emitter::{Emitter, Shared};

/// The version of ONNX's operator set that exported models use.
pub const OPERATOR_SET: i64 = 18;

/// An exported model.
#[derive(Clone, Debug)]
pub struct OnnxModel {
    message: proto::Model,
}

impl OnnxModel {
    /// Returns the content of an `.onnx` file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.message.encode_to_vec()
    }

    /// Writes an `.onnx` file. A file that exists is replaced only when the new one is complete.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ExportError> {
        let path = path.as_ref();
        let written = atomic::write(path, |file| file.write_all(&self.to_bytes()));
        written.map_err(|source| ExportError::Write { path: path.to_owned(), source })
    }

    /// The names of the inputs.
    #[must_use]
    pub fn inputs(&self) -> Vec<&str> {
        self.graph().input.iter().map(|it| it.name.as_str()).collect()
    }

    /// The names of the outputs.
    #[must_use]
    pub fn outputs(&self) -> Vec<&str> {
        self.graph().output.iter().map(|it| it.name.as_str()).collect()
    }

    /// The number of nodes, those of the steps of recurrences included.
    #[must_use]
    pub fn nodes(&self) -> usize {
        fn count(graph: &proto::Graph) -> usize {
            let bodies =
                graph.node.iter().flat_map(|node| &node.attribute).filter_map(|it| it.g.as_ref());
            graph.node.len() + bodies.map(|graph| count(graph)).sum::<usize>()
        }
        count(self.graph())
    }

    fn graph(&self) -> &proto::Graph {
        self.message.graph.as_ref().expect("a model has a graph")
    }
}

/// Exports a layer that reads sequences of `input_size` numbers.
///
/// The model's inputs are the sequences `xs: [steps, batch, I]` and the first state, whose parts are named by their paths:
/// `first`, or `first.0`, `first.1`. Its outputs are `ys: [steps, batch, O]` and the last state: `last`, or `last.0`, `last.1`.
/// The initial state of most layers is 0. Parameters have the names of [`Module::parameters`].
///
/// # Errors
///
/// If an operation has no form in ONNX, or depends on the number of steps or of sequences.
///
/// # Panics
///
/// If the layer's equations panic, such as for another input size.
#[track_caller]
pub fn export<L: Layer<f32> + Module<f32>>(
    layer: &L,
    input_size: usize,
) -> Result<OnnxModel, ExportError> {
    let tape = Tape::inference();
    let [small, large] = [2, 3].map(|batch| layer.start(&tape, batch));
    let shapes = |state: &L::State<'_>| -> Vec<Shape> {
        state.leaves().iter().map(|leaf| leaf.shape()).collect()
    };
    let open = |(small, large): (Shape, Shape)| -> Result<Vec<Dim>, ExportError> {
        let extent = |(&a, &b): (&usize, &usize)| match (a, b) {
            (a, b) if a == b => Ok(Dim::Of(a)),
            (2, 3) => Ok(Dim::Batch),
            _ => Err(ExportError::OpenExtent { operation: "the state".into(), line: None }),
        };
        small.iter().zip(large.iter()).map(extent).collect()
    };
    let states = shapes(&small).into_iter().zip(shapes(&large)).map(open);
    let states = states.collect::<Result<Vec<_>, _>>()?;
    let mut inputs = vec![("xs".to_owned(), vec![Dim::Steps, Dim::Batch, Dim::Of(input_size)])];
    inputs.extend(small.paths("first").into_iter().zip(states));
    let last = small.paths("last");
    let outputs: Vec<String> = ["ys".to_owned()].into_iter().chain(last).collect();
    let parameters = layer.parameters();
    let parameters: Vec<(&str, &Param<f32>)> =
        parameters.iter().map(|(name, param)| (name.as_ref(), *param)).collect();
    export_function(&inputs, &outputs, &parameters, |tape, inputs| {
        let state = layer.start(tape, 1).with_leaves(&inputs[1..]);
        let (ys, state) = layer.run(inputs[0], state, RunOptions::default());
        [ys].into_iter().chain(state.leaves()).collect()
    })
}

/// Exports a function of variables.
///
/// `inputs` are the names and extents of its inputs, `outputs` the names of its outputs, and `parameters` those of the parameters
/// that it reads.
///
/// # Errors
///
/// As [`export`].
///
/// # Panics
///
/// If the function panics or reads a value, or if there are not as many outputs as names. It is traced twice, with two numbers above
/// 20 000 for the steps and two above 10 000 for the sequences.
#[track_caller]
pub fn export_function(
    inputs: &[(String, Vec<Dim>)],
    outputs: &[String],
    parameters: &[(&str, &Param<f32>)],
    compute: impl for<'t> Fn(&'t Tape<f32>, &[Var<'t, f32>]) -> Vec<Var<'t, f32>>,
) -> Result<OnnxModel, ExportError> {
    let [graph, other] = TRACES.map(|traced| {
        let shape = |(_, dims): &(String, Vec<Dim>)| -> Shape {
            dims.iter().map(|&dim| traced.extent(dim)).collect()
        };
        let shapes: Vec<Shape> = inputs.iter().map(shape).collect();
        let graph = Graph::trace(&shapes, &compute);
        assert_eq!(graph.outputs.len(), outputs.len(), "export: a name for each output");
        emitted(&graph, traced, inputs, outputs, &shapes, parameters)
    });
    let (graph, other) = (graph?, other?);
    if graph != other {
        return Err(difference(&graph, &other));
    }
    Ok(OnnxModel {
        message: proto::Model {
            ir_version: 8,
            producer_name: "bptt".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(graph),
            opset_import: vec![proto::OperatorSet { domain: String::new(), version: OPERATOR_SET }],
        },
    })
}

/// Emits a traced function.
fn emitted(
    graph: &Graph<f32>,
    traced: Traced,
    inputs: &[(String, Vec<Dim>)],
    outputs: &[String],
    shapes: &[Shape],
    parameters: &[(&str, &Param<f32>)],
) -> Result<proto::Graph, ExportError> {
    let mut shared = Shared::new(traced);
    let names: Vec<String> = inputs.iter().map(|(name, _)| shared.unique(name)).collect();
    let results: Vec<String> = outputs.iter().map(|name| shared.unique(name)).collect();
    for (name, param) in parameters {
        let name = shared.unique(name);
        shared.parameters.insert(param.id(), name);
    }
    shared.sources = [Dim::Steps, Dim::Batch].map(|open| {
        let place = |(name, (_, dims)): (&String, &(String, Vec<Dim>))| {
            Some((name.clone(), dims.iter().position(|&dim| dim == open)?))
        };
        names.iter().zip(inputs).find_map(place)
    });
    let mut emitter = Emitter::new(&mut shared);
    let values = emitter.graph(graph, &names)?;
    for (value, result) in values.iter().zip(&results) {
        emitter.rename(value, result.clone());
    }
    let nodes = emitter.nodes;
    let declared = |names: &[String], shapes: &[Shape]| {
        names.iter().zip(shapes).map(|(name, shape)| value_info(name, shape, traced)).collect()
    };
    let output_shapes: Vec<Shape> =
        graph.outputs.iter().map(|&output| graph.nodes[output].shape.clone()).collect();
    Ok(proto::Graph {
        node: shared.prelude.into_iter().chain(nodes).collect(),
        name: "bptt".into(),
        initializer: shared.initializers,
        input: declared(&names, shapes),
        output: declared(&results, &output_shapes),
    })
}

/// The error for a model that depends on the extents of its trace: it names the first operation that reads a constant on which
/// two traces differ.
fn difference(graph: &proto::Graph, other: &proto::Graph) -> ExportError {
    let constants = graph.initializer.iter().zip(&other.initializer);
    let differs = constants.filter(|(a, b)| a != b).map(|(a, _)| a.name.as_str()).next();
    let reader = differs.and_then(|name| reader(graph, name));
    ExportError::OpenExtent {
        operation: reader.map_or("a value", |node| &node.op_type).to_owned(),
        line: reader.map(|node| node.doc_string.clone()).filter(|line| !line.is_empty()),
    }
}

/// The first node that reads a value, also in the body of a scan.
fn reader<'g>(graph: &'g proto::Graph, name: &str) -> Option<&'g proto::Node> {
    graph.node.iter().find_map(|node| {
        let is_read = node.input.iter().any(|input| input == name);
        let mut bodies = node.attribute.iter().filter_map(|it| it.g.as_deref());
        is_read.then_some(node).or_else(|| bodies.find_map(|body| reader(body, name)))
    })
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
