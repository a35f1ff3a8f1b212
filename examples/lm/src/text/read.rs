//! Reading in blocks, so that a text may be larger than memory.
//!
//! Texts are read by plain reads, and not mapped. The user may change or shorten a text at any time. A read then
//! returns an error, but an access to a map ends the process by SIGBUS.

use std::borrow::Cow;
use std::io::{self, Read};

use super::error::TextError;
use super::segments::{LONGEST, segments_within};
use super::sources::Span;

/// The bytes of a span, in blocks of equal size but the last.
pub(super) struct Blocks<'a> {
    span: &'a Span,
    /// Opened by the first block.
    reader: Option<Box<dyn Read + Send + 'a>>,
    /// The offset of the next block in the file.
    offset: u64,
    size: usize,
}

impl<'a> Blocks<'a> {
    /// # Panics
    ///
    /// If `size` is zero.
    pub(super) fn new(span: &'a Span, size: usize) -> Self {
        assert!(size > 0, "blocks of no bytes");
        Self { span, reader: None, offset: span.range.start, size }
    }

    fn read(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            unopened => unopened.insert(self.span.source.open(self.offset)?),
        };
        let mut block = vec![0; size];
        reader.read_exact(&mut block)?;
        Ok(block)
    }

    fn block(&mut self) -> Result<Vec<u8>, TextError> {
        let source = &self.span.source;
        let left = self.span.range.end - self.offset;
        let size = usize::try_from(left).map_or(self.size, |left| left.min(self.size));
        let block = match self.read(size) {
            Ok(block) => block,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(TextError::Changed { path: source.name.clone() });
            }
            Err(error) => return Err(TextError::Read { path: source.name.clone(), source: error }),
        };
        self.offset += size as u64;
        if self.offset == self.span.range.end {
            source.expect_unchanged()?;
        }
        Ok(block)
    }
}

impl Iterator for Blocks<'_> {
    type Item = Result<Vec<u8>, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.offset < self.span.range.end).then(|| self.block())
    }
}

/// The UTF-8 text of a span, in pieces that end between characters. A byte-order mark at the beginning of the file is
/// removed, and `\r\n` becomes `\n`. A piece may be empty.
pub(super) struct Pieces<'a> {
    blocks: Blocks<'a>,
    /// Bytes of an incomplete character, or a `\r`, at the end of the last block.
    pending: Vec<u8>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(span: &'a Span, size: usize) -> Self {
        Self { blocks: Blocks::new(span, size), pending: Vec::new() }
    }

    fn piece(&mut self, block: &[u8]) -> Result<String, TextError> {
        let span = self.blocks.span;
        let is_last = self.blocks.offset == span.range.end;
        let offset = self.blocks.offset - (self.pending.len() + block.len()) as u64;
        let mut bytes = std::mem::take(&mut self.pending);
        bytes.extend_from_slice(block);
        let complete = match std::str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            Err(error) if error.error_len().is_none() && !is_last => error.valid_up_to(),
            Err(error) => {
                return Err(TextError::NotUtf8 {
                    path: span.source.name.clone(),
                    offset: offset + error.valid_up_to() as u64,
                });
            }
        };
        let ends_in_return = bytes[..complete].ends_with(b"\r");
        self.pending = bytes.split_off(complete - usize::from(ends_in_return && !is_last));
        let mut text = String::from_utf8(bytes).expect("checked above");
        if offset == 0 && text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Ok(match unix_lines(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(text) => text,
        })
    }
}

impl Iterator for Pieces<'_> {
    type Item = Result<String, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.blocks.next()?;
        Some(block.and_then(|block| self.piece(&block)))
    }
}

/// The [segments](super::segments::segments) of a span.
pub(super) struct Segments<'a> {
    pieces: Pieces<'a>,
    /// What was read of the next segments.
    text: String,
    /// Where the next segment begins in `text`.
    start: usize,
    longest: usize,
}

impl<'a> Segments<'a> {
    pub(super) fn new(span: &'a Span, block: usize) -> Self {
        Self::within(span, block, LONGEST)
    }

    pub(super) fn within(span: &'a Span, block: usize, longest: usize) -> Self {
        Self { pieces: Pieces::new(span, block), text: String::new(), start: 0, longest }
    }
}

impl Iterator for Segments<'_> {
    type Item = Result<String, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.text.len() - self.start <= self.longest {
            match self.pieces.next() {
                Some(Ok(piece)) => {
                    self.text.drain(..std::mem::take(&mut self.start));
                    self.text += &piece;
                }
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        let segment = segments_within(&self.text[self.start..], self.longest).next()?.to_owned();
        self.start += segment.len();
        Some(Ok(segment))
    }
}

/// Returns the text without `\r` before the end of a line.
fn unix_lines(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text.into() }
}
