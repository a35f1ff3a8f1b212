//! What pictures say, and the files that they become.

mod cells;
mod files;
mod heat_maps;
mod lines;
mod points;
mod results;
mod support;
