//! Emits the nodes of an ONNX graph from a traced computation.

use std::collections::{HashMap, HashSet};

use bptt_autodiff::{Graph, Operator, ParamId, ScanGraph};
use bptt_tensor::Tensor;

use crate::dims::{Product, Traced, value_info_of_step};
use crate::error::ExportError;
use crate::proto::{self, Attribute, FLOAT, INT64};

/// What all graphs of a model share: its constants, which the body of a scan reads from outside.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The open extents of the trace.
    pub(crate) traced: Traced,
    pub(crate) initializers: Vec<proto::Tensor>,
    /// The names of constants that stand once: by the bits of a number, by whole numbers, and by parameter.
    literals: HashMap<u64, String>,
    integers: HashMap<Vec<i64>, String>,
    pub(crate) parameters: HashMap<ParamId, String>,
    /// Nodes that compute the open extents, at the beginning of the model.
    pub(crate) prelude: Vec<proto::Node>,
    /// The inputs and axes that have the number of steps and the number of sequences, and the names of these numbers, `[1]`.
    pub(crate) sources: [Option<(String, usize)>; 2],
    extents: [Option<String>; 2],
    names: HashSet<String>,
    values: usize,
}

impl Shared {
    pub(crate) fn new(traced: Traced) -> Self {
        Self {
            traced,
            initializers: Vec::new(),
            literals: HashMap::new(),
            integers: HashMap::new(),
            parameters: HashMap::new(),
            prelude: Vec::new(),
            sources: [None, None],
            extents: [None, None],
            names: HashSet::new(),
            values: 0,
        }
    }

    /// Returns a name that no other value has.
    fn fresh(&mut self, kind: &str) -> String {
        self.values += 1;
        self.unique(&format!("{kind}_{}", self.values))
    }

    pub(crate) fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        while !self.names.insert(unique.clone()) {
            unique.push('_');
        }
        unique
    }

    fn initializer(
        &mut self,
        name: String,
        dims: &[usize],
        data_type: i32,
        raw_data: Vec<u8>,
    ) -> String {
        let dims = dims.iter().map(|&extent| extent as i64).collect();
        self.initializers.push(proto::Tensor { dims, data_type, name: name.clone(), raw_data });
        name
    }

    fn tensor(&mut self, name: String, tensor: &Tensor<f32>) -> String {
        let bytes = tensor.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.initializer(name, tensor.shape(), FLOAT, bytes)
    }

    fn literal(&mut self, value: f64) -> String {
        if let Some(name) = self.literals.get(&value.to_bits()) {
            return name.clone();
        }
        let name = self.fresh("number");
        self.literals.insert(value.to_bits(), name.clone());
        self.initializer(name, &[], FLOAT, (value as f32).to_le_bytes().to_vec())
    }

    /// A vector of whole numbers.
    pub(crate) fn integers(&mut self, values: &[i64]) -> String {
        if let Some(name) = self.integers.get(values) {
            return name.clone();
        }
        let name = self.fresh("integers");
        self.integers.insert(values.to_vec(), name.clone());
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.initializer(name, &[values.len()], INT64, bytes)
    }

    /// A whole number without axes.
    pub(crate) fn integer(&mut self, value: i64) -> String {
        let name = self.fresh("integer");
        self.initializer(name, &[], INT64, value.to_le_bytes().to_vec())
    }

    fn parameter(&mut self, id: ParamId, value: &Tensor<f32>) -> String {
        let known = self.parameters.get(&id).cloned();
        let name = known.unwrap_or_else(|| self.fresh("parameter"));
        self.parameters.insert(id, name.clone());
        if self.initializers.iter().any(|it| it.name == name) {
            return name;
        }
        self.tensor(name, value)
    }

    /// The number of steps (0) or of sequences (1), `[1]`.
    fn extent(&mut self, which: usize) -> Option<String> {
        if self.extents[which].is_none() {
            let (input, axis) = self.sources[which].clone()?;
            let shape = self.fresh("shape");
            let extent = self.fresh("extent");
            let axis = self.integers(&[axis as i64]);
            for (op_type, input, output) in [
                ("Shape", vec![input], shape.clone()),
                ("Gather", vec![shape, axis], extent.clone()),
            ] {
                let (op_type, output) = (op_type.into(), vec![output]);
                self.prelude.push(proto::Node { input, output, op_type, ..Default::default() });
            }
            self.extents[which] = Some(extent);
        }
        self.extents[which].clone()
    }
}

/// A value of a traced computation as a value of an ONNX graph.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Named(String),
    /// The results of a scan.
    Results(Vec<String>),
}

