//! Reports of training: JSON lines, TensorBoard events and a page of HTML.

mod error;
mod files;
mod log;
mod tensorboard;

pub use error::RecordError;
pub use files::replace;
pub use log::{Entry, Log, parse_log, read_log};
pub use tensorboard::Summary;
