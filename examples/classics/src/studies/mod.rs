//! Studies: a claim of a text is stated and judged, over seeds.

pub(crate) mod activation_tables;
pub(crate) mod alternatives;
pub(crate) mod batch_or_online;
pub(crate) mod batch_size;
pub(crate) mod dying_relu;
pub(crate) mod gradient_by_lag;
pub(crate) mod guessing;
pub(crate) mod initialisation;
pub(crate) mod learned_start;
pub(crate) mod learning_rate;
pub(crate) mod long_lags;
pub(crate) mod neural_window;
pub(crate) mod noise;
pub(crate) mod online;
pub(crate) mod optimizers;
pub(crate) mod output_to_hidden;
pub(crate) mod pathological;
pub(crate) mod relu;
pub(crate) mod time_and_memory;
pub(crate) mod trainers;
pub(crate) mod truncation_bias;
pub(crate) mod unfolding;
pub(crate) mod vanishing_and_exploding;
