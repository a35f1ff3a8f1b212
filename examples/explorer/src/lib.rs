//! The explorer: a page in the browser that trains recurrent networks and shows what happens inside.

pub mod experiment;
pub mod server;
