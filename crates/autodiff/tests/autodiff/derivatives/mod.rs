//! Derivatives are right: of every operation against finite differences, of compositions by the
//! laws that derivatives obey, and exactly where there is a closed form.

mod arbitrary;
mod custom;
mod elementwise;
mod harness;
mod kinks;
mod laws;
mod layout;
mod matmul;
mod operands;
mod orders;
mod precision;
mod reductions;
mod sources;
mod stretched;
