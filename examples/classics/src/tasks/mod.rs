//! Tasks: a net is trained, and its result is compared with a baseline.

pub(crate) mod binary_addition;
pub(crate) mod caption;
pub(crate) mod copy_memory;
pub(crate) mod dates;
pub(crate) mod five_topologies;
pub(crate) mod function_continuation;
pub(crate) mod genome;
pub(crate) mod moving_dot;
pub(crate) mod music;
pub(crate) mod patches;
pub(crate) mod phrase;
pub(crate) mod polarity;
pub(crate) mod q_learning;
pub(crate) mod sensors;
pub(crate) mod sorting;
pub(crate) mod storage;
pub(crate) mod t_maze;
pub(crate) mod tagging;
pub(crate) mod time_series;
pub(crate) mod unsegmented_labels;
