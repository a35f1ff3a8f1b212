//! The export of a function of variables.

use bptt_autodiff::{Graph, ParamId, Tape, Var};
use bptt_layers::Module;
use bptt_tensor::Shape;

use crate::dims::{Dim, MOST_OPEN, PRIMES, Traced, value_info};
use crate::emitter::Emitter;
use crate::error::ExportError;
use crate::inputs::{Input, Inputs, Kind, placeholders};
use crate::model::OnnxModel;
use crate::proto::{self, FLOAT};
use crate::shared::Shared;

/// The export of a function of variables, symbols and lengths.
///
/// ```
/// use bptt_layers::{Bidirectional, Embedding, Gru, Layer, Linear, Module, Recurrence};
/// use bptt_onnx::{Dim, FunctionExport};
///
/// # extern crate bptt_layers as bptt;
/// #[derive(Module)]
/// #[module(scalar = f32)]
/// struct Tagger {
///     embedding: Embedding<f32>,
///     reader: Bidirectional<Gru<f32>>,
///     output: Linear<f32>,
/// }
///
/// let rng = &mut bptt_layers::rng(0);
/// let tagger = Tagger {
///     embedding: Embedding::new(rng, 100, 8),
///     reader: Bidirectional::new(Gru::new(rng, 8, 6), Gru::new(rng, 8, 6)),
///     output: Linear::new(rng, 12, 5),
/// };
/// let model = FunctionExport::new()
///     .symbols("words", [Dim::STEPS, Dim::BATCH], 100)
///     .lengths("lengths", Dim::BATCH, Dim::STEPS)
///     .outputs(["logits"])
///     .parameters(&tagger)
///     .export(|tape, inputs| {
///         let shape = inputs.shape("words"); // [T, B]
///         let start = tagger.reader.start(tape, shape[1]);
///         let xs = tagger.embedding.forward(tape, inputs.symbols("words"), shape);
///         let reader = Recurrence::new(&tagger.reader).lengths(inputs.lengths("lengths"));
///         vec![tagger.output.forward(reader.run(xs, start).0)]
///     })?;
/// assert_eq!(model.inputs(), ["words", "lengths"]); // i64: [steps, batch], [batch]
/// # Ok::<(), bptt_onnx::ExportError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "an export does nothing until `export`"]
pub struct FunctionExport {
    inputs: Vec<Input>,
    outputs: Vec<String>,
    parameters: Vec<(String, ParamId)>,
    has_standard_operators: bool,
}

impl FunctionExport {
    /// Creates the export of a function without inputs and outputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input of numbers, `f32`.
    pub fn numbers(self, name: impl Into<String>, dims: impl IntoIterator<Item = Dim>) -> Self {
        self.input(name, dims, Kind::Numbers)
    }

    /// Adds an input of symbols, `i64` from 0 to the size of the vocabulary, which is excluded.
    ///
    /// # Panics
    ///
    /// If the vocabulary is empty, or no extent is open: a batch of one is an open batch, too.
    #[track_caller]
    pub fn symbols(
        self,
        name: impl Into<String>,
        dims: impl IntoIterator<Item = Dim>,
        vocabulary_size: usize,
    ) -> Self {
        assert!(vocabulary_size > 0, "symbols: a vocabulary has at least one symbol");
        let dims: Vec<Dim> = dims.into_iter().collect();
        let is_open = dims.iter().any(|dim| matches!(dim, Dim::Open(_)));
        assert!(is_open, "symbols: an extent has to be open, such as `Dim::BATCH`, not {dims:?}");
        self.input(name, dims, Kind::Symbols { vocabulary_size })
    }

    /// Adds an input of lengths of sequences, `i64: [batch]`, which are padded to this number of steps. In a trace, they are at least
    /// 1, since attention needs an entry.
    ///
    /// # Panics
    ///
    /// If one of these extents is not open.
    #[track_caller]
    pub fn lengths(self, name: impl Into<String>, batch: Dim, steps: Dim) -> Self {
        let are_open = [batch, steps].iter().all(|dim| matches!(dim, Dim::Open(_)));
        assert!(are_open, "lengths: both extents have to be open, not {batch:?} and {steps:?}");
        self.input(name, [batch], Kind::Lengths { steps })
    }

    fn input(
        mut self,
        name: impl Into<String>,
        dims: impl IntoIterator<Item = Dim>,
        kind: Kind,
    ) -> Self {
        self.inputs.push(Input { name: name.into(), dims: dims.into_iter().collect(), kind });
        self
    }

    /// Adds outputs, by their names.
    pub fn outputs(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.outputs.extend(names.into_iter().map(Into::into));
        self
    }

    /// Gives parameters of the model the names that they have in a module.
    pub fn parameters(self, module: &(impl Module<f32> + ?Sized)) -> Self {
        self.group("", module)
    }

    /// Gives parameters of the model the names that they have in a module, after the name of a group and a dot.
    pub fn group(mut self, group: &str, module: &(impl Module<f32> + ?Sized)) -> Self {
        let prefix = if group.is_empty() { String::new() } else { format!("{group}.") };
        let named = module.parameters().into_iter();
        self.parameters.extend(named.map(|(name, param)| (format!("{prefix}{name}"), param.id())));
        self
    }

    /// Exports recurrences that ONNX's operators `LSTM`, `GRU` and `RNN` compute as these operators. All others remain `Scan`s.
    ///
    /// They are the recurrences of an [`Lstm`](bptt_layers::Lstm), a [`Gru`](bptt_layers::Gru), and an
    /// [`Elman`](bptt_layers::Elman) net of `tanh` or `relu` whose output is its state, with or without biases, in both
    /// directions of time. If sequences have lengths, these have to be an input.
    pub fn standard_operators(mut self) -> Self {
        self.has_standard_operators = true;
        self
    }

