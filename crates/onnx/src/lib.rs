//! Exports recurrent networks to [ONNX](https://onnx.ai), for runtimes of other languages and machines.
//!
//! A layer is traced without values. Each of its recurrences becomes a `Scan` whose body is the equations of the cell, so any
//! cell can be exported, also one of your own. The numbers of steps and of sequences stay open.
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

use std::fs;
use std::path::Path;

use bptt_autodiff::{Graph, Param, Tape, Tree, Var};
use bptt_layers::{Layer, Module, RunOptions};
use bptt_tensor::Shape;
use prost::Message;

pub use dims::Dim;
pub use error::ExportError;

use dims::{BATCH, STEPS, value_info};
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
        let partial = path.with_extension("onnx.partial");
        let written =
            fs::write(&partial, self.to_bytes()).and_then(|()| fs::rename(&partial, path));
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
    let open = |(small, large): (Shape, Shape)| -> Vec<Dim> {
        let extents = small.iter().zip(large.iter());
        extents.map(|(a, b)| if a == b { Dim::Of(*a) } else { Dim::Batch }).collect()
    };
    let states = shapes(&small).into_iter().zip(shapes(&large)).map(open);
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
/// If the function panics or reads a value, or if there are not as many outputs as names.
#[track_caller]
pub fn export_function(
    inputs: &[(String, Vec<Dim>)],
    outputs: &[String],
    parameters: &[(&str, &Param<f32>)],
    compute: impl for<'t> FnOnce(&'t Tape<f32>, &[Var<'t, f32>]) -> Vec<Var<'t, f32>>,
) -> Result<OnnxModel, ExportError> {
    let fixed = inputs.iter().flat_map(|(_, dims)| dims).filter_map(|dim| match dim {
        Dim::Of(extent) => Some(*extent),
        _ => None,
    });
    let of_parameters = parameters.iter().flat_map(|(_, param)| param.shape().to_vec());
    for extent in fixed.chain(of_parameters) {
        let is_factor = |traced: &usize| extent > 0 && extent.is_multiple_of(*traced);
        if let Some(traced) = [STEPS, BATCH].into_iter().find(is_factor) {
            return Err(ExportError::Extent { extent, traced });
        }
    }
    let traced = |dims: &[Dim]| -> Shape { dims.iter().map(|dim| dim.traced()).collect() };
    let shapes: Vec<Shape> = inputs.iter().map(|(_, dims)| traced(dims)).collect();
    let graph = Graph::trace(&shapes, compute);
    assert_eq!(graph.outputs.len(), outputs.len(), "export: a name for each output");

    let mut shared = Shared::default();
    let names: Vec<String> = inputs.iter().map(|(name, _)| shared.unique(name)).collect();
    let results: Vec<String> = outputs.iter().map(|name| shared.unique(name)).collect();
    for (name, param) in parameters {
        let name = shared.unique(name);
        shared.parameters.insert(param.id(), name);
    }
    shared.sources = [STEPS, BATCH].map(|extent| {
        let place = |(name, shape): (&String, &Shape)| {
            Some((name.clone(), shape.iter().position(|&other| other == extent)?))
        };
        names.iter().zip(&shapes).find_map(place)
    });
    let mut emitter = Emitter::new(&mut shared);
    let values = emitter.graph(&graph, &names)?;
    for (value, result) in values.iter().zip(&results) {
        emitter.rename(value, result.clone());
    }
    let nodes = emitter.nodes;
    let declared = |names: &[String], shapes: &[Shape]| {
        names.iter().zip(shapes).map(|(name, shape)| value_info(name, shape)).collect()
    };
    let output_shapes: Vec<Shape> =
        graph.outputs.iter().map(|&output| graph.nodes[output].shape.clone()).collect();
    let graph = proto::Graph {
        node: shared.prelude.into_iter().chain(nodes).collect(),
        name: "bptt".into(),
        initializer: shared.initializers,
        input: declared(&names, &shapes),
        output: declared(&results, &output_shapes),
    };
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
