//! The safetensors format, with a checksum.
//!
//! The `safetensors` crate defines the types. Headers and data are read and written here, for three reasons. That crate
//! keeps texts in a hash map, so equal contents do not always make equal bytes. If two tensors have the same name, it
//! silently takes the last. It holds all data in memory twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use bptt_tensor::Scalar;
use crc32fast::Hasher;
use safetensors::SafeTensorError;
use safetensors::tensor::TensorInfo;

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

/// Reads a file, piece by piece: the data is in memory once.
pub(super) fn read<T: Scalar>(path: &Path) -> Result<Contents<T>, WeightsProblem> {
    let mut file = File::open(path).map_err(WeightsProblem::Read)?;
    let (head, size) = read_head(&mut file)?;
    let Header { mut texts, tensors } = Header::read(&head[LENGTH..], size)?;
    let mut tensors: Vec<_> = tensors.into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets); // one after the other, as the header was checked
    let mut data = Hashed { file: BufReader::new(file), hasher: Hasher::new() };
    let read = |(name, info): (String, TensorInfo)| {
        let (start, end) = info.data_offsets;
        Ok((name, Stored::read(info.dtype, &info.shape, end - start, &mut data)?))
    };
    let tensors = tensors.into_iter().map(read).collect::<io::Result<_>>();
    let tensors = tensors.map_err(WeightsProblem::Read)?;
    expect_undamaged(&head, &data.hasher, &texts)?;
    texts.remove(CHECKSUM);
    Ok((tensors, texts))
}

/// Reads the beginning of a file, which ends with the header. Returns it with the size of the data after it.
fn read_head(file: &mut File) -> Result<(Vec<u8>, usize), WeightsProblem> {
    let invalid = || WeightsProblem::Malformed(SafeTensorError::InvalidHeaderLength.into());
    let length = file.metadata().map_err(WeightsProblem::Read)?.len();
    let length = usize::try_from(length).map_err(|_| invalid())?;
    let mut head = Vec::new();
    let mut read = |upto: usize, head: &mut Vec<u8>| {
        let missing = upto - head.len();
        file.take(missing as u64).read_to_end(head).map_err(WeightsProblem::Read)
    };
    read(LENGTH, &mut head)?;
    let size = head.first_chunk().ok_or_else(invalid)?;
    let end = usize::try_from(u64::from_le_bytes(*size)).ok().and_then(|it| it.checked_add(LENGTH));
    let end = end.filter(|&end| end <= length).ok_or_else(invalid)?;
    read(end, &mut head)?;
    if head.len() == end { Ok((head, length - end)) } else { Err(invalid()) }
}

/// Refuses a file of this library whose contents do not match its checksum. Files of other programs have no checksum.
fn expect_undamaged(
    head: &[u8],
    data: &Hasher,
    texts: &BTreeMap<String, String>,
) -> Result<(), WeightsProblem> {
    let opening = opening();
    let start = LENGTH + opening.len();
    let is_ours = match head.get(LENGTH..start) {
        // a beginning with a single wrong byte is damaged, rather than written by another program
        Some(found) => found.iter().zip(opening.as_bytes()).filter(|(a, b)| a != b).count() <= 1,
        None => false,
    };
    if !is_ours && !texts.contains_key(CHECKSUM) {
        return Ok(());
    }
    let mut hasher = Hasher::new();
    hasher.update(&head[..start.min(head.len())]);
    hasher.update(ZEROS.as_bytes());
    hasher.update(head.get(start + DIGITS..).unwrap_or_default());
    hasher.combine(data);
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

/// A file, with the checksum of the bytes read from it or written to it.
struct Hashed<W> {
    file: W,
    hasher: Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.hasher.update(&bytes[..read]);
        Ok(read)
    }
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
