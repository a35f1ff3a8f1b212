//! The constants of a graph, also those in other files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path};

use bptt_tensor::Tensor;

use crate::error::ImportError;
use crate::proto::{self, FLOAT, NoNumbers};

/// The constants that a graph can read: its own, and those of the graphs around it.
#[derive(Clone)]
pub(super) struct Constants<'g> {
    /// The file of the model.
    path: &'g Path,
    tensors: HashMap<&'g str, &'g proto::Tensor>,
}

impl<'g> Constants<'g> {
    pub(super) fn new(path: &'g Path) -> Self {
        Self { path, tensors: HashMap::new() }
    }

    /// These constants, and those of a graph.
    pub(super) fn of_graph(&self, graph: &'g proto::Graph) -> Self {
        let mut all = self.clone();
        all.tensors.extend(of(graph));
        all
    }

    /// A constant of `f32`. None if there is none of this name and type.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<Tensor<f32>>, ImportError> {
        let Some(tensor) = self.tensors.get(name) else { return Ok(None) };
        let numbers = match tensor.data_location {
            0 => tensor.numbers(),
            _ if tensor.data_type == FLOAT => {
                let raw_data = self.external(tensor)?;
                proto::Tensor { raw_data, data_location: 0, ..(*tensor).clone() }.numbers()
            }
            _ => Err(NoNumbers::OtherType),
        };
        match numbers {
            Ok(_) if name == "__metadata__" => Err(self.damaged(name, "has a reserved name")),
            Ok(numbers) => Ok(Some(numbers)),
            Err(NoNumbers::OtherType) => Ok(None),
            Err(NoNumbers::Damaged) => {
                Err(self.damaged(name, "has another number of elements than its shape"))
            }
        }
    }

    fn damaged(&self, name: &str, problem: &str) -> ImportError {
        let reason = format!("the constant `{name}` {problem}");
        ImportError::Format { path: self.path.to_owned(), reason }
    }

    /// The bytes of a constant in another file.
    fn external(&self, tensor: &proto::Tensor) -> Result<Vec<u8>, ImportError> {
        let entry = |key: &str| {
            let found = tensor.external_data.iter().find(|it| it.key == key);
            found.map(|it| it.value.as_str())
        };
        let location = Path::new(entry("location").unwrap_or_default());
        let path = self.path.with_file_name("").join(location);
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

/// The constants of a graph, with their names.
fn of(graph: &proto::Graph) -> impl Iterator<Item = (&str, &proto::Tensor)> {
    let constants = graph.node.iter().filter(|node| node.op_type == "Constant");
    let values = constants.filter_map(|node| {
        let value = node.attribute.iter().find_map(|it| it.t.as_ref())?;
        Some((node.output.first()?.as_str(), value))
    });
    graph.initializer.iter().map(|it| (it.name.as_str(), it)).chain(values)
}

/// The names of the constants of a graph.
pub(super) fn names(graph: &proto::Graph) -> impl Iterator<Item = &str> {
    of(graph).map(|(name, _)| name)
}
