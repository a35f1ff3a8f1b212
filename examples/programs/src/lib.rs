//! What the example programs share: the terminal and its signals, the memory of the machine, and statistics over seeds.

pub mod statistics;
pub mod terminal;
