//! The tasks on which the literature measures recurrent networks.

#![forbid(unsafe_code)]

pub mod agents;
pub mod environments;
pub mod languages;
