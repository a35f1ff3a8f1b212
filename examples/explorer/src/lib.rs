//! The explorer: a page in the browser that trains recurrent networks and shows what happens inside.

pub mod experiment;
mod my_cell;
pub mod server;
