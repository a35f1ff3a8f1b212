pub(crate) mod batch_size;
pub(crate) mod learning_rate;
pub(crate) mod noise;
