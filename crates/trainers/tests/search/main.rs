//! Trainers by values of the loss alone.

mod support;

mod annealing;
mod evolution;
mod losses;
mod options;
mod random;
mod states;
