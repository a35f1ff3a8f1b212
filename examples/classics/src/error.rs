//! What can go wrong in a program.

use std::io;
use std::path::PathBuf;

use bptt::NonFiniteGradient;
use bptt::analysis::dynamics::DynamicsError;
use bptt::analysis::plot::PictureError;
use bptt::trainers::online::OnlineError;
use programs::statistics::StatisticsError;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in a program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("signals cannot be caught: {0}")]
    Signals(io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error("cannot write `{}`: {source}; check that its folder has space and may be written to", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read `{}`: {source}; delete it, and run its program again", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot read the runs of `{}`: {source}; move it away to begin anew", path.display())]
    Runs { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Diverged(#[from] NonFiniteGradient),
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
    #[error(transparent)]
    Online(#[from] OnlineError),
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
}
