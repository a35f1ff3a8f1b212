//! A corpus: a vocabulary, and the tokens of the training, validation and test parts.

use std::fmt;
use std::path::Path;

use super::error::TextError;
use super::read::{Blocks, Pieces};
use super::settings::{TextSettings, Units};
use super::sources::{Sources, Span};
use super::tokens::{Tokens, Width};
use super::vocabulary::Vocabulary;

/// Text as tokens, divided into parts.
///
/// Without files for the parts, **the last tenth of every file is validation text**, or what the settings say. Each part
/// is joined in the order of the files. The last tenth of a whole source tree would be a few files of the last folder; a
/// tenth of each file has the same mixture as the training text.
#[derive(Clone, Debug)]
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

/// The bytes read at a time.
const BLOCK: usize = 1 << 20;

impl Corpus {
    /// Reads the text of `settings` and makes its vocabulary. Texts too large for memory are encoded to files in the
    /// folder `store`, which is created when needed.
    ///
    /// # Errors
    ///
    /// A text that cannot be read or used, or settings that contradict each other.
    pub fn open(settings: &TextSettings, store: &Path) -> Result<Self, TextError> {
        let sources = Sources::find(settings)?;
        if sources.train.is_empty() {
            return Err(TextError::NoTrainingText);
        }
        let vocabulary = match settings.units {
            Units::Characters => characters_of(&sources, BLOCK)?,
            Units::Bytes => Vocabulary::bytes(),
        };
        Self::read(&sources, vocabulary, store)
    }

    /// Reads the text of `settings` with the vocabulary of a trained model.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), and a character that is not in the vocabulary.
    pub fn open_with(
        settings: &TextSettings,
        vocabulary: Vocabulary,
        store: &Path,
    ) -> Result<Self, TextError> {
        let settings = TextSettings { units: vocabulary.units(), ..settings.clone() };
        Self::read(&Sources::find(&settings)?, vocabulary, store)
    }

    fn read(sources: &Sources, vocabulary: Vocabulary, _store: &Path) -> Result<Self, TextError> {
        let part = |spans: &[Span]| Part::encode(spans, &vocabulary, BLOCK);
        let test = if sources.test.is_empty() { None } else { Some(part(&sources.test)?) };
        let (train, validation) = (part(&sources.train)?, part(&sources.validation)?);
        Ok(Self { vocabulary, train, validation, test })
    }

