//! The texts of each part: whole files, or ranges of them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bptt::tasks::languages::Language;
use programs::terminal::memory::{self, Bytes};

use super::error::TextError;
use super::read::Blocks;
use super::settings::{TextSettings, Units};

/// A text: a regular file, or a text in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The path as the user gave it, or what the text is.
    pub(super) name: PathBuf,
    /// The length in bytes when the source was found, not zero.
    pub(super) length: u64,
    data: Data,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Data {
    /// A file, and when it was modified.
    File(Option<SystemTime>),
    Memory(Arc<[u8]>),
}

/// A range of a source, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) source: Source,
    pub(super) range: Range<u64>,
}

/// The texts of the three parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    pub(super) train: Vec<Span>,
    pub(super) validation: Vec<Span>,
    pub(super) test: Vec<Span>,
}

impl Source {
    pub(super) fn find(path: &Path) -> Result<Self, TextError> {
        let path = path.to_path_buf();
        match fs::metadata(&path) {
            Ok(file) if file.is_dir() => Err(TextError::Folder { path }),
            Ok(file) if !file.is_file() => Err(TextError::NotAFile { path }),
            Ok(file) if file.len() == 0 => Err(TextError::Empty { path }),
            Ok(file) => {
                let data = Data::File(file.modified().ok());
                Ok(Self { name: path, length: file.len(), data })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(TextError::Missing { path })
            }
            Err(source) => Err(TextError::Read { path, source }),
        }
    }

    /// Returns the text of a language.
    fn generated(language: &Language, seed: u64, symbols: usize) -> Self {
        let text = language.generate(seed, symbols);
        Self {
            name: format!("{language}, seed {seed}, {symbols} symbols").into(),
            length: text.len() as u64,
            data: Data::Memory(text.into_bytes().into()),
        }
    }

    /// Returns a reader that begins at `offset`.
    pub(super) fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(match &self.data {
            Data::File(_) => {
                let mut file = File::open(&self.name)?;
                file.seek(SeekFrom::Start(offset))?;
                Box::new(file)
            }
            Data::Memory(bytes) => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                Box::new(bytes.get(offset..).unwrap_or_default())
            }
        })
    }

    /// Refuses a file that was changed since it was found.
    pub(super) fn expect_unchanged(&self) -> Result<(), TextError> {
        match &self.data {
            Data::Memory(_) => Ok(()),
            Data::File(_) if Self::find(&self.name).is_ok_and(|now| now == *self) => Ok(()),
            Data::File(_) => Err(TextError::Changed { path: self.name.clone() }),
        }
    }

    /// Returns a text that differs if the source has changed.
    pub(super) fn identity(&self) -> String {
        let path = fs::canonicalize(&self.name).unwrap_or_else(|_| self.name.clone());
        let modified = match &self.data {
            Data::File(Some(time)) => time.duration_since(SystemTime::UNIX_EPOCH).ok(),
            _ => None,
        };
        let nanoseconds = modified.map_or(0, |time| time.as_nanos());
        format!("{:?} {} {nanoseconds}", path, self.length)
    }

    fn whole(self) -> Span {
        Span { range: 0..self.length, source: self }
    }

    /// Splits the file at the ends of its training and validation shares.
    fn split(self, settings: &TextSettings) -> Result<[Span; 3], TextError> {
        let judged = share(self.length, settings.validation_share + settings.test_share);
        let tested = share(self.length, settings.test_share);
        let first = self.border(self.length - judged, settings.units)?;
        let second = self.border(self.length - tested, settings.units)?;
        Ok([0..first, first..second, second..self.length]
            .map(|range| Span { source: self.clone(), range }))
    }

    /// Returns the last border of units that is not behind `position`.
    fn border(&self, position: u64, units: Units) -> Result<u64, TextError> {
        if units == Units::Bytes || position == 0 || position >= self.length {
            return Ok(position);
        }
        let start = position.saturating_sub(BEFORE_BORDER);
        let around = Span { source: self.clone(), range: start..position + 1 };
        let around = Blocks::new(&around, BEFORE_BORDER as usize + 1).next();
        Ok(start + border(&around.unwrap_or(Ok(Vec::new()))?, units) as u64)
    }
}

/// The bytes before a wanted border in which a border is searched.
const BEFORE_BORDER: u64 = 1 << 16;

