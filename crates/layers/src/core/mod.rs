//! The foundation of all other modules: parameters and their names, initial values, the random generator, the cell and
//! its state.

pub(crate) mod cell;
pub(crate) mod init;
pub(crate) mod module;
pub(crate) mod noise;
pub(crate) mod options;
pub(crate) mod pieces;
pub(crate) mod random;
