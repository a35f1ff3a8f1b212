//! What several programs share.

pub(crate) mod continuation;
pub(crate) mod curves;
pub(crate) mod symbol_model;
pub(crate) mod training;
