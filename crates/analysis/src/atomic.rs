//! Files that are replaced atomically, in folders that need not exist.

use std::path::Path;
use std::{fs, io};

use bptt_layers::weights::atomic;

/// Creates the folder of a file, and [writes](atomic::write) the file.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    atomic::write(path, |file| io::Write::write_all(file, contents))
}
