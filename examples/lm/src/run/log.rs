//! The log of a run: appended to, read, and cut back to a checkpoint.

use std::fs;
use std::path::Path;

use super::error::RunFolderError;
use super::event::Event;
use super::files::{Appended, RunFiles};
use super::tensorboard;

/// The log of a run that trains: `log.jsonl`, and the same numbers in a file for TensorBoard.
///
/// Each event is written at once, so a killed program loses none. A checkpoint counts the events before it, and a
/// resumed run cuts off the others. Except for clocks, its log is then that of a run that was never stopped.
#[derive(Debug)]
pub struct Log {
    lines: Appended,
    scalars: Appended,
    events: usize,
    /// The time of the start, in seconds since 1970.
    started: f64,
    seconds: f64,
}

impl Log {
    /// Creates an empty log. The first event is to be an [`Event::Start`].
    ///
    /// # Errors
    ///
    /// If the files cannot be written.
    pub fn create(files: &RunFiles) -> Result<Self, RunFolderError> {
        Self::with(files, 0, &[])
    }

    /// Opens a log and cuts off all but its first events.
    ///
    /// # Errors
    ///
    /// If the files cannot be read or written, or if the log has fewer events or a damaged line among them. It then
    /// stays as it was.
    pub(super) fn resume(files: &RunFiles, events: usize) -> Result<Self, RunFolderError> {
        let text = read_bytes(&files.log)?;
        let kept = lines(&text, &files.log).take(events).collect::<Result<Vec<_>, _>>()?;
        if kept.len() < events {
            let (path, found) = (files.log.clone(), kept.len());
            return Err(RunFolderError::Short { path, found, expected: events });
        }
        let length = kept.last().map_or(0, |&(_, end)| end);
        let kept = started(kept.into_iter().map(|(event, _)| event).collect(), &files.log)?;
        Self::with(files, length, &kept)
    }

    /// Opens the files. The first `length` bytes of the lines are these events. The scalars are written anew, with the
    /// same bytes as before: a viewer that reads them meanwhile sees no difference.
    fn with(files: &RunFiles, length: usize, kept: &[Event]) -> Result<Self, RunFolderError> {
        let mut log = Self {
            lines: Appended::open(&files.log, length)?,
            scalars: Appended::open(&files.tensorboard, 0)?,
            events: 0,
            started: 0.0,
            seconds: 0.0,
        };
        let scalars: Vec<u8> = kept.iter().flat_map(|event| log.count(event)).collect();
        log.scalars.append(&scalars)?;
        log.sync()?;
        Ok(log)
    }

    /// Counts an event, and returns its record for TensorBoard.
    fn count(&mut self, event: &Event) -> Vec<u8> {
        if let Event::Start { unix_seconds, .. } = event {
            self.started = *unix_seconds;
        }
        self.events += 1;
        self.seconds = event.seconds().unwrap_or(self.seconds);
        tensorboard::record(event, self.started + self.seconds)
    }

    /// Writes an event.
    ///
    /// # Errors
    ///
    /// If a file cannot be written. What was written before then stays as it is.
    pub fn append(&mut self, event: &Event) -> Result<(), RunFolderError> {
        let mut line = serde_json::to_string(event).expect("an event is a JSON object");
        line.push('\n');
        self.lines.append(line.as_bytes())?;
        let scalars = self.count(event);
        self.scalars.append(&scalars)
    }

    /// Stores safely what was written.
    pub(super) fn sync(&self) -> Result<(), RunFolderError> {
        self.lines.sync()?;
        self.scalars.sync()
    }

    /// Returns the number of events.
    #[must_use]
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Returns the time from the start of the run to the last event, from which the clock of a resumed run goes on.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds
    }
}

/// Reads the events of a log. A last line that was cut off by a kill is left out.
///
/// # Errors
///
/// If the file cannot be read, does not begin with an [`Event::Start`], or has a line that is no event.
pub fn read_log(path: &Path) -> Result<Vec<Event>, RunFolderError> {
    parse_log(&read_bytes(path)?, path)
}

/// Returns the events of a log with these bytes, as [`read_log`] does. The path is for errors.
///
/// # Errors
///
/// As [`read_log`].
pub fn parse_log(text: &[u8], path: &Path) -> Result<Vec<Event>, RunFolderError> {
    let events = lines(text, path).map(|line| line.map(|(event, _)| event));
    started(events.collect::<Result<_, _>>()?, path)
}

/// Returns each event and where its line ends. The end of the file without a line break was cut off by a kill, and a
/// loss of power may leave zeros there.
fn lines<'a>(
    text: &'a [u8],
    path: &'a Path,
) -> impl Iterator<Item = Result<(Event, usize), RunFolderError>> + use<'a> {
    let written = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let whole = text[..written].split_inclusive(|&byte| byte == b'\n');
    let whole = whole.filter(|line| line.ends_with(b"\n"));
    let mut end = 0;
    whole.enumerate().map(move |(index, line)| {
        end += line.len();
        let event = serde_json::from_slice(line).map_err(|source| RunFolderError::Line {
            path: path.to_path_buf(),
            line: index + 1,
            source,
        });
        Ok((event?, end))
    })
}

/// Returns the events if they are those of a run.
fn started(events: Vec<Event>, path: &Path) -> Result<Vec<Event>, RunFolderError> {
    match events.first() {
        Some(Event::Start { .. }) => Ok(events),
        _ => Err(RunFolderError::NoStart { path: path.to_path_buf() }),
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, RunFolderError> {
    fs::read(path).map_err(|source| RunFolderError::read(path, source))
}
