//! What several programs share, and a model that is too long for the program that trains it.

pub(crate) mod continuation;
pub(crate) mod counting_strings;
pub(crate) mod curves;
pub(crate) mod legal;
pub(crate) mod memory;
pub(crate) mod nets_of_1997;
pub(crate) mod pathological_tasks;
pub(crate) mod perceptron;
pub(crate) mod polyphony;
pub(crate) mod problems_of_1994;
pub(crate) mod published;
pub(crate) mod signs;
pub(crate) mod small_tasks;
pub(crate) mod stack_net;
pub(crate) mod symbol_model;
pub(crate) mod symbol_streams;
pub(crate) mod training;
