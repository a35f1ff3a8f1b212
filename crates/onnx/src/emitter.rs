//! Emits the nodes of an ONNX graph from a traced computation.

use std::collections::HashMap;

use bptt_autodiff::{Graph, Operator};
use bptt_tensor::Tensor;

use crate::dims::Product;
use crate::error::ExportError;
use crate::proto::{self, Attribute, FLOAT};
use crate::shared::Shared;
use crate::splits::splits;

/// A value of a traced computation as a value of an ONNX graph.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Named(String),
    /// The results of a scan.
    Results(Vec<String>),
}

/// Emits the nodes of one graph: the model's, or the body of a scan.
#[derive(Debug)]
pub(crate) struct Emitter<'s, 'i> {
    pub(crate) shared: &'s mut Shared<'i>,
    pub(crate) nodes: Vec<proto::Node>,
    /// The operation that is being emitted, and its line.
    pub(crate) operation: String,
    pub(crate) line: Option<String>,
}

impl<'s, 'i> Emitter<'s, 'i> {
    pub(crate) fn new(shared: &'s mut Shared<'i>) -> Self {
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
        let (parts, mut divided) = (splits(graph), HashMap::new());
        for (id, node) in graph.nodes.iter().enumerate() {
            // data have no line of their own
            let is_data = matches!(node.operator, Operator::Constant(_) | Operator::Literal(_));
            let reader = || graph.nodes.iter().find(|it| it.inputs.contains(&id));
            let at = if is_data { reader().unwrap_or(node) } else { node };
            (self.operation, self.line) = (at.operator.name().into_owned(), at.line.clone());
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
                Operator::Scan(scan) => Value::Results(self.recurrence(scan, &names(), &shapes)?),
                Operator::ScanOutput(result) => match &values[node.inputs[0]] {
                    Value::Results(results) => Value::Named(results[*result].clone()),
                    Value::Named(_) => unreachable!("the input is a scan"),
                },
                Operator::Slice { axis, .. } if parts.contains_key(&id) => {
                    let (first, number) = parts[&id];
                    let count = parts.values().filter(|(other, _)| *other == first).count();
                    let divide = || self.split(&names()[0], *axis, count);
                    Value::Named(divided.entry(first).or_insert_with(divide)[number].clone())
                }
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

    /// Gives an output its name: in the node that computes it, or by a node of its own for an input, a constant, and another name of
    /// an output.
    pub(crate) fn name_output(&mut self, value: &str, name: &str, is_first: bool) {
        let computes = |node: &proto::Node| node.output.iter().any(|output| output == value);
        if is_first && self.nodes.iter().any(computes) {
            self.nodes.iter_mut().for_each(|node| node.rename(value, name));
        } else {
            self.add("Identity", &[value], vec![name.to_owned()], Vec::new());
        }
    }

    /// Divides a value into equal parts.
    fn split(&mut self, x: &str, axis: usize, count: usize) -> Vec<String> {
        let parts: Vec<String> = (0..count).map(|_| self.shared.fresh("split")).collect();
        let numbers = [("axis", axis), ("num_outputs", count)];
        let attributes = numbers.map(|(name, value)| Attribute::int(name, value as i64));
        self.add("Split", &[x], parts.clone(), attributes.into());
        parts
    }

    pub(crate) fn add(
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

    /// A constant. One whose entries are equal along an open axis is expanded to it. One that differs along an open axis follows
    /// from symbols or lengths, or depends on the trace.
    fn constant(&mut self, tensor: &Tensor<f32>) -> Result<String, ExportError> {
        let mut kept = tensor.clone();
        let is_open = |emitter: &Self, extent| emitter.product(extent).is_open();
        for (axis, &extent) in tensor.shape().iter().enumerate() {
            if is_open(self, extent) {
                let first = kept.slice(axis as isize, ..1);
                if first.broadcast_to(kept.shape()) == kept {
                    kept = first;
                }
            }
        }
        let differs = kept.shape().iter().any(|&extent| is_open(self, extent));
        let name = if differs {
            let derived = self.shared.derived(&kept).ok_or_else(|| self.open_extent())?;
            let name = self.reshape(&derived, kept.shape())?;
            if let Some(&lengths) = self.shared.masks.get(&derived) {
                self.shared.masks.insert(name.clone(), lengths);
            }
            name
        } else {
            let name = self.shared.fresh("constant");
            self.shared.tensor(name, &kept)
        };
        if kept.shape() == tensor.shape() {
            return Ok(name);
        }
        let shape = self.extents(tensor.shape())?;
        Ok(self.node("Expand", &[&name, &shape], Vec::new()))
    }

    /// Emits a reshape.
    pub(crate) fn reshape(&mut self, x: &str, shape: &[usize]) -> Result<String, ExportError> {
        let open = shape.iter().filter(|&&extent| self.product(extent).is_open()).count();
        let is_empty = shape.iter().any(|&it| it == 0 || self.product(it).offset != 0); // if it can be
        let operand = if open > 1 || open == 1 && is_empty {
            self.extents(shape)?
        } else {
            let inferred =
                |&extent: &usize| if self.product(extent).is_open() { -1 } else { extent as i64 };
            let values: Vec<i64> = shape.iter().map(inferred).collect();
            self.shared.integers(&values)
        };
        // without it, an extent 0 means that of the input
        let attributes = is_empty.then(|| Attribute::int("allowzero", 1)).into_iter().collect();
        Ok(self.node("Reshape", &[x, &operand], attributes))
    }

    /// A vector of the extents of a shape.
    pub(crate) fn extents(&mut self, shape: &[usize]) -> Result<String, ExportError> {
        if shape.iter().all(|&extent| !self.product(extent).is_open()) {
            let values: Vec<i64> = shape.iter().map(|&extent| extent as i64).collect();
            return Ok(self.shared.integers(&values));
        }
        let mut parts = Vec::new();
        for &extent in shape {
            let product = self.product(extent);
            let mut factors = Vec::new();
            for place in product.places() {
                let extent = self.shared.extent(place);
                factors.push(extent.ok_or_else(|| self.open_extent())?);
            }
            if product.number != 1 || factors.is_empty() {
                factors.push(self.shared.integers(&[product.number as i64]));
            }
            let product_name =
                factors.into_iter().reduce(|a, b| self.node("Mul", &[&a, &b], Vec::new()));
            let product_name = product_name.expect("there is a factor");
            parts.push(match product.offset {
                0 => product_name,
                offset => {
                    let offset = self.shared.integers(&[offset]);
                    self.node("Add", &[&product_name, &offset], Vec::new())
                }
            });
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(self.node("Concat", &parts, vec![Attribute::int("axis", 0)]))
    }

    /// A number of an equation. It may be a number of steps or of sequences, by which a mean divides.
    pub(crate) fn number(&mut self, value: f64) -> Result<String, ExportError> {
        let Some(extent) = self.shared.traced.extent_of(value) else {
            return Ok(self.shared.literal(value));
        };
        let extent = self.extents(&[extent])?;
        let number = self.node("Cast", &[&extent], Attribute::to(FLOAT));
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
}

fn named(value: &Value) -> String {
    match value {
        Value::Named(name) => name.clone(),
        Value::Results(_) => unreachable!("only results of a scan are read"),
    }
}
