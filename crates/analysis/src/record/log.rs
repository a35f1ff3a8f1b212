//! A log: appended to, read, and cut back to a checkpoint.

use std::fs;
use std::marker::PhantomData;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::RecordError;
use super::files::Appended;
use super::tensorboard::{self, Summary};

/// An entry of a [`Log`]: a line of JSON, with numbers for TensorBoard.
pub trait Entry: Serialize + DeserializeOwned {
    /// Returns the time in seconds since 1970, for the entry that begins a log. Other entries have none.
    fn started(&self) -> Option<f64>;

    /// Returns the number of updates made before the entry.
    fn step(&self) -> u64;

    /// Returns the time since the start of the run, for entries that have one.
    fn seconds(&self) -> Option<f64>;

    /// Returns what TensorBoard shows of the entry.
    fn summary(&self) -> Summary;
}

/// The log of a run that trains: a file of JSON lines, and the same numbers in an event file of TensorBoard.
///
/// Each entry is written at once, so a killed program loses none. A checkpoint counts the entries before it, and a
/// resumed run cuts off the others. Except for clocks, its log is then that of a run that was never stopped.
#[derive(Debug)]
pub struct Log<E> {
    lines: Appended,
    summaries: Appended,
    entries: usize,
    /// The time of the start, in seconds since 1970.
    started: f64,
    seconds: f64,
    _entry: PhantomData<fn(E)>,
}

impl<E: Entry> Log<E> {
    /// Creates an empty log, in a file of lines and one of summaries. TensorBoard finds files whose names contain
    /// `tfevents`. The first entry is to be one that [starts](Entry::started) a run.
    ///
    /// # Errors
    ///
    /// If the files cannot be written.
    pub fn create(lines: &Path, summaries: &Path) -> Result<Self, RecordError> {
        Self::with(lines, 0, summaries, &[])
    }

    /// Opens a log and cuts off all but its first `entries`.
    ///
    /// # Errors
    ///
    /// If the files cannot be read or written, or if the log has fewer entries or a damaged line among them. It then
    /// stays as it was.
    pub fn resume(lines: &Path, summaries: &Path, entries: usize) -> Result<Self, RecordError> {
        let text = read_bytes(lines)?;
        let kept = entries_of(&text, lines).take(entries).collect::<Result<Vec<_>, _>>()?;
        if kept.len() < entries {
            let (path, found) = (lines.to_path_buf(), kept.len());
            return Err(RecordError::Short { path, found, expected: entries });
        }
        let length = kept.last().map_or(0, |&(_, end)| end);
        let kept = begun(kept.into_iter().map(|(entry, _)| entry).collect(), lines)?;
        Self::with(lines, length, summaries, &kept)
    }

    /// Opens the files. The first `length` bytes of the lines are these entries. The summaries are written anew, with
    /// the same bytes as before: a viewer that reads them meanwhile sees no difference.
    fn with(
        lines: &Path,
        length: usize,
        summaries: &Path,
        kept: &[E],
    ) -> Result<Self, RecordError> {
        let mut log = Self {
            lines: Appended::open(lines, length)?,
            summaries: Appended::open(summaries, 0)?,
            entries: 0,
            started: 0.0,
            seconds: 0.0,
            _entry: PhantomData,
        };
        let records: Vec<u8> = kept.iter().flat_map(|entry| log.count(entry)).collect();
        log.summaries.append(&records)?;
        log.sync()?;
        Ok(log)
    }

    /// Counts an entry, and returns its record for TensorBoard.
    fn count(&mut self, entry: &E) -> Vec<u8> {
        self.entries += 1;
        if let Some(started) = entry.started() {
            self.started = started;
            return tensorboard::first_record(started);
        }
        self.seconds = entry.seconds().unwrap_or(self.seconds);
        tensorboard::record(self.started + self.seconds, entry.step(), &entry.summary())
    }

    /// Writes an entry.
    ///
    /// # Errors
    ///
    /// If a file cannot be written. What was written before then stays as it is.
    pub fn append(&mut self, entry: &E) -> Result<(), RecordError> {
        let mut line = serde_json::to_string(entry).expect("an entry is a JSON object");
        line.push('\n');
        self.lines.append(line.as_bytes())?;
        let record = self.count(entry);
        self.summaries.append(&record)
    }

    /// Stores safely what was written.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn sync(&self) -> Result<(), RecordError> {
        self.lines.sync()?;
        self.summaries.sync()
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Returns the time from the start of the run to the last entry, from which the clock of a resumed run goes on.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds
    }
}

/// Reads the entries of a log. A last line that was cut off by a kill is left out.
///
/// # Errors
///
/// If the file cannot be read, does not begin with the [start](Entry::started) of a run, or has a line that is no
/// entry.
pub fn read_log<E: Entry>(path: &Path) -> Result<Vec<E>, RecordError> {
    parse_log(&read_bytes(path)?, path)
}

/// Returns the entries of a log with these bytes, as [`read_log`] does. The path is for errors.
///
/// # Errors
///
/// As [`read_log`].
pub fn parse_log<E: Entry>(text: &[u8], path: &Path) -> Result<Vec<E>, RecordError> {
    let entries = entries_of(text, path).map(|line| line.map(|(entry, _)| entry));
    begun(entries.collect::<Result<_, _>>()?, path)
}

/// Returns each entry and where its line ends. The end of the file without a line break was cut off by a kill, and a
/// loss of power may leave zeros there.
fn entries_of<'a, E: Entry>(
    text: &'a [u8],
    path: &'a Path,
) -> impl Iterator<Item = Result<(E, usize), RecordError>> + use<'a, E> {
    let written = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let whole = text[..written].split_inclusive(|&byte| byte == b'\n');
    let whole = whole.filter(|line| line.ends_with(b"\n"));
    let mut end = 0;
    whole.enumerate().map(move |(index, line)| {
        end += line.len();
        let entry = serde_json::from_slice(line).map_err(|source| RecordError::Line {
            path: path.to_path_buf(),
            line: index + 1,
            source,
        });
        Ok((entry?, end))
    })
}

/// Returns the entries if they begin with the start of a run.
fn begun<E: Entry>(entries: Vec<E>, path: &Path) -> Result<Vec<E>, RecordError> {
    match entries.first().and_then(Entry::started) {
        Some(_) => Ok(entries),
        None => Err(RecordError::NoStart { path: path.to_path_buf() }),
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, RecordError> {
    fs::read(path).map_err(|source| RecordError::read(path, source))
}
