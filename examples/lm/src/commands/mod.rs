//! The commands, each with its flags.

pub mod eval;
pub mod generate;
pub mod inspect;
pub mod shared;
pub mod train;
