//! Texts, and their division into a training and a validation part.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::memory;
use crate::vocabulary::Vocabulary;

/// One file's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where the text was read.
    pub path: PathBuf,
    /// The text, not empty.
    pub text: String,
}

impl Document {
    /// Reads one UTF-8 file. A byte-order mark at its beginning is removed, and `\r\n` becomes `\n`.
    ///
    /// # Errors
    ///
    /// The file is missing, a folder or a pipe, empty, not UTF-8, unreadable, or larger than memory.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let path = path.to_path_buf();
        let file = match fs::metadata(&path) {
            Ok(file) if file.is_dir() => return Err(Error::Folder { path }),
            Ok(file) if !file.is_file() => return Err(Error::NotAFile { path }),
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::MissingText { path });
            }
            Err(source) => return Err(Error::Read { path, source }),
        };
        memory::expect(memory::of_text(file.len()))?;
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(Error::Read { path, source }),
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => unix_text(text),
            Err(error) => {
                return Err(Error::NotUtf8 { path, offset: error.utf8_error().valid_up_to() });
            }
        };
        if text.is_empty() { Err(Error::EmptyText { path }) } else { Ok(Self { path, text }) }
    }
}

/// Returns the text without a byte-order mark, and without `\r` before the end of a line.
#[must_use]
pub fn unix_text(mut text: String) -> String {
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text }
}

/// Returns the repository that this program was built from.
#[must_use]
pub fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// Reads the `files` that the user names, in that order, or the text of the [`repository`] if there are none.
///
/// # Errors
///
/// As [`Document::read`], and if the repository is gone.
pub fn read_documents(files: &[PathBuf]) -> Result<Vec<Document>, Error> {
    if files.is_empty() {
        read_sources(repository())
    } else {
        files.iter().map(|path| Document::read(path)).collect()
    }
}

/// Reads every `.rs` and `.md` file under `root` that has text, sorted by path. Hidden folders and folders named
/// `target` are skipped, and symbolic links are not followed.
///
/// # Errors
///
/// If a file or folder cannot be read, or if nothing is found.
pub fn read_sources(root: &Path) -> Result<Vec<Document>, Error> {
    let nothing_found = || Error::NoRepository { root: root.to_path_buf() };
    if !root.is_dir() {
        return Err(nothing_found());
    }
    let mut paths = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        list_sources(&folder, &mut paths, &mut folders)
            .map_err(|source| Error::Read { path: folder, source })?;
    }
    paths.sort();

    let documents: Vec<Document> = paths
        .iter()
        .map(|path| Document::read(path))
        // An empty source file is not a mistake of the user's.
        .filter(|document| !matches!(document, Err(Error::EmptyText { .. })))
        .collect::<Result<_, _>>()?;
    if documents.is_empty() { Err(nothing_found()) } else { Ok(documents) }
}

/// Adds the source files directly in `folder` to `paths` and the folders to search to `folders`.
fn list_sources(
    folder: &Path,
    paths: &mut Vec<PathBuf>,
    folders: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        let name = entry.file_name();
        if kind.is_dir() && name != "target" && !name.as_encoded_bytes().starts_with(b".") {
            folders.push(path);
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "rs" || e == "md") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Text as tokens, divided into a training part and a validation part.
///
/// **The last tenth of every document is validation text**, and the rest is training text. Each part is joined in the
/// order of the documents. One file is split contiguously, as is usual. The last tenth of a whole source tree would be
/// a few files of the last folder. A tenth of each file instead has the same mixture as the training text. The language
/// model and the n-gram baseline get exactly the same parts.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// The characters of both parts.
    pub vocabulary: Vocabulary,
    /// The training part.
    pub train: Vec<u32>,
    /// The validation part.
    pub validation: Vec<u32>,
}

impl Corpus {
    /// Divides `documents`. The vocabulary is that of their whole text.
    ///
    /// The vocabulary includes the few characters that only the validation part has. A model cannot learn to predict
    /// them, and they take a little of its probability. A loss without these characters would flatter the model.
    #[must_use]
    pub fn new(documents: &[Document]) -> Self {
        let vocabulary =
            Vocabulary::of(documents.iter().flat_map(|document| document.text.chars()));
        Self::with_vocabulary(documents, vocabulary)
            .expect("a vocabulary has the characters that it was made of")
    }

