//! Tests of differentiation through the public interface. They are one program, since every test
//! program is linked separately.

mod derivatives;
mod drawing;
mod faults;
mod gradients;
mod graph;
mod parity;
mod scan;
mod sequences;
mod threads;
mod untied;
