//! Lists of runs, each in a folder of its own: what `compare` and `sweep` share.
//!
//! [`run_all`] checks all settings before the first run. It reuses what finished earlier and resumes what was
//! interrupted, so that the same call goes on wherever it was stopped.

mod error;
mod list;
mod outcome;
mod table;
mod texts;

use std::fs;
use std::path::Path;

pub use error::RunsError;
pub use list::{Planned, run_all};
pub use outcome::{Figure, Outcome};
pub use table::{Table, duration};
pub use texts::Texts;

/// Writes a file of results whole or not at all.
///
/// # Errors
///
/// If it cannot be written. An existing file then stays as it is.
pub fn write_file(path: &Path, contents: &str) -> Result<(), RunsError> {
    let beside = path.with_extension("new");
    let written = fs::write(&beside, contents).and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| RunsError::Write { path: path.to_path_buf(), source })
}
