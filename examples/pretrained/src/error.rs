//! The errors of the program. Each message says what to do.

use std::io;
use std::path::PathBuf;

use bptt::weights::WeightsError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}; let the converter of this model write the folder anew")]
    Weights(#[from] WeightsError),
    #[error(
        "{path} cannot be read: {error}; give the folder that the converter of this model wrote",
        path = .path.display()
    )]
    Read { path: PathBuf, error: io::Error },
    #[error(
        "{path} is not the reference of this model: {error}; let the converter of this model write the folder anew",
        path = .path.display()
    )]
    Reference { path: PathBuf, error: serde_json::Error },
    #[error("{path} has no inputs; run the converter of this model again", path = .0.display())]
    NoInput(PathBuf),
    #[error(
        "input {number} (they count from 0) has {found} numbers here and {expected} in the reference; let the converter of this version \
         write the folder anew"
    )]
    Count { number: usize, found: usize, expected: usize },
    #[error(
        "decisions differ for {differing} of {all} inputs, first for input {first} (they count from 0); check that the folder was written \
         by the converter of this version, from the package named above"
    )]
    Decisions { differing: usize, all: usize, first: usize },
    #[error(
        "a number is NaN, here or in the reference; check that the weights are those of the package named above"
    )]
    NotANumber,
    #[error("cannot start a thread: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}
