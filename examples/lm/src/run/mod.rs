//! The folder of a run: its configuration, log, weights and report.
//!
//! | file | content |
//! |---|---|
//! | `config.toml` | all settings, with every default |
//! | `my_cell.rs` | the source of the cell, with `--cell mine` |
//! | `log.jsonl` | the [events](Event), one JSON object a line |
//! | `events.out.tfevents.lm` | the numbers of the log, for TensorBoard |
//! | `model.safetensors` | the best weights |
//! | `model.checkpoint.safetensors` | the state from which the run is resumed |
//! | `model.lock` | locked by the process that trains |
//! | `curves.svg` | the losses and the learning rate over the steps |
//! | `report.html` | the whole run on one page |

mod curves;
mod error;
mod event;
mod files;
mod folder;
mod report;
#[cfg(test)]
mod tests;

pub use curves::{Points, draw_comparison};
pub use error::RunFolderError;
pub(crate) use event::median_speed;
pub use event::{Event, Size};
pub use files::RunFiles;
pub use folder::RunFolder;
pub use report::write_report;

/// The log of a run that trains, in `log.jsonl` and the file for TensorBoard.
pub type Log = bptt::analysis::record::Log<Event>;
