//! What several programs share.

pub(crate) mod continuation;
pub(crate) mod curves;
