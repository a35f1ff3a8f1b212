//! Studies: a claim of a text is stated and judged, over seeds.

pub(crate) mod batch_or_online;
pub(crate) mod batch_size;
pub(crate) mod learning_rate;
pub(crate) mod noise;
pub(crate) mod optimizers;
