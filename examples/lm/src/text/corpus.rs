//! A corpus: a vocabulary, and the tokens of the training, validation and test parts.

use std::fmt;
use std::path::Path;

use super::encode::encode;
use super::error::TextError;
use super::make::make;
use super::settings::TextSettings;
use super::sources::{Source, Sources, Span};
use super::store::{self, Unusable};
use super::tokens::{Tokens, Width, checksum};
use super::vocabulary::Vocabulary;

/// Text as tokens, divided into parts.
///
/// Without files for the parts, **the last tenth of every file is validation text**, unless the settings have other
/// shares. Each part is joined in the order of the files. The last tenth of a whole source tree would be a few files of
/// the last folder. A tenth of each file has the same mixture as the training text.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// The units of all parts.
    pub vocabulary: Vocabulary,
    /// The part to learn from.
    pub train: Part,
    /// The part that chooses weights and settings.
    pub validation: Part,
    /// The part that judges the choice, if there is one.
    pub test: Option<Part>,
}

/// The tokens of one part, and the sizes of its text in units that do not depend on the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The tokens, in the order of the text.
    pub tokens: Tokens,
    /// The characters (Unicode scalar values), for bits per character.
    pub characters: u64,
    /// The words between white space and the ends of lines, for perplexity per word.
    pub words: u64,
}

/// The sizes that decide what stays in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The bytes read at a time.
    pub(super) block: usize,
    /// The bytes of the longest text whose tokens stay in memory.
    pub(super) in_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { block: 1 << 20, in_memory: 64 << 20 }
    }
}

impl Corpus {
    /// Reads the text of `settings` and makes its vocabulary. The tokens of a text longer than 64 MB are stored in the
    /// folder `store`, which is created when needed, and found there again.
    ///
    /// # Errors
    ///
    /// If the text cannot be read or used, settings contradict each other, or a store cannot be written.
    pub fn open(settings: &TextSettings, store: &Path) -> Result<Self, TextError> {
        Self::open_within(settings, None, store, Limits::default())
    }

    /// Reads the text of `settings` with the vocabulary of a trained model.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); and if a character is not in the vocabulary.
    pub fn open_with(
        settings: &TextSettings,
        vocabulary: &Vocabulary,
        store: &Path,
    ) -> Result<Self, TextError> {
        let settings = TextSettings { units: vocabulary.units(), ..settings.clone() };
        Self::open_within(&settings, Some(vocabulary), store, Limits::default())
    }

    pub(super) fn open_within(
        settings: &TextSettings,
        vocabulary: Option<&Vocabulary>,
        store: &Path,
        limits: Limits,
    ) -> Result<Self, TextError> {
        let corpus = Self::read_or_find(settings, vocabulary, store, limits)?;
        log::info!("{settings}: {corpus}");
        Ok(corpus)
    }

    /// Reads a short text, and finds the tokens of a longer one in the store or writes them there.
    fn read_or_find(
        settings: &TextSettings,
        vocabulary: Option<&Vocabulary>,
        store: &Path,
        limits: Limits,
    ) -> Result<Self, TextError> {
        let sources = Sources::find(settings)?;
        if vocabulary.is_none() && sources.train.is_empty() {
            return Err(TextError::NoTrainingText);
        }
        let key = match vocabulary {
            Some(vocabulary) => format!("{:016x}", checksum(vocabulary.to_string().as_bytes())),
            None => settings.vocabulary_key(),
        };
        let tokenizer = settings.tokenizer.as_deref().filter(|_| vocabulary.is_none());
        let tokenizer = tokenizer.map(|path| Ok::<_, TextError>(Source::find(path)?.identity()));
        let tokenizer = tokenizer.transpose()?.unwrap_or_default();
        let vocabulary = || match vocabulary {
            Some(vocabulary) => Ok(vocabulary.clone()),
            None => make(settings, &sources, limits.block),
        };
        if sources.spans().map(Span::len).sum::<u64>() <= limits.in_memory {
            return Self::in_memory(&sources, vocabulary()?, limits.block);
        }
        let path = store::place(store, &sources, &key);
        let identity = format!("{key}\n{tokenizer}\n{}", sources.identity());
        let why = match store::open(&path, &identity) {
            Ok(corpus) => {
                log::debug!("{}: the tokens of an earlier call", path.display());
                return Ok(corpus);
            }
            Err(why @ (Unusable::Missing | Unusable::Other)) => why,
            Err(why) => {
                log::warn!("{}: {why}; the text is encoded again", path.display());
                why
            }
        };
        log::info!("encoding the text to {}: {why}", path.display());
        store::write(&path, &identity, &sources, &vocabulary()?, limits.block)?;
        let failed = |why: Unusable| TextError::Store {
            path: path.clone(),
            source: std::io::Error::other(why),
        };
        store::open(&path, &identity).map_err(failed)
    }

    fn in_memory(
        sources: &Sources,
        vocabulary: Vocabulary,
        block: usize,
    ) -> Result<Self, TextError> {
        let part = |spans: &[Span]| {
            let mut bytes = Vec::new();
            let sizes = encode(spans, &vocabulary, block, |tokens| {
                bytes.extend_from_slice(tokens);
                Ok(())
            })?;
            let tokens = Tokens::in_memory(bytes, Width::of(vocabulary.len()));
            Ok::<_, TextError>(Part { tokens, characters: sizes.characters, words: sizes.words })
        };
        let (train, validation) = (part(&sources.train)?, part(&sources.validation)?);
        let test = if sources.test.is_empty() { None } else { Some(part(&sources.test)?) };
        Ok(Self { vocabulary, train, validation, test })
    }

    /// Returns a hash of the vocabulary and the tokens of all parts, the same on every machine. A resumed run compares
    /// it, because training on another text would silently be another run.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let parts = [Some(&self.train), Some(&self.validation), self.test.as_ref()];
        let mut text = self.vocabulary.to_string();
        for part in parts.into_iter().flatten() {
            text += &format!("\n{} {:016x}", part.tokens.len(), part.tokens.checksum());
        }
        checksum(text.as_bytes())
    }
}

impl fmt::Display for Corpus {
    /// Writes the sizes of the corpus, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (train, validation) = (self.train.tokens.len(), self.validation.tokens.len());
        write!(f, "{train} tokens to learn from, {validation} to validate")?;
        if let Some(test) = &self.test {
            write!(f, ", {} to test", test.tokens.len())?;
        }
        write!(f, ", {} distinct", self.vocabulary.len())
    }
}
