//! Pictures of results, made of the charts beside.

mod dynamics;
mod gradients;
mod probes;
