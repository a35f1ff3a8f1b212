//! The vocabulary of a text.

use std::fs;
use std::path::Path;

use super::error::TextError;
use super::read::{Pieces, Segments};
use super::settings::{TextSettings, Units};
use super::sources::{Source, Sources, Span};
use super::vocabulary::{Vocabulary, WordCounts};

/// Makes the vocabulary of the training part by the settings.
///
/// A vocabulary of characters also has the few that occur only in another part. A model cannot learn to predict them,
/// and they take a little of its probability. A loss without these characters would flatter the model.
pub(super) fn make(
    settings: &TextSettings,
    sources: &Sources,
    block: usize,
) -> Result<Vocabulary, TextError> {
    match (settings.units, &settings.tokenizer) {
        (Units::Bytes, _) => Ok(Vocabulary::bytes()),
        (Units::Characters, _) => characters(sources, block),
        (Units::Words, _) => words(settings, &sources.train, block),
        (Units::BytePairs, Some(path)) => tokenizer(path),
        (Units::BytePairs, None) => byte_pairs(settings, &sources.train, block),
    }
}

fn characters(sources: &Sources, block: usize) -> Result<Vocabulary, TextError> {
    let mut occurs = Vec::new(); // up to the largest code point that does
    for piece in sources.spans().flat_map(|span| Pieces::new(span, block)) {
        for code in piece?.chars().map(|character| character as usize) {
            if code >= occurs.len() {
                occurs.resize(code + 1, false);
            }
            occurs[code] = true;
        }
    }
    let codes = (0..).zip(occurs).filter_map(|(code, occurs)| occurs.then_some(code));
    Ok(Vocabulary::characters(codes.filter_map(char::from_u32))?)
}

fn words(settings: &TextSettings, spans: &[Span], block: usize) -> Result<Vocabulary, TextError> {
    let mut counts = WordCounts::default();
    for span in spans {
        let mut ends_line = true;
        for segment in Segments::new(span, block) {
            let segment = segment?;
            counts.add(&segment);
            ends_line = segment.ends_with('\n');
        }
        if !ends_line && span.range.end == span.source.length {
            counts.end_line();
        }
    }
    Ok(Vocabulary::words(counts, settings.min_count, settings.vocabulary_size))
}

fn byte_pairs(
    settings: &TextSettings,
    spans: &[Span],
    block: usize,
) -> Result<Vocabulary, TextError> {
    let mut failure = None;
    let mut segments = spans.iter().flat_map(|span| Segments::new(span, block));
    let segments = std::iter::from_fn(|| match segments.next()? {
        Ok(segment) => Some(segment),
        Err(error) => {
            failure = Some(error);
            None
        }
    });
    let vocabulary = Vocabulary::byte_pairs(segments, settings.byte_pairs_size());
    failure.map_or(Ok(()), Err)?;
    Ok(vocabulary?)
}

fn tokenizer(path: &Path) -> Result<Vocabulary, TextError> {
    Source::find(path)?;
    let text = fs::read_to_string(path)
        .map_err(|source| TextError::Read { path: path.to_path_buf(), source })?;
    Vocabulary::tokenizer(&text)
        .map_err(|source| TextError::Tokenizer { path: path.to_path_buf(), source })
}
