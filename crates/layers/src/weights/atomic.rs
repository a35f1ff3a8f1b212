//! Atomic writing: a file appears complete or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// Writes a file under a temporary name in the same folder, stores it safely, and only then renames it.
///
/// The file is locked while it is written. The next writer can therefore tell it from an unfinished file of a killed
/// program.
///
/// # Errors
///
/// If the file cannot be written. An existing file then stays as it is.
pub fn write(path: &Path, contents: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    remove_abandoned(path);
    let (beside, mut file) = create_beside(path)?;
    let written = contents(&mut file).and_then(|()| file.sync_all());
    let written = written.and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside); // the first error is the one to report
        return written;
    }
    sync_folder(path)
}

/// Creates the file `<path>.<16 random digits>.tmp` and locks it. A process id would not be a unique name: processes in
/// two containers, or on two hosts that share the folder, may have the same id.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let mut name = OsString::from(path);
        name.push(format!(".{:016x}.tmp", RandomState::new().hash_one(())));
        let beside = PathBuf::from(name);
        let file = match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        // If files cannot be locked, other writers cannot find this one abandoned either.
        let _ = file.lock();
        // Before the lock, another writer may have taken the file for abandoned and removed it.
        if fs::exists(&beside)? {
            return Ok((beside, file));
        }
    }
}

/// Removes unfinished files of killed programs, which have a temporary name for this path and no lock. A file that
/// cannot be removed does no harm.
pub(crate) fn remove_abandoned(path: &Path) {
    let name = path.file_name().unwrap_or_default();
    for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        if is_beside(&entry.file_name(), name) && entry.file_type().is_ok_and(|it| it.is_file()) {
            let _ = remove_unlocked(&entry.path());
        }
    }
}

fn remove_unlocked(path: &Path) -> Result<(), TryLockError> {
    let file = File::options().write(true).open(path).map_err(TryLockError::Error)?;
    file.try_lock()?; // held until the file is gone
    fs::remove_file(path).map_err(TryLockError::Error)
}

/// Whether a name has the form of those that [`create_beside`] makes.
fn is_beside(entry: &OsStr, name: &OsStr) -> bool {
    let suffix = (entry.as_encoded_bytes().strip_prefix(name.as_encoded_bytes()))
        .and_then(|rest| rest.strip_prefix(b"."))
        .and_then(|rest| rest.strip_suffix(b".tmp"));
    suffix.is_some_and(|digits| {
        digits.len() == 16 && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Stores the folder of a path safely, in which an entry has changed. A folder can be opened only on Unix.
///
/// # Errors
///
/// If the folder cannot be opened or stored.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
