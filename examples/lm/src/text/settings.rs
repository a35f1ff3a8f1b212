//! The settings of the text: which files, and what a token is.

use std::fmt;
use std::path::PathBuf;

use bptt::tasks::languages::Language;
use clap::{ArgAction, Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::error::TextError;
use super::sources::{program_files, repository};
use crate::config::rules::{fraction, path, whole};

/// What a token is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Units {
    /// Unicode scalar values; the vocabulary is those that occur
    #[default]
    Characters,
    /// Bytes of any file, all 256
    Bytes,
    /// Words between white space, and `<eos>` at the end of every line
    Words,
    /// Byte-pair encoding of UTF-8 bytes
    BytePairs,
}

/// Which text to read, and its units: the section `[text]` of a configuration.
///
/// Either each file of `text` is split, or the parts are files of their own. With neither, the text is that of the
/// `.rs` and `.md` files of the repository, each split.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextSettings {
    /// Text files, each split into parts [default: the .rs and .md files of the repository]
    #[arg(long, value_name = "FILE", num_args = 1.., action = ArgAction::Set, value_parser = path)]
    pub text: Vec<PathBuf>,

    /// File of the training part, instead of --text
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub train: Option<PathBuf>,

    /// File of the validation part
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub validation: Option<PathBuf>,

    /// File of the test part
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub test: Option<PathBuf>,

    /// Share of each --text file for validation, before the test share
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = fraction)]
    pub validation_share: f64,

    /// Share of each --text file for the test, at its end
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = fraction)]
    pub test_share: f64,

    /// What a token is
    #[arg(long, value_enum, default_value_t = Units::default())]
    pub units: Units,

    /// Occurrences in the training part that a word needs; rarer words become `<unk>`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<u64>)]
    pub min_count: u64,

    /// Largest size of a vocabulary of words or byte pairs [default: all words, 8192 byte pairs]
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub vocabulary_size: Option<usize>,

    /// Byte-pair encoding in a tokenizer.json, instead of one learned from the training part
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub tokenizer: Option<PathBuf>,

    /// Formal language whose text is generated, e.g. embedded-reber
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<Language>,

    /// Symbols of the language in the training part
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = whole::<usize>)]
    pub train_symbols: usize,

    /// Symbols of the language in the validation part
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = whole::<usize>)]
    pub validation_symbols: usize,

    /// Symbols of the language in the test part
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = whole::<usize>)]
    pub test_symbols: usize,

    /// Seed of the language's training part; the validation and the test part have the next two seeds
    #[arg(long, value_name = "SEED", default_value = "1", value_parser = whole::<u64>)]
    pub language_seed: u64,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            train: None,
            validation: None,
            test: None,
            validation_share: 0.1,
            test_share: 0.0,
            units: Units::default(),
            min_count: 1,
            vocabulary_size: None,
            tokenizer: None,
            language: None,
            train_symbols: 1_000_000,
            validation_symbols: 100_000,
            test_symbols: 100_000,
            language_seed: 1,
        }
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl fmt::Display for TextSettings {
    /// Writes where the text comes from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(language) = &self.language {
            return language.fmt(f);
        }
        let files = self.text.iter().chain(&self.train).chain(&self.validation).chain(&self.test);
        let files: Vec<_> = files.map(|file| file.display().to_string()).collect();
        if files.is_empty() {
            f.write_str("this repository")
        } else {
            f.write_str(&files.join(", "))
        }
    }
}

impl TextSettings {
    /// Returns the files that are split into parts: those of `text`, or the `.rs` and `.md` files of the repository.
    ///
    /// # Errors
    ///
    /// The repository has none, or cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>, TextError> {
        if self.text.is_empty() { program_files(repository()) } else { Ok(self.text.clone()) }
    }

    /// Checks the settings against each other.
    ///
    /// # Errors
    ///
    /// The first contradiction, and how to solve it.
    pub fn check(&self) -> Result<(), TextError> {
        let invalid = |what: &str| Err(TextError::Settings { what: what.to_owned() });
        let shares = [self.validation_share, self.test_share];
        if !(shares.iter().all(|share| (0.0..=1.0).contains(share))
            && shares.iter().sum::<f64>() <= 1.0)
        {
            return invalid(
                "--validation-share and --test-share must be from 0 to 1, and at most 1 together",
            );
        }
        let has_parts =
            [&self.train, &self.validation, &self.test].into_iter().any(Option::is_some);
        if has_parts && !self.text.is_empty() {
            return invalid(
                "--text gives files to split, and --train, --validation and --test give the parts: \
                 use one or the other",
            );
        }
        if self.language.is_some() && (has_parts || !self.text.is_empty()) {
            return invalid("--language generates its text: use it without files");
        }
        if self.tokenizer.is_some() && self.units != Units::BytePairs {
            return invalid("--tokenizer gives a byte-pair encoding: add --units byte-pairs");
        }
        let sizes = match self.units {
            Units::BytePairs => 256..=1_000_000, // the library allocates them all before it counts
            _ => 2..=usize::MAX,
        };
        if self.vocabulary_size.is_some_and(|size| !sizes.contains(&size)) {
            return invalid(
                "--vocabulary-size must be at least 2 for words (<unk> and <eos>), and from 256 to 1000000 for byte pairs",
            );
        }
        Ok(())
    }

    /// Returns the most tokens of a byte-pair encoding.
    pub(super) fn byte_pairs_size(&self) -> usize {
        self.vocabulary_size.unwrap_or(8192)
    }

    /// Returns a key that differs for settings that make different vocabularies of the same text.
    pub(super) fn vocabulary_key(&self) -> String {
        let Self { units, min_count, vocabulary_size, tokenizer, .. } = self;
        format!("{units:?} {min_count} {vocabulary_size:?} {tokenizer:?}")
    }
}
