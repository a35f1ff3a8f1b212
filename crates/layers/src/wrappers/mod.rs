//! Layers that wrap other layers: composition, direction, initial states and noise.

pub(crate) mod bidirectional;
pub(crate) mod boxed;
pub(crate) mod learned_start;
pub(crate) mod noise;
pub(crate) mod recurrent_dropout;
pub(crate) mod residual;
pub(crate) mod reversed;
pub(crate) mod stack;
pub(crate) mod tuple;
pub(crate) mod variational_dropout;
pub(crate) mod weight_dropout;
pub(crate) mod zoneout;
