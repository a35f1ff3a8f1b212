//! The safetensors format, with a checksum.
//!
//! The `safetensors` crate defines the types. Headers and data are read and written here, for three reasons. That crate
//! keeps texts in a hash map, so equal contents do not always make equal bytes. If two tensors have the same name, it
//! silently takes the last. It holds all data in memory twice.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use bptt_tensor::Scalar;
use crc32fast::Hasher;
use safetensors::SafeTensorError;

use super::atomic;
use super::error::WeightsProblem;
use super::header;
use super::header::{Header, TEXTS};
use super::stored::Stored;

/// The name of the text with the checksum, the first text of a file.
pub(super) const CHECKSUM: &str = "bptt.crc32";

/// The digits of a checksum.
const DIGITS: usize = 8;

/// The placeholder of the checksum while it is computed.
const ZEROS: &str = "00000000";

/// The number of bytes of the header's size.
const LENGTH: usize = size_of::<u64>();

type Contents<T> = (BTreeMap<String, Stored<T>>, BTreeMap<String, String>);

/// Reads a file.
pub(super) fn read<T: Scalar>(path: &Path) -> Result<Contents<T>, WeightsProblem> {
    let bytes = fs::read(path).map_err(WeightsProblem::Read)?;
    let (json, data) = split(&bytes)
        .ok_or_else(|| WeightsProblem::Malformed(SafeTensorError::InvalidHeaderLength.into()))?;
    let Header { mut texts, tensors } = Header::read(json, data.len())?;
    expect_undamaged(&bytes, &texts)?;
    texts.remove(CHECKSUM);
    let read = |info: &safetensors::tensor::TensorInfo| {
        let (start, end) = info.data_offsets;
        Stored::read(info.dtype, &info.shape, &data[start..end])
    };
    Ok((tensors.iter().map(|(name, info)| (name.clone(), read(info))).collect(), texts))
}

/// Header and data.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<LENGTH>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*size)).ok()?)
}

/// Refuses a file of this library whose contents do not match its checksum. Files of other programs have no checksum.
fn expect_undamaged(bytes: &[u8], texts: &BTreeMap<String, String>) -> Result<(), WeightsProblem> {
    let opening = opening();
    let start = LENGTH + opening.len();
    let is_ours = match bytes.get(LENGTH..start) {
        // a beginning with a single wrong byte is damaged, rather than written by another program
        Some(found) => found.iter().zip(opening.as_bytes()).filter(|(a, b)| a != b).count() <= 1,
        None => false,
    };
    if !is_ours && !texts.contains_key(CHECKSUM) {
        return Ok(());
    }
    let mut hasher = Hasher::new();
    hasher.update(&bytes[..start.min(bytes.len())]);
    hasher.update(ZEROS.as_bytes());
    hasher.update(bytes.get(start + DIGITS..).unwrap_or_default());
    let computed = digits(hasher);
    if texts.get(CHECKSUM) == Some(&computed) { Ok(()) } else { Err(WeightsProblem::Damaged) }
}

/// The beginning of a header, up to the digits.
fn opening() -> String {
    format!("{{\"{TEXTS}\":{{\"{CHECKSUM}\":\"")
}

fn digits(hasher: Hasher) -> String {
    format!("{:08x}", hasher.finalize())
}

/// Writes a file, which replaces its predecessor atomically.
pub(super) fn write<T: Scalar>(
    path: &Path,
    tensors: &BTreeMap<String, Stored<T>>,
    texts: &BTreeMap<String, String>,
) -> io::Result<()> {
    let mut tensors: Vec<_> = tensors.iter().map(|(name, it)| (name.as_str(), it)).collect();
    tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.dtype().bitsize())); // aligns them all
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let header =
        header::write(tensors.iter().copied(), [(CHECKSUM, ZEROS)].into_iter().chain(texts));
    atomic::write(path, |file| {
        let mut hashed = Hashed { file: BufWriter::new(file), hasher: Hasher::new() };
        hashed.write_all(&(header.len() as u64).to_le_bytes())?;
        hashed.write_all(header.as_bytes())?;
        for (_, tensor) in tensors {
            tensor.write_to(&mut hashed)?;
        }
        let Hashed { mut file, hasher } = hashed;
        file.seek(SeekFrom::Start((LENGTH + opening().len()) as u64))?;
        file.write_all(digits(hasher).as_bytes())?;
        file.flush()
    })
}

/// A file, with the checksum of the bytes written to it.
struct Hashed<W> {
    file: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
