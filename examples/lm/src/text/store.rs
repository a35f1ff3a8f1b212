//! Files of tokens, for texts larger than memory.
//!
//! ```text
//! tokens of the training part │ … validation part │ … test part │ footer, JSON │ trailer
//! trailer: length of the footer (u64) │ its XXH64 (u64) │ "lmtokens", little-endian
//! ```
//!
//! A store is written under a temporary name, stored safely, and then renamed: it is there as a whole or not at all,
//! and never written again. It is used if its identity is that of the text, and its checksums those of its bytes.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::corpus::{Corpus, Part};
use super::encode::{Sizes, encode};
use super::error::TextError;
use super::sources::Sources;
use super::tokens::{Tokens, Width, checksum};
use super::vocabulary::Vocabulary;

const MAGIC: [u8; 8] = *b"lmtokens";
const TRAILER: usize = 24;

/// What stands behind the tokens.
#[derive(Serialize, Deserialize)]
struct Footer {
    /// The text and the settings that the tokens come from.
    identity: String,
    vocabulary: String,
    train: Sizes,
    validation: Sizes,
    test: Option<Sizes>,
}

impl Footer {
    fn parts(&self) -> impl Iterator<Item = &Sizes> {
        [Some(&self.train), Some(&self.validation), self.test.as_ref()].into_iter().flatten()
    }
}

/// Writes the tokens of all parts to a store at `path`.
pub(super) fn write(
    path: &Path,
    identity: &str,
    sources: &Sources,
    vocabulary: &Vocabulary,
    block: usize,
) -> Result<(), TextError> {
    let failed = |source| failed_to_write(path, source);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = BufWriter::new(NamedTempFile::new_in(folder).map_err(failed)?);
    let mut part =
        |spans| encode(spans, vocabulary, block, |bytes| file.write_all(bytes).map_err(failed));
    let (train, validation) = (part(&sources.train)?, part(&sources.validation)?);
    let test = if sources.test.is_empty() { None } else { Some(part(&sources.test)?) };
    let (identity, vocabulary) = (identity.to_owned(), vocabulary.to_string());
    let footer = Footer { identity, vocabulary, train, validation, test };
    let footer = serde_json::to_vec(&footer).expect("numbers and texts");
    let mut finish = || {
        file.write_all(&footer)?;
        file.write_all(&(footer.len() as u64).to_le_bytes())?;
        file.write_all(&checksum(&footer).to_le_bytes())?;
        file.write_all(&MAGIC)?;
        file.flush()?;
        file.get_ref().as_file().sync_all()
    };
    finish().map_err(failed)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

pub(super) fn failed_to_write(path: &Path, source: io::Error) -> TextError {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TextError::DiskFull { path },
        _ => TextError::Store { path, source },
    }
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// There is none.
    #[error("there is none")]
    Missing,
    /// It is of another text or of other settings.
    #[error("the text or its settings have changed")]
    Other,
    /// It is incomplete or was changed.
    #[error("it is damaged")]
    Damaged,
    /// It cannot be read.
    #[error(transparent)]
    Read(io::Error),
}

/// Opens the store at `path` if it has this identity.
pub(super) fn open(path: &Path, identity: &str) -> Result<Corpus, Unusable> {
    let map = map(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unusable::Missing,
        _ => Unusable::Read(error),
    })?;
    let (footer, tokens) = footer(&map).ok_or(Unusable::Damaged)?;
    if footer.identity != identity {
        return Err(Unusable::Other);
    }
    let vocabulary: Vocabulary = footer.vocabulary.parse().map_err(|_| Unusable::Damaged)?;
    let width = Width::of(vocabulary.len());
    let map = Arc::new(map);
    let mut start = 0_usize;
    let mut parts = Vec::new();
    for sizes in footer.parts() {
        let length = usize::try_from(sizes.tokens).ok().and_then(|n| n.checked_mul(width as usize));
        let end = length.and_then(|length| start.checked_add(length)).filter(|&end| end <= tokens);
        let range = start..end.ok_or(Unusable::Damaged)?;
        if checksum(&map[range.clone()]) != sizes.checksum {
            return Err(Unusable::Damaged);
        }
        start = range.end;
        let tokens = Tokens::mapped(Arc::clone(&map), range, width, sizes.checksum);
        parts.push(Part { tokens, characters: sizes.characters, words: sizes.words });
    }
    if start != tokens {
        return Err(Unusable::Damaged);
    }
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(train), Some(validation), test) => Ok(Corpus { vocabulary, train, validation, test }),
        _ => Err(Unusable::Damaged),
    }
}

/// Returns the footer and the number of bytes before it.
fn footer(bytes: &[u8]) -> Option<(Footer, usize)> {
    let (rest, trailer) = bytes.split_at_checked(bytes.len().checked_sub(TRAILER)?)?;
    let number = |from: usize| Some(u64::from_le_bytes(trailer[from..from + 8].try_into().ok()?));
    let length = usize::try_from(number(0)?).ok()?;
    let (tokens, footer) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
    if trailer[16..] != MAGIC || checksum(footer) != number(8)? {
        return None;
    }
    Some((serde_json::from_slice(footer).ok()?, tokens.len()))
}

/// Maps a store.
fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: A map is sound as long as nobody writes to the file. No program of ours does: a store gets its name when
    // it is complete, and is then only replaced as a whole, which leaves the mapped file as it is. Another program that
    // writes to it changes numbers, whose bounds are checked where they are used. If it shortens the file, an access
    // ends the process by SIGBUS.
    unsafe { Mmap::map(&file) }
}

/// Returns where the store of a text lies: the same place when the text changes, so that the new store replaces the
/// old.
pub(super) fn place(folder: &Path, sources: &Sources, key: &str) -> PathBuf {
    let names = sources.spans().map(|span| span.source.name.to_string_lossy());
    let text = std::iter::once(key.into()).chain(names).collect::<Vec<_>>().join("\n");
    folder.join(format!("{:016x}.tokens", checksum(text.as_bytes())))
}
