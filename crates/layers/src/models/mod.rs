//! Models composed of layers: attention, sequence to sequence, conditional random fields.

pub(crate) mod attention;
pub(crate) mod crf;
pub(crate) mod encoder_decoder;
pub(crate) mod in_training;
pub(crate) mod pointer_network;
pub(crate) mod step_decoder;
