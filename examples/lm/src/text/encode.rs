//! Encoding of spans, a block at a time.

use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use super::error::TextError;
use super::read::{Blocks, Pieces, Segments};
use super::settings::Units;
use super::sources::Span;
use super::tokens::Width;
use super::vocabulary::Vocabulary;

/// The sizes of an encoded part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sizes {
    pub(super) tokens: u64,
    pub(super) characters: u64,
    pub(super) words: u64,
    /// The [`checksum`](super::tokens::checksum) of the tokens' bytes.
    pub(super) checksum: u64,
}

/// Encodes the texts of a part one after another, and gives the bytes of their tokens to `write`.
pub(super) fn encode(
    spans: &[Span],
    vocabulary: &Vocabulary,
    block: usize,
    mut write: impl FnMut(&[u8]) -> Result<(), TextError>,
) -> Result<Sizes, TextError> {
    let width = Width::of(vocabulary.len());
    let (mut sizes, mut hash) = (Sizes::default(), XxHash64::with_seed(0));
    let (mut counts, mut bytes) = (Counts::default(), Vec::new());
    let mut flush = |tokens: &mut Vec<u32>| {
        bytes.clear();
        width.write(tokens, &mut bytes);
        sizes.tokens += tokens.len() as u64;
        tokens.clear();
        hash.write(&bytes);
        write(&bytes)
    };
    let mut tokens = Vec::new();
    for span in spans {
        let mut encode = |text: &str| {
            counts.add(text);
            let unknown = vocabulary.encode_segment(text, &mut tokens);
            unknown.map_err(|unknown| locate(span, unknown.character, unknown.known, block))?;
            flush(&mut tokens)
        };
        match vocabulary.units() {
            Units::Bytes => {
                for block in Blocks::new(span, block) {
                    let block = block?;
                    counts.add_bytes(&block);
                    tokens.extend(block.iter().map(|&byte| u32::from(byte)));
                    flush(&mut tokens)?;
                }
            }
            Units::Characters => Pieces::new(span, block).try_for_each(|piece| encode(&piece?))?,
            Units::Words | Units::BytePairs => {
                Segments::new(span, block).try_for_each(|segment| encode(&segment?))?;
            }
        }
        if counts.end_span(span) {
            tokens.extend(vocabulary.end_of_line());
            flush(&mut tokens)?;
        }
    }
    let (characters, words) = (counts.characters, counts.words);
    Ok(Sizes { characters, words, checksum: hash.finish(), ..sizes })
}

/// Returns the error of an unknown character at its first place in a span.
fn locate(span: &Span, character: char, known: usize, block: usize) -> TextError {
    let (mut line, mut column) = (1, 1);
    let before = Span { range: 0..span.range.start, ..span.clone() };
    for (span, is_before) in [(&before, true), (span, false)] {
        for piece in Pieces::new(span, block) {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return error,
            };
            for found in piece.chars() {
                if found == character && !is_before {
                    let path = span.source.name.clone();
                    return TextError::UnknownCharacter { path, line, column, character, known };
                }
                (line, column) = if found == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
        }
    }
    TextError::Changed { path: span.source.name.clone() }
}

/// Counts the characters and words of texts that come in pieces.
#[derive(Debug, Default)]
struct Counts {
    characters: u64,
    words: u64,
    is_in_word: bool,
    is_in_line: bool,
}

impl Counts {
    fn add(&mut self, piece: &str) {
        for character in piece.chars() {
            self.characters += 1;
            self.advance(character.is_whitespace(), character == '\n');
        }
    }

    /// Counts in bytes that need not be UTF-8: a character for each byte that does not continue one, and only ASCII
    /// white space.
    fn add_bytes(&mut self, block: &[u8]) {
        for &byte in block {
            self.characters += u64::from(byte & 0xc0 != 0x80);
            self.advance(byte.is_ascii_whitespace() || byte == 0x0b, byte == b'\n');
        }
    }

    fn advance(&mut self, is_space: bool, is_newline: bool) {
        self.words += u64::from(!is_space && !self.is_in_word) + u64::from(is_newline);
        self.is_in_word = !is_space;
        self.is_in_line = !is_newline;
    }

    /// Ends a span, and returns whether the end of its source ended a line that no `\n` ends.
    fn end_span(&mut self, span: &Span) -> bool {
        let ends_line = self.is_in_line && span.range.end == span.source.length;
        self.words += u64::from(ends_line);
        (self.is_in_word, self.is_in_line) = (false, false);
        ends_line
    }
}
