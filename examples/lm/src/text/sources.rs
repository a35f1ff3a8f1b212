//! The texts of each part: whole files, or ranges of them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::TextError;
use super::settings::{TextSettings, Units};

/// A regular file that has text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The length in bytes when the source was found, not zero.
    pub(super) length: u64,
    pub(super) modified: Option<SystemTime>,
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
            Ok(file) => Ok(Self { path, length: file.len(), modified: file.modified().ok() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(TextError::Missing { path })
            }
            Err(source) => Err(TextError::Read { path, source }),
        }
    }

    /// Refuses a file that was changed since it was found.
    pub(super) fn expect_unchanged(&self) -> Result<(), TextError> {
        if Self::find(&self.path).is_ok_and(|now| now == *self) {
            Ok(())
        } else {
            Err(TextError::Changed { path: self.path.clone() })
        }
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
        let around = self.read(start..position + 1)?;
        Ok(start + characters_border(&around) as u64)
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, TextError> {
        let read = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            file.take(range.end - range.start).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|source| TextError::Read { path: self.path.clone(), source })?;
        if bytes.len() as u64 == range.end - range.start {
            Ok(bytes)
        } else {
            Err(TextError::Changed { path: self.path.clone() })
        }
    }
}

/// The bytes before a wanted border in which a border is searched.
const BEFORE_BORDER: u64 = 1 << 16;

/// Returns the last position in `around` that is not inside a character or `\r\n`.
fn characters_border(around: &[u8]) -> usize {
    let is_border = |&position: &usize| match around[position] {
        b'\n' => position == 0 || around[position - 1] != b'\r',
        byte => byte & 0xc0 != 0x80,
    };
    (0..around.len()).rev().find(is_border).unwrap_or(around.len() - 1)
}

/// Returns the share of `length`, rounded down.
fn share(length: u64, share: f64) -> u64 {
    ((length as f64 * share) as u64).min(length)
}

impl Sources {
    pub(super) fn find(settings: &TextSettings) -> Result<Self, TextError> {
        settings.check()?;
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
        let sources = if settings.text.is_empty() {
            program_sources(repository())?
        } else {
            settings.text.iter().map(|path| Source::find(path)).collect::<Result<_, _>>()?
        };
        let mut parts = Self::default();
        for source in sources {
            let [train, validation, test] = source.split(settings)?;
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
fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// Finds every `.rs` and `.md` file under `root` that has text, sorted by path. Hidden folders and folders named
/// `target` are skipped, and symbolic links are not followed.
fn program_sources(root: &Path) -> Result<Vec<Source>, TextError> {
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
    paths.sort();
    let sources: Vec<Source> = paths
        .iter()
        .map(|path| Source::find(path))
        // An empty source file is not a mistake of the user's.
        .filter(|source| !matches!(source, Err(TextError::Empty { .. })))
        .collect::<Result<_, _>>()?;
    if sources.is_empty() { Err(nothing_found()) } else { Ok(sources) }
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
        if kind.is_dir() && name != "target" && !name.as_encoded_bytes().starts_with(b".") {
            folders.push(path);
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "rs" || e == "md") {
            paths.push(path);
        }
    }
    Ok(())
}