/// Returns the last position in `around` where the text can be cut: for words and byte pairs the beginning of a line,
/// or else of a word, and for characters any that is not inside a character or `\r\n`.
fn border(around: &[u8], units: Units) -> usize {
    let Some(last) = around.len().checked_sub(1) else { return 0 };
    let behind = |is_wanted: fn(&u8) -> bool| {
        let wanted = around[..last].iter().rposition(is_wanted);
        wanted.map(|position| position + 1).filter(|_| units != Units::Characters)
    };
    let is_between = |&position: &usize| match around[position] {
        b'\n' => position == 0 || around[position - 1] != b'\r',
        byte => byte & 0xc0 != 0x80,
    };
    behind(|&byte| byte == b'\n')
        .or_else(|| behind(|&byte| byte.is_ascii_whitespace() && byte != b'\r'))
        .or_else(|| (0..=last).rev().find(is_between))
        .unwrap_or(last)
}

/// Returns the share of `length`, rounded down.
fn share(length: u64, share: f64) -> u64 {
    ((length as f64 * share) as u64).min(length)
}

impl Span {
    pub(super) fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl Sources {
    /// Returns the spans of all parts.
    pub(super) fn spans(&self) -> impl Iterator<Item = &Span> {
        [&self.train, &self.validation, &self.test].into_iter().flatten()
    }

    /// Returns a text that differs if a source or a part has changed.
    pub(super) fn identity(&self) -> String {
        let part = |spans: &[Span]| {
            let spans =
                spans.iter().map(|span| format!("{:?} {}", span.range, span.source.identity()));
            spans.collect::<Vec<_>>().join("\n")
        };
        [&self.train, &self.validation, &self.test].map(|spans| part(spans)).join("\n\n")
    }

    pub(super) fn find(settings: &TextSettings) -> Result<Self, TextError> {
        settings.check()?;
        if let Some(language) = &settings.language {
            let sizes =
                [settings.train_symbols, settings.validation_symbols, settings.test_symbols];
            // each symbol is there as text, for a while twice, and as a token
            let needed = Bytes(4.0 * sizes.iter().map(|&size| size as f64).sum::<f64>());
            memory::expect(needed).map_err(TextError::TooManySymbols)?;
            let mut seed = settings.language_seed;
            let [train, validation, test] = sizes.map(|symbols| {
                let source = (symbols > 0).then(|| Source::generated(language, seed, symbols));
                seed = seed.wrapping_add(1);
                source.map(Source::whole).into_iter().collect()
            });
            return Ok(Self { train, validation, test });
        }
        let whole = |path: &Option<PathBuf>| {
            path.iter()
                .map(|path| Ok(Source::find(path)?.whole()))
                .collect::<Result<_, TextError>>()
        };
        if settings.train.is_some() || settings.validation.is_some() || settings.test.is_some() {
            return Ok(Self {
                train: whole(&settings.train)?,
                validation: whole(&settings.validation)?,
                test: whole(&settings.test)?,
            });
        }
        let mut parts = Self::default();
        for path in settings.files()? {
            let [train, validation, test] = Source::find(&path)?.split(settings)?;
            parts.train.push(train);
            parts.validation.push(validation);
            parts.test.push(test);
        }
        for part in [&mut parts.train, &mut parts.validation, &mut parts.test] {
            part.retain(|span| !span.range.is_empty());
        }
        Ok(parts)
    }
}

/// Returns the repository that this program was built from.
#[must_use]
pub fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// Returns every `.rs` and `.md` file under `root` that has text, sorted by path. Hidden folders, folders named `target`
/// and those of runs are skipped, and symbolic links are not followed.
pub(super) fn program_files(root: &Path) -> Result<Vec<PathBuf>, TextError> {
    let nothing_found = || TextError::NoRepository { root: root.to_path_buf() };
    if !root.is_dir() {
        return Err(nothing_found());
    }
    let mut paths = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        list_sources(&folder, &mut paths, &mut folders)
            .map_err(|source| TextError::Read { path: folder, source })?;
    }
    // An empty source file is not a mistake of the user's.
    paths.retain(|path| !matches!(Source::find(path), Err(TextError::Empty { .. })));
    paths.sort();
    if paths.is_empty() { Err(nothing_found()) } else { Ok(paths) }
}

/// Adds the source files directly in `folder` to `paths`, and the folders to search to `folders`.
fn list_sources(
    folder: &Path,
    paths: &mut Vec<PathBuf>,
    folders: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        let name = entry.file_name();
        if kind.is_dir() {
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            let is_run = path.join("model.lock").exists(); // which may hold the source of its cell
            if !(is_hidden || is_run || name == "target") {
                folders.push(path);
            }
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "rs" || e == "md") {
            paths.push(path);
        }
    }
    Ok(())
}
