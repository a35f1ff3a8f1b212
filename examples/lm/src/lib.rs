//! A workbench for recurrent language models.

pub mod baselines;
pub mod languages;
pub mod run;
pub mod terminal;
pub mod text;
