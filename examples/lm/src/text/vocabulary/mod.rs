//! Vocabularies: which units a text is made of, and their tokens, the numbers that a model reads.

mod byte_pairs;
mod characters;
mod decoder;
mod words;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::error::{InvalidVocabulary, UnknownCharacter};
use super::segments::segments;
use super::settings::Units;
use byte_pairs::BytePairs;
use characters::Characters;
use words::Words;

pub use decoder::Decoder;
pub(super) use words::WordCounts;

/// The units of a text, numbered from 0; shared by its clones.
///
/// Its text describes it completely: `v.to_string().parse()` is `v` again. The weights of a model store this text.
#[derive(Clone, Debug, PartialEq)]
pub struct Vocabulary {
    kind: Arc<Kind>,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Characters(Characters),
    Bytes,
    Words(Words),
    BytePairs(BytePairs),
}

impl Vocabulary {
    /// Returns the vocabulary of the distinct characters among `characters`, in the order of their code points.
    ///
    /// # Errors
    ///
    /// If there is no character.
    pub fn characters(
        characters: impl IntoIterator<Item = char>,
    ) -> Result<Self, InvalidVocabulary> {
        let characters = Characters::new(characters.into_iter().collect());
        if characters.sorted().is_empty() {
            return Err(InvalidVocabulary::Empty);
        }
        Ok(Kind::Characters(characters).into())
    }

    /// Returns the vocabulary of all 256 bytes.
    #[must_use]
    pub fn bytes() -> Self {
        Kind::Bytes.into()
    }

    /// Returns the vocabulary of the most frequent words.
    pub(super) fn words(counts: WordCounts, min_count: u64, size: Option<usize>) -> Self {
        Kind::Words(Words::of(counts, min_count, size)).into()
    }

    /// Learns a byte-pair encoding of at most `size` tokens.
    pub(super) fn byte_pairs(
        segments: impl Iterator<Item = String> + Send,
        size: usize,
    ) -> Result<Self, InvalidVocabulary> {
        Ok(Kind::BytePairs(BytePairs::train(segments, size)?).into())
    }

    /// Returns the byte-pair encoding of a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// If the text is not a tokenizer of byte-level byte-pair encoding that keeps every text as it is.
    pub fn tokenizer(json: &str) -> Result<Self, InvalidVocabulary> {
        Ok(Kind::BytePairs(BytePairs::parse(json)?).into())
    }

    /// Returns the number of different tokens, `V`, not zero.
    #[expect(clippy::len_without_is_empty, reason = "a vocabulary is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        match &*self.kind {
            Kind::Characters(characters) => characters.sorted().len(),
            Kind::Bytes => 256,
            Kind::Words(words) => words.len(),
            Kind::BytePairs(pairs) => pairs.len(),
        }
    }

    /// Returns the units.
    #[must_use]
    pub fn units(&self) -> Units {
        match &*self.kind {
            Kind::Characters(_) => Units::Characters,
            Kind::Bytes => Units::Bytes,
            Kind::Words(_) => Units::Words,
            Kind::BytePairs(_) => Units::BytePairs,
        }
    }

    /// Returns the tokens of `text`. A word that is not in a vocabulary of words is `<unk>`, and each `\n` is `<eos>`.
    ///
    /// # Errors
    ///
    /// If a character is not in a vocabulary of characters.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, UnknownCharacter> {
        let mut tokens = Vec::new();
        match &*self.kind {
            Kind::Characters(characters) => characters.encode(text, &mut tokens)?,
            _ => segments(text).try_for_each(|text| self.encode_segment(text, &mut tokens))?,
        }
        Ok(tokens)
    }

    /// Appends the tokens of a segment to `tokens`.
    pub(super) fn encode_segment(
        &self,
        text: &str,
        tokens: &mut Vec<u32>,
    ) -> Result<(), UnknownCharacter> {
        match &*self.kind {
            Kind::Characters(characters) => characters.encode(text, tokens)?,
            Kind::Bytes => tokens.extend(text.bytes().map(u32::from)),
            Kind::Words(words) => words.encode(text, tokens),
            Kind::BytePairs(pairs) => pairs.encode(text, tokens),
        }
        Ok(())
    }

    /// Returns the token of the end of a line that no `\n` ends.
    pub(super) fn end_of_line(&self) -> Option<u32> {
        match &*self.kind {
            Kind::Words(words) => Some(words.end()),
            _ => None,
        }
    }

    /// Returns the text that `tokens` stand for, as a [`Decoder`] writes it.
    ///
    /// # Panics
    ///
    /// If a token is not below [`len`](Self::len).
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        let mut decoder = self.decoder();
        let mut text: String = tokens.iter().map(|&token| decoder.push(token)).collect();
        text += &decoder.finish();
        text
    }

    /// Returns a decoder for tokens that come one at a time, at the beginning of a text.
    #[must_use]
    pub fn decoder(&self) -> Decoder<'_> {
        Decoder::new(self)
    }

    /// Returns the text of one token, as a table shows it. Bytes that are not UTF-8 are written as `\xff`.
    ///
    /// # Panics
    ///
    /// If `token` is not below [`len`](Self::len).
    #[must_use]
    pub fn token_text(&self, token: u32) -> Cow<'_, str> {
        match &*self.kind {
            Kind::Characters(characters) => characters.character(token).to_string().into(),
            Kind::Bytes => escaped(&[byte(token)]).into(),
            Kind::Words(words) => words.word(token).into(),
            Kind::BytePairs(pairs) => escaped(pairs.bytes(token)).into(),
        }
    }
}

/// Returns text in which bytes that are not UTF-8 are written as `\xff`.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text += chunk.valid();
        chunk.invalid().iter().for_each(|byte| text += &format!("\\x{byte:02x}"));
    }
    text
}

fn byte(token: u32) -> u8 {
    u8::try_from(token).unwrap_or_else(|_| panic!("token {token} of a vocabulary of bytes"))
}

impl From<Kind> for Vocabulary {
    fn from(kind: Kind) -> Self {
        Self { kind: Arc::new(kind) }
    }
}

impl fmt::Display for Vocabulary {
    /// Writes a line with the name of the units, and then the units in the order of their tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Characters(characters) => {
                writeln!(f, "characters")?;
                characters.sorted().iter().try_for_each(|character| write!(f, "{character}"))
            }
            Kind::Bytes => writeln!(f, "bytes"),
            Kind::Words(words) => {
                write!(f, "words")?;
                words.iter().try_for_each(|word| write!(f, "\n{word}"))
            }
            Kind::BytePairs(pairs) => write!(f, "byte-pairs\n{}", pairs.json()),
        }
    }
}

impl FromStr for Vocabulary {
    type Err = InvalidVocabulary;

    fn from_str(text: &str) -> Result<Self, InvalidVocabulary> {
        let (units, rest) = text.split_once('\n').unwrap_or((text, ""));
        match units {
            "characters" => {
                if !rest.chars().is_sorted_by(|a, b| a < b) {
                    let what = "its characters are not sorted".to_owned();
                    return Err(InvalidVocabulary::Damaged(what));
                }
                Self::characters(rest.chars())
            }
            "bytes" if rest.is_empty() => Ok(Self::bytes()),
            "bytes" => Err(InvalidVocabulary::Damaged("bytes need no list".to_owned())),
            "words" => Ok(Kind::Words(Words::new(rest.split('\n').map(Box::from))?).into()),
            "byte-pairs" => Self::tokenizer(rest),
            _ => Err(InvalidVocabulary::Units(units.chars().take(40).collect())),
        }
    }
}
