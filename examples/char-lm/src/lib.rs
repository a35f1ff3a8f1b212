//! A character language model on text, trained by truncated back-propagation through time.
//!
//! | module | what |
//! |---|---|
//! | [`corpus`], [`vocabulary`], [`batches`] | texts, their characters, windows of them |
//! | [`model`], [`memory`] | from characters to the logits of the next, and the memory for it |
//! | [`train`], [`checkpoint`] | the training loop, and what it saves |
//! | [`ngram`], [`score`] | the baseline to beat, and the comparison of both |
//! | [`generate`] | drawing characters |
//! | [`args`], [`settings`], [`signals`], [`progress`], [`error`] | the program's input and output |

#![warn(clippy::print_stderr, clippy::print_stdout)] // they panic if the output is closed

pub mod args;
pub mod batches;
pub mod checkpoint;
pub mod corpus;
pub mod error;
pub mod generate;
pub mod memory;
pub mod model;
pub mod ngram;
pub mod progress;
pub mod score;
pub mod settings;
pub mod signals;
pub mod train;
pub mod vocabulary;
