//! The text of tokens, as they come.

use super::{Kind, Vocabulary};

/// Writes the text of tokens that come one at a time, each as soon as it is complete.
///
/// Words are separated by spaces, and `<eos>` is a new line. Bytes that are not UTF-8 become U+FFFD.
#[derive(Clone, Debug)]
pub struct Decoder<'v> {
    vocabulary: &'v Vocabulary,
    /// The bytes of an incomplete character.
    pending: Vec<u8>,
    /// Whether a word was written in this line.
    is_in_line: bool,
}

impl<'v> Decoder<'v> {
    pub(super) fn new(vocabulary: &'v Vocabulary) -> Self {
        Self { vocabulary, pending: Vec::new(), is_in_line: false }
    }

    /// Returns the text that `token` completes.
    ///
    /// # Panics
    ///
    /// If the vocabulary has no such token.
    #[must_use]
    pub fn push(&mut self, token: u32) -> String {
        match &*self.vocabulary.kind {
            Kind::Characters(characters) => characters.character(token).to_string(),
            Kind::Bytes => self.complete(&[super::byte(token)]),
            Kind::BytePairs(pairs) => self.complete(pairs.bytes(token)),
            Kind::Words(words) => {
                let is_end = token == words.end();
                let separator = if self.is_in_line && !is_end { " " } else { "" };
                self.is_in_line = !is_end;
                let word = if is_end { "\n" } else { words.word(token) };
                format!("{separator}{word}")
            }
        }
    }

    /// Returns what is left: U+FFFD if the last character is incomplete.
    #[must_use]
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }

    /// Returns the text up to the last complete character.
    fn complete(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut chunks = self.pending.utf8_chunks().peekable();
        let (mut text, mut left) = (String::new(), 0);
        while let Some(chunk) = chunks.next() {
            text += chunk.valid();
            let may_go_on = std::str::from_utf8(chunk.invalid())
                .is_err_and(|error| error.error_len().is_none());
            if chunks.peek().is_none() && may_go_on {
                left = chunk.invalid().len();
            } else if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.pending.drain(..self.pending.len() - left);
        text
    }
}
