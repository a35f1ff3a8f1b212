//! Characters (Unicode scalar values), each a token.

use crate::text::error::UnknownCharacter;

/// A sorted set of characters; a character's token is its rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Characters {
    sorted: Vec<char>,
    /// The token of each ASCII character, or `u32::MAX`.
    ascii: Vec<u32>,
}

impl Characters {
    pub(super) fn new(mut characters: Vec<char>) -> Self {
        characters.sort_unstable();
        characters.dedup();
        let mut ascii = vec![u32::MAX; 128];
        for (token, &character) in characters.iter().enumerate().filter(|(_, c)| c.is_ascii()) {
            ascii[character as usize] = token as u32;
        }
        Self { sorted: characters, ascii }
    }

    pub(super) fn sorted(&self) -> &[char] {
        &self.sorted
    }

    pub(super) fn character(&self, token: u32) -> char {
        self.sorted[token as usize]
    }

    fn token(&self, character: char) -> Option<u32> {
        if character.is_ascii() {
            let token = self.ascii[character as usize];
            (token != u32::MAX).then_some(token)
        } else {
            self.sorted.binary_search(&character).ok().map(|token| token as u32)
        }
    }

    pub(super) fn encode(&self, text: &str, tokens: &mut Vec<u32>) -> Result<(), UnknownCharacter> {
        for (index, character) in text.chars().enumerate() {
            tokens.push(self.token(character).ok_or(UnknownCharacter {
                character,
                position: index + 1,
                known: self.sorted.len(),
            })?);
        }
        Ok(())
    }
}
