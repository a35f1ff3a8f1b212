//! Matrix products whose right operand is packed.
//!
//! B is copied once into panels, as wide as two vector registers, which the innermost loop reads
//! from end to end: worth it for many products with one matrix (the steps of a sequence), or for
//! one product of many rows. A tile of C (some rows of a panel) is summed in registers over a
//! block of K at a time.
//!
//! Every element of C is summed over k in ascending order, starting from its start; only in
//! products of so few rows that a tile has one, two sums take the terms in turn. So the bits do
//! not depend on how C is divided.

mod factor;
mod multiply;
mod product;
mod rhs;
mod streamed;
mod strip;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use factor::{Factor, Start, Strided};
pub(crate) use multiply::{are_few, multiply, multiply_all};
pub(crate) use product::SMALL;
pub use rhs::PackedRhs;
