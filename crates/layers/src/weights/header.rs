//! The header of a file, in JSON.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use bptt_tensor::Scalar;
use safetensors::SafeTensorError;
use safetensors::tensor::TensorInfo;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::WeightsProblem;
use super::stored::Stored;

/// The entry that holds all texts.
pub(super) const TEXTS: &str = "__metadata__";

/// The texts of a file, and the types, shapes and positions of its tensors.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) texts: BTreeMap<String, String>,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

impl Header {
    /// Reads the header of `size` bytes of data. A name that occurs twice is an error: the second entry would
    /// silently replace the first.
    pub(super) fn read(json: &[u8], size: usize) -> Result<Self, WeightsProblem> {
        // Each entry is parsed from its own text. Otherwise serde would buffer every entry that may have one of two
        // // types, which takes most of the time for a file with many small tensors.
        let mut entries = unique(parsed::<Object<&RawValue>>(json)?)?;
        let texts = match entries.remove(TEXTS) {
            Some(texts) => parsed::<Option<Object<String>>>(texts.get().as_bytes())?,
            None => None,
        };
        let texts = unique(texts.unwrap_or(Object(Vec::new())))?;
        let mut tensors = BTreeMap::new();
        for (name, entry) in entries {
            tensors.insert(name, parsed::<TensorInfo>(entry.get().as_bytes())?);
        }
        expect_filled(&tensors, size).map_err(|error| WeightsProblem::Malformed(error.into()))?;
        Ok(Self { texts, tensors })
    }
}

/// Checks that the tensors fill the data one after the other, each with the bytes of its type and shape. The
/// `safetensors` crate does the same, but builds its own table of names, which takes as long as everything else.
fn expect_filled(
    tensors: &BTreeMap<String, TensorInfo>,
    size: usize,
) -> Result<(), SafeTensorError> {
    let mut tensors: Vec<_> = tensors.iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let mut filled = 0;
    for (name, TensorInfo { dtype, shape, data_offsets: (start, end) }) in tensors {
        let mut extents = shape.iter();
        let bits = extents.try_fold(dtype.bitsize(), |bits, &extent| bits.checked_mul(extent));
        let bits = bits.ok_or(SafeTensorError::ValidationOverflow)?;
        let size = end.checked_sub(*start).and_then(|size| size.checked_mul(8));
        if *start != filled || size != Some(bits) {
            return Err(SafeTensorError::InvalidOffset(name.clone()));
        }
        filled = *end;
    }
    if filled == size { Ok(()) } else { Err(SafeTensorError::MetadataIncompleteBuffer) }
}

/// The header of tensors in the order of the file, padded so that the tensors after it are aligned.
pub(super) fn write<'a, T: Scalar>(
    tensors: impl IntoIterator<Item = (&'a str, &'a Stored<T>)>,
    texts: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let texts: Vec<_> =
        texts.into_iter().map(|(name, text)| format!("{}:{}", json(name), json(text))).collect();
    let mut header = format!("{{\"{TEXTS}\":{{{}}}", texts.join(","));
    let mut start = 0;
    for (name, tensor) in tensors {
        let end = start + tensor.size();
        write!(
            header,
            ",{}:{{\"dtype\":\"{}\",\"shape\":{:?},\"data_offsets\":[{start},{end}]}}",
            json(name),
            tensor.dtype(),
            tensor.shape(),
        )
        .expect("a string takes any text");
        start = end;
    }
    header.push('}');
    let padding = header.len().next_multiple_of(size_of::<u64>()) - header.len();
    header.extend(std::iter::repeat_n(' ', padding));
    header
}

/// A string in JSON.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn parsed<'a, V: Deserialize<'a>>(json: &'a [u8]) -> Result<V, WeightsProblem> {
    serde_json::from_slice(json).map_err(|error| WeightsProblem::Malformed(error.into()))
}

fn unique<V>(object: Object<V>) -> Result<BTreeMap<String, V>, WeightsProblem> {
    let mut unique = BTreeMap::new();
    for (name, value) in object.0 {
        if unique.contains_key(&name) {
            return Err(WeightsProblem::Duplicate { name });
        }
        unique.insert(name, value);
    }
    Ok(unique)
}

/// The entries of a JSON object in their order, duplicates included.
struct Object<V>(Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Object<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Object<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}
