//! Tests of whole texts: reading in blocks of any size and through a store, against simple oracles.

mod corpora;
mod errors;
mod size;
mod splits;
mod stores;
mod vocabularies;
mod words;

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::corpus::Limits;
use super::{Corpus, Part, TextError, TextSettings, Units};

/// A folder with files of these bytes, one for each of a sequence.
pub(super) struct Files {
    pub(super) folder: TempDir,
    pub(super) paths: Vec<PathBuf>,
}

impl Files {
    pub(super) fn new<B: AsRef<[u8]>>(contents: &[B]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let write = |(index, bytes): (usize, &B)| {
            let path = folder.path().join(format!("{index}.txt"));
            fs::write(&path, bytes).expect("writable");
            path
        };
        let paths = contents.iter().enumerate().map(write).collect();
        Self { folder, paths }
    }

    /// Settings that split the files.
    pub(super) fn split(&self, units: Units) -> TextSettings {
        TextSettings { text: self.paths.clone(), units, ..TextSettings::default() }
    }

    /// Settings that take the first two files as training and validation part.
    pub(super) fn parts(&self, units: Units) -> TextSettings {
        let file = |index: usize| self.paths.get(index).cloned();
        let (train, validation, test) = (file(0), file(1), file(2));
        TextSettings { train, validation, test, units, ..TextSettings::default() }
    }

    pub(super) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(super) fn open(&self, settings: &TextSettings) -> Result<Corpus, TextError> {
        Corpus::open(settings, &self.store())
    }

    /// Opens in blocks of this size, through a store.
    pub(super) fn open_stored(
        &self,
        settings: &TextSettings,
        block: usize,
    ) -> Result<Corpus, TextError> {
        Corpus::open_within(settings, None, &self.store(), Limits { block, in_memory: 0 })
    }
}

pub(super) fn decoded(corpus: &Corpus, part: &Part) -> String {
    corpus.vocabulary.decode(&part.tokens.to_vec())
}

/// Texts that begin and end in every awkward way, and so do their blocks.
pub(super) fn texts() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a", "b", "c", "word", "é", "漢", "𝔾", " ", " ", " ", "\n", "\n", "\r\n", "\r", "\t",
        "\u{a0}", "\u{feff}", "<unk>", "<eos>", "'s", "12", "  ",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 1..40).prop_map(|pieces| pieces.concat())
}

/// The text of a file, as it is read.
pub(super) fn read(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}
