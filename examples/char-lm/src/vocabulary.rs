//! Characters (Unicode scalar values) and their tokens, the numbers that a model reads.

use std::str::FromStr;

/// A sorted set of characters; a character's token is its rank.
///
/// The sorted characters describe the vocabulary completely: `v.to_string().parse()` is `v` again. A weight file stores
/// the vocabulary as this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    characters: Vec<char>,
}

/// A character outside a [`Vocabulary`].
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

impl Vocabulary {
    /// Returns the vocabulary of the distinct characters among `characters`.
    #[must_use]
    pub fn of(characters: impl IntoIterator<Item = char>) -> Self {
        let mut occurs = vec![false; char::MAX as usize + 1];
        for character in characters {
            occurs[character as usize] = true;
        }
        let all = '\0'..=char::MAX;
        Self { characters: all.filter(|&character| occurs[character as usize]).collect() }
    }

    /// Returns the number of characters `V`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// Returns whether there is no character.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    /// Returns the characters in the order of their tokens.
    #[must_use]
    pub fn characters(&self) -> &[char] {
        &self.characters
    }

    /// Returns the tokens of `text`, each below [`len`](Self::len). A character that is not in the vocabulary is an
    /// error with its name and place.
    pub fn tokens(&self, text: &str) -> impl Iterator<Item = Result<u32, UnknownCharacter>> {
        text.chars().enumerate().map(|(index, character)| {
            let token = self.characters.binary_search(&character);
            token.map(|token| token as u32).map_err(|_| UnknownCharacter {
                character,
                position: index + 1,
                known: self.len(),
            })
        })
    }

    /// Returns all [`tokens`](Self::tokens) of `text`.
    ///
    /// # Errors
    ///
    /// The error names the first character that is not in the vocabulary, and its place.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, UnknownCharacter> {
        self.tokens(text).collect()
    }

    /// Returns the text that `tokens` stand for.
    ///
    /// # Panics
    ///
    /// If a token is not below [`len`](Self::len).
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        tokens.iter().map(|&token| self.characters[token as usize]).collect()
    }
}

/// The error of an empty text, which makes no [`Vocabulary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no character")]
pub struct NoCharacters;

impl FromStr for Vocabulary {
    type Err = NoCharacters;

    /// Parses the distinct characters of `text`.
    fn from_str(text: &str) -> Result<Self, NoCharacters> {
        if text.is_empty() { Err(NoCharacters) } else { Ok(Self::of(text.chars())) }
    }
}

impl std::fmt::Display for Vocabulary {
    /// Writes the characters in order, without separators.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.characters.iter().try_for_each(|character| write!(f, "{character}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_ranks_and_decode_back() {
        let vocabulary = Vocabulary::of("banané".chars());
        assert_eq!(vocabulary.characters(), ['a', 'b', 'n', 'é']);
        let tokens = vocabulary.encode("bané").expect("known characters");
        assert_eq!(tokens, [1, 0, 2, 3]);
        assert_eq!(vocabulary.decode(&tokens), "bané");
    }

    #[test]
    fn its_text_describes_it_completely() {
        let vocabulary = Vocabulary::of("zy\n\u{0}x é∂".chars());
        assert_eq!(vocabulary.to_string().parse(), Ok(vocabulary));
        assert_eq!("".parse::<Vocabulary>(), Err(NoCharacters));
    }

    #[test]
    fn an_unknown_character_is_named_with_its_place() {
        let error = Vocabulary::of("abé".chars()).encode("éa–b").expect_err("a dash");
        assert_eq!(error, UnknownCharacter { character: '–', position: 3, known: 3 });
        assert_eq!(
            error.to_string(),
            "character number 3, '–' (U+2013), is not among the 3 that the model knows; remove it, \
             or train on text that contains it"
        );
    }
}
