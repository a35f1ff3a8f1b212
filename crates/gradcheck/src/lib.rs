//! Property-based proofs of the gradients of anyone's recurrent cell.

mod any_cell;
mod cell_case;
mod cells;
mod check;
mod differences;
mod evidence;
mod law;
mod laws;
mod models;
pub mod oracle;
mod report;
mod shapes;
mod subject;
mod values;
mod violation;

pub use cell_case::{Draw, Sizes, cell_sizes};
pub use cells::{Cells, cell};
pub use check::{Check, Family};
pub use evidence::Evidence;
pub use law::Law;
pub use models::{FunctionDraw, Functions, function, functions, model, operation};
pub use report::{Failure, Finding, Report, SaveError, html};
pub use shapes::{broadcastable, extents, lengths, masks, sequences, shapes, tensors};
pub use values::{Domain, domains};
pub use violation::{Entry, Mismatch, Violation};
