//! What the example programs share: the cells by name, the terminal and its signals, the memory of the machine, and
//! statistics over seeds.

pub mod cells;
pub mod my_cell;
pub mod statistics;
pub mod terminal;
