//! Studies: a claim of a text is stated and judged, over seeds.

pub(crate) mod batch_or_online;
pub(crate) mod batch_size;
pub(crate) mod gradient_by_lag;
pub(crate) mod learning_rate;
pub(crate) mod noise;
pub(crate) mod optimizers;
pub(crate) mod truncation_bias;
pub(crate) mod unfolding;
pub(crate) mod vanishing_and_exploding;
