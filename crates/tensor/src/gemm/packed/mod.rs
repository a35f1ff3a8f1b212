//! Matrix products whose right operand is packed.
//!
//! B is copied once into panels, as wide as two vector registers, which the innermost loop reads
//! from end to end. The copy pays for many products with one matrix (the steps of a sequence), and
//! for one product of many rows. A tile of C (some rows by one panel) is summed in registers, over
//! one block of K at a time.
//!
//! The sum of each element of C begins with the value that it is added to, and takes k in ascending
//! order. Only in a tile of one row, two partial sums take the terms alternately. So the bits do
//! not depend on how C is divided.

mod factor;
mod half;
mod multiply;
mod product;
mod rhs;
mod streamed;
mod strip;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use factor::{Accumulate, Factor, Strided};
pub(crate) use multiply::{are_few, multiply, multiply_all};
pub(crate) use product::SMALL;
pub use rhs::PackedRhs;
