//! The constants of a graph, also those in other files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path};

use bptt_tensor::Tensor;

use crate::error::ImportError;
use crate::proto;

/// The constants that a graph can read: its own, and those of the graphs around it.
#[derive(Clone)]
pub(super) struct Constants<'g> {
    folder: &'g Path,
    tensors: HashMap<&'g str, &'g proto::Tensor>,
}

impl<'g> Constants<'g> {
    pub(super) fn new(folder: &'g Path) -> Self {
        Self { folder, tensors: HashMap::new() }
    }

    /// These constants, and those of a graph.
    pub(super) fn of_graph(&self, graph: &'g proto::Graph) -> Self {
        let mut all = self.clone();
        all.tensors.extend(graph.initializer.iter().map(|it| (it.name.as_str(), it)));
        for node in graph.node.iter().filter(|node| node.op_type == "Constant") {
            let value = node.attribute.iter().find_map(|it| it.t.as_ref());
            if let (Some(value), Some(name)) = (value, node.output.first()) {
                all.tensors.insert(name, value);
            }
        }
        all
    }

    /// A constant of `f32`. None if there is none of this name and type.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<Tensor<f32>>, ImportError> {
        let Some(tensor) = self.tensors.get(name) else { return Ok(None) };
        if tensor.data_location == 0 {
            return Ok(tensor.numbers());
        }
        let raw_data = self.external(tensor)?;
        Ok(proto::Tensor { raw_data, data_location: 0, ..(*tensor).clone() }.numbers())
    }

    /// The bytes of a constant in another file.
    fn external(&self, tensor: &proto::Tensor) -> Result<Vec<u8>, ImportError> {
        let entry = |key: &str| {
            let found = tensor.external_data.iter().find(|it| it.key == key);
            found.map(|it| it.value.as_str())
        };
        let location = Path::new(entry("location").unwrap_or_default());
        let path = self.folder.join(location);
        let format = |reason: String| ImportError::Format { path: path.clone(), reason };
        // a model must not read files elsewhere
        if !location.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(format("a constant stands outside of the model's folder".into()));
        }
        let number = |key: &str| -> Result<Option<u64>, ImportError> {
            let parsed = entry(key).map(|text| text.parse());
            parsed
                .transpose()
                .map_err(|_| format(format!("the {key} of `{}` is no number", tensor.name)))
        };
        let read = |source| ImportError::Read { path: path.clone(), source };
        let mut file = File::open(&path).map_err(read)?;
        file.seek(SeekFrom::Start(number("offset")?.unwrap_or(0))).map_err(read)?;
        let mut bytes = Vec::new();
        let length = number("length")?.unwrap_or(u64::MAX);
        file.take(length).read_to_end(&mut bytes).map_err(read)?;
        Ok(bytes)
    }
}
