//! Values that PyTorch computed, by name: see `tests/golden/README.md`.

#![allow(dead_code, reason = "each test crate uses a part")]

use std::fs;
use std::path::Path;

use bptt_layers::weights::Archive;
use bptt_tensor::Tensor;
use safetensors::{Dtype, SafeTensors};

/// One file of golden values.
#[derive(Debug)]
pub(crate) struct Golden {
    name: String,
    bytes: Vec<u8>,
}

impl Golden {
    pub(crate) fn load(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name)
            .with_extension("safetensors");
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: name.to_owned(), bytes }
    }

    /// A tensor of real numbers.
    #[track_caller]
    pub(crate) fn tensor(&self, name: &str) -> Tensor<f64> {
        let (shape, elements) = self.elements(name, Dtype::F64);
        Tensor::from_vec(shape, elements.map(f64::from_le_bytes).collect())
    }

    /// A tensor of indices, in row-major order.
    #[track_caller]
    pub(crate) fn indices(&self, name: &str) -> Vec<usize> {
        let (_, elements) = self.elements(name, Dtype::I64);
        let index = |bytes| usize::try_from(i64::from_le_bytes(bytes)).expect("an index");
        elements.map(index).collect()
    }

    /// The tensors of real numbers of this group, as their own program would save them.
    pub(crate) fn group(&self, group: &str) -> Archive<f64> {
        let mut archive = Archive::new();
        for name in self.file().names() {
            if let Some(within) = name.strip_prefix(&format!("{group}.")) {
                archive.insert(within, self.tensor(name));
            }
        }
        archive
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.file().tensor(name).is_ok()
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).expect("a complete file")
    }

    #[track_caller]
    fn elements(&self, name: &str, dtype: Dtype) -> (Vec<usize>, impl Iterator<Item = [u8; 8]>) {
        let view =
            self.file().tensor(name).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert_eq!(view.dtype(), dtype, "{}: {name}", self.name);
        let (elements, _) = view.data().as_chunks();
        (view.shape().to_vec(), elements.iter().copied())
    }
}

/// Panics unless the shapes are equal and the elements agree to `1e-9`, absolutely or relatively.
#[track_caller]
pub(crate) fn assert_close(what: &str, actual: &Tensor<f64>, expected: &Tensor<f64>) {
    assert_eq!(actual.shape(), expected.shape(), "{what}");
    for (i, (a, e)) in actual.as_slice().iter().zip(expected.as_slice()).enumerate() {
        let close = (a - e).abs() <= 1e-9 * e.abs().max(1.0);
        assert!(close, "{what}: element {i} is {a}, not {e}");
    }
}
