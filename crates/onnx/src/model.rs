//! An exported model.

use std::io::Write as _;
use std::path::Path;

use bptt_layers::weights::atomic;
use prost::Message;

use crate::OPERATOR_SET;
use crate::error::ExportError;
use crate::proto;

/// An exported model.
#[derive(Clone, Debug)]
pub struct OnnxModel {
    message: proto::Model,
}

impl OnnxModel {
    pub(crate) fn new(graph: proto::Graph) -> Result<Self, ExportError> {
        let message = proto::Model {
            ir_version: 8,
            producer_name: "bptt".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(graph),
            opset_import: vec![proto::OperatorSet { domain: String::new(), version: OPERATOR_SET }],
        };
        let bytes = message.encoded_len();
        // the format, protobuf, has signed 32-bit lengths
        if i32::try_from(bytes).is_ok() {
            Ok(Self { message })
        } else {
            Err(ExportError::TooLarge { bytes })
        }
    }

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

    /// The operators of the nodes, in order. Those of a recurrence's step follow its `Scan`.
    #[must_use]
    pub fn operators(&self) -> Vec<&str> {
        fn of<'g>(graph: &'g proto::Graph, operators: &mut Vec<&'g str>) {
            for node in &graph.node {
                operators.push(&node.op_type);
                node.attribute
                    .iter()
                    .filter_map(|it| it.g.as_ref())
                    .for_each(|it| of(it, operators));
            }
        }
        let mut operators = Vec::new();
        of(self.graph(), &mut operators);
        operators
    }

    fn graph(&self) -> &proto::Graph {
        self.message.graph.as_ref().expect("a model has a graph")
    }
}