    /// Returns a hash of the vocabulary and the tokens of all parts, the same on every machine. A resumed run compares
    /// it, because training on another text would silently be another run.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let parts = [Some(&self.train), Some(&self.validation), self.test.as_ref()];
        let tokens = parts.into_iter().flatten().flat_map(|part| {
            let length = part.tokens.len();
            std::iter::once(length as u64).chain(part.tokens.iter(0..length).map(u64::from))
        });
        let vocabulary = self.vocabulary.to_string();
        let vocabulary = vocabulary.bytes().map(u64::from);
        vocabulary
            .chain(tokens)
            .fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
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

/// Returns the vocabulary of the characters in all parts.
///
/// It includes the few characters that only the validation or test part has. A model cannot learn to predict them, and
/// they take a little of its probability. A loss without these characters would flatter the model.
fn characters_of(sources: &Sources, block: usize) -> Result<Vocabulary, TextError> {
    let mut occurs = vec![false; char::MAX as usize + 1];
    for span in [&sources.train, &sources.validation, &sources.test].into_iter().flatten() {
        for piece in Pieces::new(span, block) {
            piece?.chars().for_each(|character| occurs[character as usize] = true);
        }
    }
    let all = '\0'..=char::MAX;
    Ok(Vocabulary::characters(all.filter(|&character| occurs[character as usize]))?)
}

impl Part {
    fn encode(spans: &[Span], vocabulary: &Vocabulary, block: usize) -> Result<Self, TextError> {
        let width = Width::of(vocabulary.len());
        let (mut bytes, mut tokens, mut counts) = (Vec::new(), Vec::new(), Counts::default());
        for span in spans {
            if vocabulary.units() == Units::Bytes {
                for block in Blocks::new(span, block) {
                    let block = block?;
                    counts.add_bytes(&block);
                    bytes.extend_from_slice(&block);
                }
            } else {
                for piece in Pieces::new(span, block) {
                    let piece = piece?;
                    counts.add(&piece);
                    tokens.clear();
                    vocabulary
                        .encode_into(&piece, &mut tokens)
                        .map_err(|unknown| locate(span, unknown.character, unknown.known))?;
                    width.write(&tokens, &mut bytes);
                }
            }
            counts.end();
        }
        let tokens = Tokens::in_memory(bytes, width);
        Ok(Self { tokens, characters: counts.characters, words: counts.words })
    }
}

/// Returns the error of an unknown character at its first place in a span.
fn locate(span: &Span, character: char, known: usize) -> TextError {
    let (mut line, mut column) = (1, 1);
    let before = Span { range: 0..span.range.start, ..span.clone() };
    for (span, is_before) in [(&before, true), (span, false)] {
        for piece in Pieces::new(span, BLOCK) {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return error,
            };
            for found in piece.chars() {
                if found == character && !is_before {
                    let path = span.source.path.clone();
                    return TextError::UnknownCharacter { path, line, column, character, known };
                }
                (line, column) = if found == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
        }
    }
    TextError::Changed { path: span.source.path.clone() }
}

/// Counts the characters and words of a text that comes in pieces.
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
            self.word(character.is_whitespace(), character == '\n');
        }
    }

    fn add_bytes(&mut self, block: &[u8]) {
        for &byte in block {
            self.characters += u64::from(byte & 0xc0 != 0x80);
            self.word(byte.is_ascii_whitespace(), byte == b'\n');
        }
    }

    fn word(&mut self, is_space: bool, is_newline: bool) {
        self.words += u64::from(!is_space && !self.is_in_word) + u64::from(is_newline);
        self.is_in_word = !is_space;
        self.is_in_line = !is_newline;
    }

    /// Ends the last line, if the text does not.
    fn end(&mut self) {
        self.words += u64::from(self.is_in_line);
        (self.is_in_word, self.is_in_line) = (false, false);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    fn settings(folder: &TempDir, texts: &[&str]) -> TextSettings {
        let write = |(index, text): (usize, &&str)| -> PathBuf {
            let path = folder.path().join(format!("{index}.txt"));
            fs::write(&path, text).expect("writable");
            path
        };
        let text = texts.iter().enumerate().map(write).collect();
        TextSettings { text, ..TextSettings::default() }
    }

    fn open(texts: &[&str]) -> Corpus {
        let folder = TempDir::new().expect("a folder");
        Corpus::open(&settings(&folder, texts), folder.path()).expect("a corpus")
    }

    #[test]
    fn every_file_gives_its_last_tenth() {
        let corpus = open(&["aaaaaaaaab", &("c".repeat(18) + "éd")]);
        let decoded = |part: &Part| corpus.vocabulary.decode(&part.tokens.to_vec());
        assert_eq!(corpus.vocabulary.to_string(), "characters\nabcdé");
        assert_eq!(decoded(&corpus.train), "a".repeat(9) + &"c".repeat(18));
        assert_eq!(decoded(&corpus.validation), "béd");
        assert_eq!(corpus.to_string(), "27 tokens to learn from, 3 to validate, 5 distinct");
    }

    #[test]
    fn an_unknown_character_is_named_with_its_place() {
        let folder = TempDir::new().expect("a folder");
        let settings = settings(&folder, &["abab\nab\u{e9}bab"]);
        let vocabulary = Vocabulary::characters("ab\n".chars()).expect("characters");
        let error = Corpus::open_with(&settings, vocabulary, folder.path()).expect_err("é");
        let file = settings.text[0].display();
        assert!(
            error.to_string().starts_with(&format!(
                "{file}:2:3: 'é' (U+00E9) is not among the 3 characters that the model knows"
            )),
            "{error}"
        );
    }

    #[test]
    fn the_fingerprint_sees_every_change() {
        let of = |texts: &[&str]| open(texts).fingerprint();
        let original = of(&["abcabcabcabc"]);
        assert_eq!(original, of(&["abcabcabcabc"]));
        assert_ne!(original, of(&["abcabcabcacb"]), "order");
        assert_ne!(original, of(&["abdabdabdabd"]), "characters of the same ranks");
        assert_ne!(original, of(&["abcabcabcabcabc"]), "length");
    }
}
