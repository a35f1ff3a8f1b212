//! What all graphs of a model share: names, constants, and what follows from its inputs.

use std::collections::{HashMap, HashSet};

use bptt_autodiff::ParamId;
use bptt_tensor::Tensor;

use crate::dims::{Dim, Traced};
use crate::inputs::{Input, Placeholder};
use crate::proto::{self, Attribute, FLOAT, INT64};

/// The constants of a model, which the body of a scan reads from outside, and values at the beginning of the model.
#[derive(Debug)]
pub(crate) struct Shared<'i> {
    /// The open extents of the trace.
    pub(crate) traced: &'i Traced,
    /// The whole numbers of inputs.
    pub(crate) placeholders: &'i [Placeholder],
    /// Whether a recurrence that an operator of ONNX computes becomes this operator.
    pub(crate) has_standard_operators: bool,
    pub(crate) initializers: Vec<proto::Tensor>,
    /// The names of constants that stand once: by the bits of a number, by whole numbers, and by parameter.
    literals: HashMap<u64, String>,
    integers: HashMap<(bool, Vec<i64>), String>,
    pub(crate) parameters: HashMap<ParamId, String>,
    /// Nodes at the beginning of the model, with the names of their results by what they compute.
    pub(crate) prelude: Vec<proto::Node>,
    computed: HashMap<(String, Vec<String>), String>,
    /// For each open extent, an input and the axis that has it.
    sources: Vec<Option<(String, usize)>>,
    /// The values that are masks of lengths, with their placeholders.
    pub(crate) masks: HashMap<String, usize>,
    names: HashSet<String>,
    values: usize,
}

impl<'i> Shared<'i> {
    pub(crate) fn new(
        traced: &'i Traced,
        inputs: &[Input],
        placeholders: &'i [Placeholder],
        has_standard_operators: bool,
    ) -> Self {
        let source = |place: usize| {
            inputs.iter().find_map(|input| {
                let is_it = |&dim: &Dim| traced.place(dim) == Some(place);
                Some((input.name.clone(), input.dims.iter().position(is_it)?))
            })
        };
        Self {
            traced,
            placeholders,
            has_standard_operators,
            initializers: Vec::new(),
            literals: HashMap::new(),
            integers: HashMap::new(),
            parameters: HashMap::new(),
            prelude: Vec::new(),
            computed: HashMap::new(),
            sources: (0..traced.len()).map(source).collect(),
            masks: HashMap::new(),
            names: HashSet::new(),
            values: 0,
        }
    }

    /// Takes a name of the caller's. Returns whether it is new.
    pub(crate) fn take(&mut self, name: &str) -> bool {
        self.names.insert(name.to_owned())
    }

    /// Returns a name that no other value has.
    pub(crate) fn fresh(&mut self, kind: &str) -> String {
        loop {
            self.values += 1;
            let name = format!("{kind}_{}", self.values);
            if self.take(&name) {
                return name;
            }
        }
    }

    fn initializer(
        &mut self,
        name: String,
        dims: &[usize],
        data_type: i32,
        raw_data: Vec<u8>,
    ) -> String {
        self.initializers.push(proto::Tensor {
            dims: dims.iter().map(|&extent| extent as i64).collect(),
            data_type,
            name: name.clone(),
            raw_data,
            ..Default::default()
        });
        name
    }

    pub(crate) fn tensor(&mut self, name: String, tensor: &Tensor<f32>) -> String {
        let bytes = tensor.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.initializer(name, tensor.shape(), FLOAT, bytes)
    }

    pub(crate) fn literal(&mut self, value: f64) -> String {
        if let Some(name) = self.literals.get(&value.to_bits()) {
            return name.clone();
        }
        let name = self.fresh("number");
        self.literals.insert(value.to_bits(), name.clone());
        self.initializer(name, &[], FLOAT, (value as f32).to_le_bytes().to_vec())
    }

    /// A vector of whole numbers.
    pub(crate) fn integers(&mut self, values: &[i64]) -> String {
        self.whole(values, &[values.len()])
    }

    /// A whole number without axes.
    pub(crate) fn integer(&mut self, value: i64) -> String {
        self.whole(&[value], &[])
    }

    fn whole(&mut self, values: &[i64], dims: &[usize]) -> String {
        let key = (dims.is_empty(), values.to_vec());
        if let Some(name) = self.integers.get(&key) {
            return name.clone();
        }
        let name = self.fresh(if dims.is_empty() { "integer" } else { "integers" });
        self.integers.insert(key, name.clone());
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.initializer(name, dims, INT64, bytes)
    }

    pub(crate) fn parameter(&mut self, id: ParamId, value: &Tensor<f32>) -> String {
        let known = self.parameters.get(&id).cloned();
        let name = known.unwrap_or_else(|| self.fresh("parameter"));
        self.parameters.insert(id, name.clone());
        if self.initializers.iter().any(|it| it.name == name) {
            return name;
        }
        self.tensor(name, value)
    }

    /// The values of a constant, if this is the name of one.
    pub(crate) fn constant(&self, name: &str) -> Option<Tensor<f32>> {
        let constant = self.initializers.iter().find(|it| it.name == name)?;
        constant.numbers().ok()
    }

    /// Adds a node at the beginning of the model, unless it is there. Returns the name of its result.
    pub(crate) fn compute(
        &mut self,
        op_type: &str,
        inputs: &[&str],
        attribute: Vec<Attribute>,
    ) -> String {
        let input: Vec<String> = inputs.iter().map(|&input| input.to_owned()).collect();
        let key = (format!("{op_type}{attribute:?}"), input.clone());
        if let Some(name) = self.computed.get(&key) {
            return name.clone();
        }
        let output = self.fresh(&op_type.to_lowercase());
        self.computed.insert(key, output.clone());
        self.prelude.push(proto::Node {
            input,
            output: vec![output.clone()],
            name: output.clone(),
            op_type: op_type.to_owned(),
            attribute,
            ..Default::default()
        });
        output
    }

    /// An open extent, `[1]`. None if no input has it.
    pub(crate) fn extent(&mut self, place: usize) -> Option<String> {
        let (input, axis) = self.sources[place].clone()?;
        let shape = self.compute("Shape", &[&input], Vec::new());
        let axis = self.integers(&[axis as i64]);
        Some(self.compute("Gather", &[&shape, &axis], Vec::new()))
    }

    /// The positions along an open extent, `[T]`, which count from 0.
    pub(crate) fn positions(&mut self, place: usize) -> Option<String> {
        let extent = self.extent(place)?;
        let extent = self.compute("Squeeze", &[&extent], Vec::new());
        let [zero, one] = [0, 1].map(|value| self.integer(value));
        Some(self.compute("Range", &[&zero, &extent, &one], Vec::new()))
    }
}
