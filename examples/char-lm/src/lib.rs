//! A character language model on text, trained by truncated back-propagation through time.
//!
//! [`corpus`] reads texts and divides them, [`vocabulary`] numbers their characters, [`batches`]
//! cuts them into windows, [`ngram`] is the baseline to beat and [`score`] how it is told, [`generate`]
//! draws characters, [`args`] is the command line and [`progress`] what the user sees meanwhile.

pub mod args;
pub mod batches;
pub mod corpus;
pub mod error;
pub mod generate;
pub mod ngram;
pub mod progress;
pub mod score;
pub mod vocabulary;
