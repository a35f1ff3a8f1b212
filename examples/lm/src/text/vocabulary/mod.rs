//! Vocabularies: which units a text is made of, and their tokens, the numbers that a model reads.

mod characters;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::settings::Units;
use characters::Characters;

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
}

/// A character outside a [`Vocabulary`] of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "character number {position}, {character:?} (U+{code:04X}), is not among the {known} that the \
     model knows; remove it, or train on text that contains it",
    code = u32::from(*.character)
)]
pub struct UnknownCharacter {
    /// The character itself.
    pub character: char,
    /// Its place in the text, in characters, counted from 1.
    pub position: usize,
    /// Size of the vocabulary.
    pub known: usize,
}

/// A text that describes no [`Vocabulary`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVocabulary {
    /// The first line names no units.
    #[error("a vocabulary begins with a line that names its units, not with {0:?}")]
    Units(String),
    /// No unit at all.
    #[error("the vocabulary is empty")]
    Empty,
    /// Units that are given more than once or out of order.
    #[error("the vocabulary is damaged: {0}")]
    Damaged(String),
}

impl Vocabulary {
    /// Returns the vocabulary of the distinct characters among `characters`, in the order of their code points.
    ///
    /// # Errors
    ///
    /// There is no character.
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

    /// The number of different tokens, `V`, not zero.
    #[expect(clippy::len_without_is_empty, reason = "a vocabulary is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        match &*self.kind {
            Kind::Characters(characters) => characters.sorted().len(),
            Kind::Bytes => 256,
        }
    }

    /// What a token is.
    #[must_use]
    pub fn units(&self) -> Units {
        match &*self.kind {
            Kind::Characters(_) => Units::Characters,
            Kind::Bytes => Units::Bytes,
        }
    }

    /// Returns the tokens of `text`.
    ///
    /// # Errors
    ///
    /// A character that is not in a vocabulary of characters.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, UnknownCharacter> {
        let mut tokens = Vec::new();
        self.encode_into(text, &mut tokens)?;
        Ok(tokens)
    }

    /// Appends the tokens of `text` to `tokens`.
    pub(super) fn encode_into(
        &self,
        text: &str,
        tokens: &mut Vec<u32>,
    ) -> Result<(), UnknownCharacter> {
        match &*self.kind {
            Kind::Characters(characters) => characters.encode(text, tokens)?,
            Kind::Bytes => tokens.extend(text.bytes().map(u32::from)),
        }
        Ok(())
    }

    /// Returns the text that `tokens` stand for. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Panics
    ///
    /// If a token is not below [`len`](Self::len).
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        match &*self.kind {
            Kind::Characters(characters) => {
                tokens.iter().map(|&token| characters.sorted()[token as usize]).collect()
            }
            Kind::Bytes => {
                let bytes: Vec<u8> = tokens.iter().map(|&token| byte(token)).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
        }
    }

    /// Returns the text of one token, as a table shows it.
    ///
    /// # Panics
    ///
    /// If `token` is not below [`len`](Self::len).
    #[must_use]
    pub fn token_text(&self, token: u32) -> Cow<'_, str> {
        match &*self.kind {
            Kind::Characters(characters) => characters.sorted()[token as usize].to_string().into(),
            Kind::Bytes => match byte(token) {
                byte if byte.is_ascii() => char::from(byte).to_string().into(),
                byte => format!("\\x{byte:02x}").into(),
            },
        }
    }
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
            _ => Err(InvalidVocabulary::Units(units.chars().take(40).collect())),
        }
    }
}