    /// Exports a function of the inputs.
    ///
    /// # Errors
    ///
    /// - An operation has no form in ONNX.
    /// - A value depends on an open extent, on symbols or on lengths in a way that a model cannot compute.
    /// - An input, an output or a parameter has no name, or that of another.
    /// - The model is larger than 2 GiB.
    ///
    /// # Panics
    ///
    /// If the function panics or reads a value, if there are not as many outputs as names, or if more than 6 extents are open. The
    /// function is traced three to nine times, with extents between 109 and 1 559 for those that are open. Symbols with three open
    /// extents take gigabytes.
    #[track_caller]
    pub fn export(
        self,
        compute: impl for<'t> Fn(&'t Tape<f32>, Inputs<'_, 't>) -> Vec<Var<'t, f32>>,
    ) -> Result<OnnxModel, ExportError> {
        let open = self.open();
        let mut error = None;
        for traces in PRIMES {
            match self.attempt(&open, traces, &compute) {
                Ok(graph) => return OnnxModel::new(graph),
                Err(open @ ExportError::OpenExtent { .. }) => error = error.or(Some(open)),
                Err(other) => return Err(other),
            }
        }
        Err(error.expect("there are attempts"))
    }

    /// The graph on which all traces of an attempt agree.
    #[track_caller]
    fn attempt(
        &self,
        open: &[&'static str],
        traces: [[usize; MOST_OPEN]; 3],
        compute: impl for<'t> Fn(&'t Tape<f32>, Inputs<'_, 't>) -> Vec<Var<'t, f32>>,
    ) -> Result<proto::Graph, ExportError> {
        let mut first: Option<proto::Graph> = None;
        for (number, primes) in traces.into_iter().enumerate() {
            let graph = self.traced(&Traced::new(open, primes), number, &compute)?;
            match &first {
                Some(first) if *first != graph => return Err(difference(first, &graph)),
                Some(_) => {}
                None => first = Some(graph),
            }
        }
        Ok(first.expect("there are traces"))
    }

    /// The names of the open extents.
    fn open(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        let steps = self.inputs.iter().filter_map(|input| match input.kind {
            Kind::Lengths { steps } => Some(steps),
            _ => None,
        });
        for dim in self.inputs.iter().flat_map(|input| input.dims.iter().copied()).chain(steps) {
            match dim {
                Dim::Open(name) if !names.contains(&name) => names.push(name),
                _ => {}
            }
        }
        names
    }

    /// The graph of one trace of an attempt, which has a number.
    #[track_caller]
    fn traced(
        &self,
        traced: &Traced,
        number: usize,
        compute: impl for<'t> Fn(&'t Tape<f32>, Inputs<'_, 't>) -> Vec<Var<'t, f32>>,
    ) -> Result<proto::Graph, ExportError> {
        let numbers: Vec<&Input> =
            self.inputs.iter().filter(|input| input.kind == Kind::Numbers).collect();
        let shapes: Vec<Shape> = numbers.iter().map(|input| input.shape(traced)).collect();
        let placeholders = placeholders(&self.inputs, traced, number);
        let graph = Graph::trace(&shapes, |tape, vars| {
            let named: Vec<_> =
                numbers.iter().zip(vars).map(|(input, &var)| (input.name.as_str(), var)).collect();
            compute(tape, Inputs { numbers: &named, placeholders: &placeholders })
        });
        let (found, names) = (graph.outputs.len(), &self.outputs);
        assert!(
            found == names.len(),
            "export: the function has {found} outputs, and their names are {names:?}"
        );
        let mut shared =
            Shared::new(traced, &self.inputs, &placeholders, self.has_standard_operators);
        self.names(&mut shared)?;
        let names: Vec<String> = numbers.iter().map(|input| input.name.clone()).collect();
        let mut emitter = Emitter::new(&mut shared);
        let values = emitter.graph(&graph, &names)?;
        for (i, (value, name)) in values.iter().zip(&self.outputs).enumerate() {
            let other = values[..i].iter().position(|other| other == value);
            emitter.name_output(
                other.map_or(value, |other| &self.outputs[other]),
                name,
                other.is_none(),
            );
        }
        let nodes = emitter.nodes;
        let output = |(name, &output): (&String, &usize)| {
            value_info(name, FLOAT, &graph.nodes[output].shape, traced)
        };
        let input = |input: &Input| {
            value_info(&input.name, input.kind.data_type(), &input.shape(traced), traced)
        };
        let graph = proto::Graph {
            node: shared.prelude.into_iter().chain(nodes).collect(),
            name: "bptt".into(),
            initializer: shared.initializers,
            input: self.inputs.iter().map(input).collect(),
            output: self.outputs.iter().zip(&graph.outputs).map(output).collect(),
        };
        Ok(graph.pruned())
    }

    /// Takes the names of inputs, outputs and parameters.
    fn names(&self, shared: &mut Shared<'_>) -> Result<(), ExportError> {
        let parameters = self.parameters.iter().map(|(name, _)| name);
        let inputs = self.inputs.iter().map(|input| &input.name);
        for name in inputs.chain(&self.outputs).chain(parameters) {
            if name.is_empty() || !shared.take(name) {
                return Err(ExportError::Name { name: name.clone() });
            }
        }
        shared.parameters = self.parameters.iter().map(|(name, id)| (*id, name.clone())).collect();
        Ok(())
    }
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
