//! The commands, each with its flags.

pub mod compare;
pub mod eval;
pub mod generate;
pub mod inspect;
pub mod shared;
pub mod sweep;
pub mod train;
