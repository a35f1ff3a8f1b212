//! Files that are replaced in one instant.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file under another name, stores it safely, and only then renames it. Creates its folder. If that fails, an
/// existing file stays as it is.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new"); // a fixed name, so that killed programs leave one file at most
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut file = File::create(&beside)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_folder(path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&beside); // the first error is the one to report
    })
}

/// Stores the folder safely after a change of an entry. A folder can be opened only on Unix.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) { File::open(folder.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}
