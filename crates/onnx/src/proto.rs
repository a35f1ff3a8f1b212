//! The messages of ONNX's `onnx.proto` (version 3 of protobuf) that exports and imports use. Field numbers are those of ONNX.

use std::collections::HashSet;

use bptt_tensor::Shape;
use prost::Message;

/// Values of `TensorProto.DataType`.
pub(crate) const FLOAT: i32 = 1;
pub(crate) const INT32: i32 = 6;
pub(crate) const INT64: i32 = 7;
pub(crate) const BOOL: i32 = 9;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Model {
    #[prost(int64, tag = "1")]
    pub(crate) ir_version: i64,
    #[prost(string, tag = "2")]
    pub(crate) producer_name: String,
    #[prost(string, tag = "3")]
    pub(crate) producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) opset_import: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OperatorSet {
    #[prost(string, tag = "1")]
    pub(crate) domain: String,
    #[prost(int64, tag = "2")]
    pub(crate) version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<Attribute>,
    /// The line of the equation.
    #[prost(string, tag = "6")]
    pub(crate) doc_string: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Attribute {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(float, tag = "2")]
    pub(crate) f: f32,
    #[prost(int64, tag = "3")]
    pub(crate) i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) s: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub(crate) t: Option<Tensor>,
    #[prost(message, optional, boxed, tag = "6")]
    pub(crate) g: Option<Box<Graph>>,
    #[prost(float, repeated, tag = "7")]
    pub(crate) floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub(crate) ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub(crate) strings: Vec<Vec<u8>>,
    #[prost(int32, tag = "20")]
    pub(crate) r#type: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(crate) data_type: i32,
    /// The elements, if they are not [`raw_data`](Self::raw_data).
    #[prost(float, repeated, tag = "4")]
    pub(crate) float_data: Vec<f32>,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    /// Little-endian.
    #[prost(bytes = "vec", tag = "9")]
    pub(crate) raw_data: Vec<u8>,
    /// Where the elements stand in another file.
    #[prost(message, repeated, tag = "13")]
    pub(crate) external_data: Vec<Entry>,
    /// 1 if the elements stand in another file.
    #[prost(int32, tag = "14")]
    pub(crate) data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) r#type: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Type {
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor_type: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorType {
    #[prost(int32, tag = "1")]
    pub(crate) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<TensorShape>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorShape {
    #[prost(message, repeated, tag = "1")]
    pub(crate) dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Dimension {
    #[prost(oneof = "Extent", tags = "1, 2")]
    pub(crate) value: Option<Extent>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Extent {
    #[prost(int64, tag = "1")]
    Value(i64),
    #[prost(string, tag = "2")]
    Parameter(String),
}

impl Graph {
    /// Leaves out the nodes and constants that no output needs.
    pub(crate) fn pruned(mut self) -> Self {
        let mut read: HashSet<String> = self.output.iter().map(|it| it.name.clone()).collect();
        let mut needed: Vec<Node> = Vec::new();
        for node in self.node.into_iter().rev() {
            if node.output.iter().any(|output| read.contains(output)) {
                node.reads(&mut read);
                needed.push(node);
            }
        }
        needed.reverse();
        self.initializer.retain(|it| read.contains(&it.name));
        Self { node: needed, ..self }
    }
}

impl Node {
    /// Gives a value another name, also in the step of a scan.
    pub(crate) fn rename(&mut self, value: &str, name: &str) {
        let names = self.input.iter_mut().chain(&mut self.output);
        names.filter(|it| *it == value).for_each(|it| name.clone_into(it));
        let bodies = self.attribute.iter_mut().filter_map(|it| it.g.as_mut());
        bodies.flat_map(|body| &mut body.node).for_each(|node| node.rename(value, name));
    }

    /// Collects the names of the values that it reads, also in the step of a scan.
    pub(crate) fn reads(&self, names: &mut HashSet<String>) {
        names.extend(self.input.iter().cloned());
        let bodies = self.attribute.iter().filter_map(|it| it.g.as_ref());
        bodies.flat_map(|body| &body.node).for_each(|node| node.reads(names));
    }
}

/// Why a tensor holds no numbers.
#[derive(Debug)]
pub(crate) enum NoNumbers {
    /// Its elements are not `f32`.
    OtherType,
    /// It does not have as many elements as its shape says.
    Damaged,
}

impl Tensor {
    /// The numbers of a tensor of `f32` that stands in the file.
    pub(crate) fn numbers(&self) -> Result<bptt_tensor::Tensor<f32>, NoNumbers> {
        if self.data_type != FLOAT {
            return Err(NoNumbers::OtherType);
        }
        let extents = self.dims.iter().map(|&extent| usize::try_from(extent));
        let shape: Shape = extents.collect::<Result<_, _>>().map_err(|_| NoNumbers::Damaged)?;
        let elements = shape.iter().try_fold(1_usize, |all, &extent| all.checked_mul(extent));
        let (bytes, rest) = self.raw_data.as_chunks();
        let numbers: Vec<f32> = match self.float_data.is_empty() {
            true => bytes.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            false => self.float_data.clone(),
        };
        if elements != Some(numbers.len()) || !rest.is_empty() || self.data_location != 0 {
            return Err(NoNumbers::Damaged);
        }
        Ok(bptt_tensor::Tensor::from_vec(shape, numbers))
    }
}

impl Attribute {
    /// The target of a `Cast`.
    pub(crate) fn to(data_type: i32) -> Vec<Self> {
        vec![Self::int("to", i64::from(data_type))]
    }

    pub(crate) fn int(name: &str, value: i64) -> Self {
        Self { name: name.into(), i: value, r#type: 2, ..Self::default() }
    }

    pub(crate) fn text(name: &str, value: &str) -> Self {
        Self { name: name.into(), s: value.into(), r#type: 3, ..Self::default() }
    }

    pub(crate) fn texts(name: &str, values: &[&str]) -> Self {
        let strings = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        Self { name: name.into(), strings, r#type: 8, ..Self::default() }
    }

    pub(crate) fn graph(name: &str, graph: Graph) -> Self {
        Self { name: name.into(), g: Some(Box::new(graph)), r#type: 5, ..Self::default() }
    }

    pub(crate) fn ints(name: &str, values: Vec<i64>) -> Self {
        Self { name: name.into(), ints: values, r#type: 7, ..Self::default() }
    }
}
