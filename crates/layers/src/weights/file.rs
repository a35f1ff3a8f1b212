//! The safetensors format.
//!
//! Reading leaves the format to the `safetensors` crate. Writing does not, because that crate keeps
//! texts in a hash map: here the same contents always make the same bytes, and no second copy of
//! them in memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use bptt_tensor::{Scalar, Tensor};
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{WeightsProblem, atomic};

type Contents<T> = (BTreeMap<String, Tensor<T>>, BTreeMap<String, String>);

/// Reads a file.
pub(super) fn read<T: Scalar>(path: &Path) -> Result<Contents<T>, WeightsProblem> {
    let malformed = |error: SafeTensorError| WeightsProblem::Malformed(error.into());
    let bytes = fs::read(path).map_err(WeightsProblem::Read)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(malformed)?;
    let texts = header.metadata().iter().flatten();
    let texts = texts.map(|(name, text)| (name.clone(), text.clone())).collect();
    let mut tensors = BTreeMap::new();
    for (name, view) in SafeTensors::deserialize(&bytes).map_err(malformed)?.iter() {
        let elements = elements(&view).ok_or_else(|| WeightsProblem::WrongType {
            tensor: name.to_owned(),
            found: view.dtype().to_string(),
            expected: T::NAME,
        })?;
        tensors.insert(name.to_owned(), Tensor::from_vec(view.shape(), elements));
    }
    Ok((tensors, texts))
}

/// The elements, if `T` holds them exactly.
fn elements<T: Scalar>(view: &TensorView<'_>) -> Option<Vec<T>> {
    let (singles, _) = view.data().as_chunks();
    let (doubles, _) = view.data().as_chunks();
    match (view.dtype(), dtype::<T>()) {
        (Dtype::F32, _) => {
            Some(singles.iter().map(|&bytes| T::of(f32::from_le_bytes(bytes).into())).collect())
        }
        (Dtype::F64, Dtype::F64) => {
            Some(doubles.iter().map(|&bytes| T::of(f64::from_le_bytes(bytes))).collect())
        }
        _ => None,
    }
}

fn dtype<T: Scalar>() -> Dtype {
    if size_of::<T>() == size_of::<f32>() { Dtype::F32 } else { Dtype::F64 }
}

/// Writes a file, which replaces its predecessor in one instant.
pub(super) fn write<T: Scalar>(
    path: &Path,
    tensors: &BTreeMap<String, Tensor<T>>,
    texts: &BTreeMap<String, String>,
) -> io::Result<()> {
    atomic::write(path, |file| {
        let mut file = BufWriter::new(file);
        let header = header(tensors, texts);
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        for tensor in tensors.values() {
            for &element in tensor.as_slice() {
                let element = element.as_f64();
                match dtype::<T>() {
                    Dtype::F32 => file.write_all(&(element as f32).to_le_bytes())?,
                    _ => file.write_all(&element.to_le_bytes())?,
                }
            }
        }
        file.flush()
    })
}

/// The JSON that describes the contents, padded so that the tensors after it are aligned.
fn header<T: Scalar>(
    tensors: &BTreeMap<String, Tensor<T>>,
    texts: &BTreeMap<String, String>,
) -> String {
    let mut entries = Vec::new();
    if !texts.is_empty() {
        let texts: Vec<_> =
            texts.iter().map(|(name, text)| format!("{}:{}", json(name), json(text))).collect();
        entries.push(format!("\"__metadata__\":{{{}}}", texts.join(",")));
    }
    let mut start = 0;
    for (name, tensor) in tensors {
        let end = start + size_of_val(tensor.as_slice());
        entries.push(format!(
            "{}:{{\"dtype\":\"{}\",\"shape\":{:?},\"data_offsets\":[{start},{end}]}}",
            json(name),
            dtype::<T>(),
            tensor.shape(),
        ));
        start = end;
    }
    let mut header = format!("{{{}}}", entries.join(","));
    let padding = header.len().next_multiple_of(size_of::<u64>()) - header.len();
    header.extend(std::iter::repeat_n(' ', padding));
    header
}

/// A string in JSON.
fn json(text: &str) -> String {
    let mut json = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\0'..=' ' if c != ' ' => {
                write!(json, "\\u{:04x}", u32::from(c)).expect("a string takes any text");
            }
            _ => json.push(c),
        }
    }
    json.push('"');
    json
}
