//! What can go wrong when a picture is saved.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A picture cannot be saved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The path ends in neither `.svg` nor `.png`.
    #[error("`{}` does not say in which format to save; end the path in `.svg` or `.png`", path.display())]
    Format {
        /// The path of the picture.
        path: PathBuf,
    },
    /// The file cannot be written. An existing file stays as it was.
    #[error("cannot write `{}`; check that its folder has space and may be written to", path.display())]
    Write {
        /// The path of the picture.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}
