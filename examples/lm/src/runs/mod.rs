//! Lists of runs, each in a folder of its own: what `compare` and `sweep` share.
//!
//! [`run_all`] checks all settings before the first run. It reuses what finished earlier and resumes what was
//! interrupted, so that the same call goes on wherever it was stopped.

mod error;
mod list;
mod outcome;
mod table;
mod texts;

pub use error::RunsError;
pub use list::{Planned, run_all};
pub use outcome::{Figure, Outcome};
pub use table::{Table, duration};
pub use texts::Texts;