    /// Divides `documents` as [`new`](Self::new) does, over the vocabulary of a trained model.
    ///
    /// # Errors
    ///
    /// A document has a character outside the vocabulary.
    pub fn with_vocabulary(documents: &[Document], vocabulary: Vocabulary) -> Result<Self, Error> {
        let lengths: Vec<_> = documents.iter().map(|it| it.text.chars().count()).collect();
        let predicted = |length: &usize| length / 10;
        let to_predict = lengths.iter().map(predicted).sum();
        let mut train = Vec::with_capacity(lengths.iter().sum::<usize>() - to_predict);
        let mut validation = Vec::with_capacity(to_predict);
        for (document, length) in documents.iter().zip(&lengths) {
            let mut tokens = vocabulary.tokens(&document.text);
            let mut push = |part: &mut Vec<u32>, count| {
                tokens.by_ref().take(count).try_for_each(|token| {
                    part.push(token?);
                    Ok(())
                })
            };
            push(&mut train, length - predicted(length))
                .and_then(|()| push(&mut validation, predicted(length)))
                .map_err(|source| Error::UnknownInText { path: document.path.clone(), source })?;
        }
        Ok(Self { vocabulary, train, validation })
    }

    /// Returns a hash of the vocabulary and both parts (FNV-1a over 64-bit words), the same on every machine. A resumed
    /// run compares it, because training on another text would silently be another run.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let lengths = [self.vocabulary.len(), self.train.len(), self.validation.len()];
        let tokens = self.train.iter().chain(&self.validation).map(|&token| u64::from(token));
        let numbers = lengths.iter().map(|&length| length as u64).chain(tokens);
        let characters = self.vocabulary.characters().iter().map(|&c| u64::from(c));
        characters
            .chain(numbers)
            .fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
    }
}

impl fmt::Display for Corpus {
    /// Writes the sizes of the corpus, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} characters to learn from, {} to predict, {} distinct",
            self.train.len(),
            self.validation.len(),
            self.vocabulary.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document { path: PathBuf::from("text"), text: text.to_owned() }
    }

    #[test]
    fn every_document_gives_its_last_tenth() {
        let corpus = Corpus::new(&[document("aaaaaaaaab"), document(&("c".repeat(18) + "éd"))]);
        assert_eq!(corpus.vocabulary.to_string(), "abcdé");
        let train = "a".repeat(9) + &"c".repeat(18);
        assert_eq!(corpus.vocabulary.decode(&corpus.train), train);
        assert_eq!(corpus.vocabulary.decode(&corpus.validation), "béd");
        assert_eq!(corpus.to_string(), "27 characters to learn from, 3 to predict, 5 distinct");
    }

    #[test]
    fn another_vocabulary_numbers_the_tokens() {
        let corpus = Corpus::with_vocabulary(&[document("ba")], Vocabulary::of("abc".chars()))
            .expect("known characters");
        assert_eq!((corpus.vocabulary.len(), corpus.train), (3, vec![1, 0]));
    }

    #[test]
    fn a_character_outside_the_vocabulary_is_named_with_its_file() {
        let error = Corpus::with_vocabulary(&[document("abx")], Vocabulary::of("ab".chars()))
            .expect_err("an unknown x");
        let message = error.to_string();
        assert!(message.starts_with("text: character number 3, 'x' (U+0078)"), "{message}");
    }

    #[test]
    fn the_fingerprint_sees_every_change() {
        let of = |texts: &[&str]| {
            let documents: Vec<_> = texts.iter().map(|text| document(text)).collect();
            Corpus::new(&documents).fingerprint()
        };
        let original = of(&["abcabcabcabc"]);
        assert_eq!(original, of(&["abcabcabcabc"]));
        assert_ne!(original, of(&["abcabcabcacb"]), "order");
        assert_ne!(original, of(&["abdabdabdabd"]), "characters of the same ranks");
        assert_ne!(original, of(&["abcabc", "abcabc"]), "division");
        // Computed independently: the next build must recognize a run that this one saved.
        assert_eq!(of(&["ab"]), 0xf4b1_fe0f_6788_7b0d);
    }
}
