//! Tests of the differentiation as its users see it. One program, because every program that uses
//! the kernels compiles them anew.

mod derivatives;
mod drawing;
mod faults;
mod gradients;
mod parity;
mod scan;
mod sequences;
mod threads;
