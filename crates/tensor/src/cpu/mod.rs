//! The processor: instruction sets, vector registers and threads.

mod call;
pub(crate) mod forks;
pub(crate) mod horizontal;
pub(crate) mod parallel;
pub(crate) mod pieces;
pub(crate) mod registers;
pub(crate) mod simd;
pub(crate) mod team;