/// Emits the nodes of one graph: the model's, or the body of a scan.
#[derive(Debug)]
pub(crate) struct Emitter<'s> {
    pub(crate) shared: &'s mut Shared,
    pub(crate) nodes: Vec<proto::Node>,
    /// The operation that is being emitted, and its line.
    operation: String,
    line: Option<String>,
}

impl<'s> Emitter<'s> {
    pub(crate) fn new(shared: &'s mut Shared) -> Self {
        Self { shared, nodes: Vec::new(), operation: String::new(), line: None }
    }

    pub(crate) fn product(&self, extent: usize) -> Product {
        self.shared.traced.product(extent)
    }

    /// Emits a computation of these inputs. Returns the names of its outputs.
    pub(crate) fn graph(
        &mut self,
        graph: &Graph<f32>,
        inputs: &[String],
    ) -> Result<Vec<String>, ExportError> {
        let mut values: Vec<Value> = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            (self.operation, self.line) = (node.operator.name().into_owned(), node.line.clone());
            let shapes: Vec<&[usize]> =
                node.inputs.iter().map(|&input| &graph.nodes[input].shape[..]).collect();
            let names = || -> Vec<String> {
                node.inputs.iter().map(|&input| named(&values[input])).collect()
            };
            let value = match &node.operator {
                Operator::Input(input) => Value::Named(inputs[*input].clone()),
                Operator::Constant(tensor) => Value::Named(self.constant(tensor)?),
                Operator::Parameter(id, tensor) => Value::Named(self.shared.parameter(*id, tensor)),
                Operator::Literal(number) => Value::Named(self.number(*number)?),
                Operator::Scan(scan) => Value::Results(self.scan(scan, &names(), &shapes)?),
                Operator::ScanOutput(result) => match &values[node.inputs[0]] {
                    Value::Results(results) => Value::Named(results[*result].clone()),
                    Value::Named(_) => unreachable!("the input is a scan"),
                },
                _ => Value::Named(self.operator(node, &names(), &shapes)?),
            };
            values.push(value);
        }
        Ok(graph.outputs.iter().map(|&output| named(&values[output])).collect())
    }

    /// Adds a node with one output, and returns the name of the output.
    pub(crate) fn node(
        &mut self,
        op_type: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> String {
        let output = self.shared.fresh(&op_type.to_lowercase());
        self.add(op_type, inputs, vec![output.clone()], attributes);
        output
    }

    fn add(
        &mut self,
        op_type: &str,
        inputs: &[&str],
        output: Vec<String>,
        attribute: Vec<Attribute>,
    ) {
        self.nodes.push(proto::Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            name: output[0].clone(),
            output,
            op_type: op_type.to_owned(),
            attribute,
            doc_string: self.line.clone().unwrap_or_default(),
        });
    }

    /// Gives a value another name.
    pub(crate) fn rename(&mut self, value: &str, name: String) {
        self.add("Identity", &[value], vec![name], Vec::new());
    }

    /// A constant. One whose entries are equal along an open axis is expanded to it.
    fn constant(&mut self, tensor: &Tensor<f32>) -> Result<String, ExportError> {
        let mut kept = tensor.clone();
        for (axis, &extent) in tensor.shape().iter().enumerate() {
            if self.product(extent).is_open() {
                let first = kept.slice(axis as isize, ..1);
                if first.broadcast_to(kept.shape()) != kept {
                    return Err(self.open_extent());
                }
                kept = first;
            }
        }
        let name = self.shared.fresh("constant");
        let name = self.shared.tensor(name, &kept);
        if kept.shape() == tensor.shape() {
            return Ok(name);
        }
        let shape = self.extents(tensor.shape())?;
        Ok(self.node("Expand", &[&name, &shape], Vec::new()))
    }

    /// The operand of a reshape to this shape.
    pub(crate) fn reshape_operand(&mut self, shape: &[usize]) -> Result<String, ExportError> {
        let open = shape.iter().filter(|&&extent| self.product(extent).is_open()).count();
        if open > 1 || shape.contains(&0) {
            return self.extents(shape);
        }
        let inferred =
            |&extent: &usize| if self.product(extent).is_open() { -1 } else { extent as i64 };
        let values: Vec<i64> = shape.iter().map(inferred).collect();
        Ok(self.shared.integers(&values))
    }

    /// A vector of the extents of a shape.
    pub(crate) fn extents(&mut self, shape: &[usize]) -> Result<String, ExportError> {
        if shape.iter().all(|&extent| !self.product(extent).is_open()) {
            let values: Vec<i64> = shape.iter().map(|&extent| extent as i64).collect();
            return Ok(self.shared.integers(&values));
        }
        let mut parts = Vec::new();
        for &extent in shape {
            let Product { number, has_steps, has_batch } = self.product(extent);
            let mut factors = Vec::new();
            for (which, has) in [has_steps, has_batch].into_iter().enumerate() {
                if has {
                    let extent = self.shared.extent(which);
                    factors.push(extent.ok_or_else(|| self.open_extent())?);
                }
            }
            if number != 1 || factors.is_empty() {
                factors.push(self.shared.integers(&[number as i64]));
            }
            let product =
                factors.into_iter().reduce(|a, b| self.node("Mul", &[&a, &b], Vec::new()));
            parts.push(product.expect("there is a factor"));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(self.node("Concat", &parts, vec![Attribute::int("axis", 0)]))
    }

    /// A number of an equation. It may be a number of steps or of sequences, by which a mean divides.
    fn number(&mut self, value: f64) -> Result<String, ExportError> {
        let Some(extent) = self.shared.traced.extent_of(value) else {
            return Ok(self.shared.literal(value));
        };
        let extent = self.extents(&[extent])?;
        let to = Attribute::int("to", i64::from(FLOAT));
        let number = self.node("Cast", &[&extent], vec![to]);
        Ok(self.node("Squeeze", &[&number], Vec::new()))
    }

    pub(crate) fn literal(&mut self, value: f64) -> String {
        self.shared.literal(value)
    }

    pub(crate) fn open_extent(&self) -> ExportError {
        ExportError::OpenExtent { operation: self.operation.clone(), line: self.line.clone() }
    }

    pub(crate) fn unsupported(&self) -> ExportError {
        ExportError::Unsupported { operation: self.operation.clone(), line: self.line.clone() }
    }

    /// Emits a `Scan`, whose body reads values of the graphs around it by name. Returns the names of the stacked outputs, then of
    /// the last states.
    fn scan(
        &mut self,
        scan: &ScanGraph<f32>,
        inputs: &[String],
        shapes: &[&[usize]],
    ) -> Result<Vec<String>, ExportError> {
        let (varying, read_by_all) = inputs.split_at(scan.sequences + scan.states);
        let step = &scan.step;
        let traced = self.shared.traced;
        let shape = |input: usize| {
            let without_steps = usize::from(input < scan.sequences);
            &shapes[input][without_steps..]
        };
        let kinds = (0..varying.len()).map(|i| if i < scan.sequences { "entry" } else { "state" });
        let names: Vec<String> = kinds.map(|kind| self.shared.fresh(kind)).collect();
        let (line, operation) = (self.line.clone(), self.operation.clone());
        let mut body = Emitter::new(self.shared);
        let all: Vec<String> = names.iter().chain(read_by_all).cloned().collect();
        let outputs = body.graph(step, &all)?;
        let stacked = outputs.len() - scan.states;
        let mut own: HashSet<String> =
            body.nodes.iter().flat_map(|node| node.output.clone()).collect();
        let order = (stacked..outputs.len()).chain(0..stacked); // the states come first
        let mut declared = Vec::new();
        for output in order {
            let mut name = outputs[output].clone();
            if !own.remove(&name) {
                name = body.node("Identity", &[&name], Vec::new());
            }
            declared.push(value_info_of_step(
                &name,
                &step.nodes[step.outputs[output]].shape,
                traced,
            ));
        }
        let nodes = body.nodes;
        let (entries, states) = names.split_at(scan.sequences);
        let of = |name: &String, input: usize| value_info_of_step(name, shape(input), traced);
        let states_first = states
            .iter()
            .zip(scan.sequences..)
            .chain(entries.iter().zip(0..))
            .map(|(name, input)| of(name, input));
        let graph = proto::Graph {
            node: nodes,
            name: self.shared.fresh("step"),
            input: states_first.collect(),
            output: declared,
            ..Default::default()
        };
        let mut attributes = vec![
            Attribute::graph("body", graph),
            Attribute::int("num_scan_inputs", scan.sequences as i64),
        ];
        if scan.is_reversed {
            attributes.push(Attribute::ints("scan_input_directions", vec![1; scan.sequences]));
            attributes.push(Attribute::ints("scan_output_directions", vec![1; stacked]));
        }
        let (sequences, first) = varying.split_at(scan.sequences);
        let operands: Vec<&str> = first.iter().chain(sequences).map(String::as_str).collect();
        let results: Vec<String> = (0..outputs.len()).map(|_| self.shared.fresh("scan")).collect();
        (self.line, self.operation) = (line, operation);
        self.add("Scan", &operands, results.clone(), attributes);
        let (states, stacked) = results.split_at(scan.states);
        Ok(stacked.iter().chain(states).cloned().collect())
    }
}

fn named(value: &Value) -> String {
    match value {
        Value::Named(name) => name.clone(),
        Value::Results(_) => unreachable!("only results of a scan are read"),
    }
}
