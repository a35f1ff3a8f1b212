//! Reports of training: JSON lines, TensorBoard events and a page of HTML.
//!
//! A [`Recorder`] writes them from a few lines in a training loop. A [`Recording`] reads them, and finds
//! [warnings](Warning). Programs with entries of their own use [`Log`].

mod entries;
mod error;
mod files;
mod histogram;
mod log;
mod number;
mod page;
mod recorder;
mod recording;
mod step;
mod tensorboard;
mod warnings;

pub use entries::{GateDetails, LagDetails, ParameterDetails, Record, ValueDetails};
pub use error::RecordError;
pub use files::replace;
pub use histogram::Histogram;
pub use log::{Entry, Log, parse_log, read_log};
pub use number::number;
pub use recorder::Recorder;
pub use recording::Recording;
pub use step::StepRecord;
pub use tensorboard::Summary;
pub use warnings::Warning;
