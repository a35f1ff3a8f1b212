//! What the machine offers: its instruction sets and their registers, and its threads.

pub(crate) mod parallel;
pub(crate) mod pieces;
pub(crate) mod registers;
pub(crate) mod simd;
