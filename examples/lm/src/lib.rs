//! A workbench for recurrent language models.

pub mod baselines;
pub mod cli;
pub mod commands;
pub mod comparison;
pub mod config;
pub mod error;
pub mod evaluation;
pub mod generation;
pub mod inspection;
pub mod model;
pub mod run;
pub mod runs;
pub mod sweep;
pub mod text;
pub mod training;
