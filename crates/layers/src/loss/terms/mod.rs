//! The values of losses at the positions that a mask keeps.

pub(crate) mod binary;
pub(crate) mod chain;
pub(crate) mod class;
pub(crate) mod ctc;
pub(crate) mod error;
pub(crate) mod positions;
