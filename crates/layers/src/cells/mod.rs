//! The cells, each as its equations.
//!
//! A batch is rows: `x: [B, I]`, `h: [B, H]`, and weights multiply from the right. Gates that read
//! the same operand share one wide weight, their parts side by side.

mod elman;
mod gru;
mod lstm;
mod output_to_hidden;

pub use elman::Elman;
pub use gru::{Gru, Reset};
pub use lstm::Lstm;
pub use output_to_hidden::OutputToHidden;
