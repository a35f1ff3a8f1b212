//! Mechanisms: what formulas and figures of the texts say, shown without training.

pub(crate) mod automaton;
pub(crate) mod carousel;
pub(crate) mod counter_machine;
pub(crate) mod gates_as_masks;
pub(crate) mod hopfield;
pub(crate) mod impulse_response;
pub(crate) mod linear_collapse;
pub(crate) mod repeated_sigmoid;
pub(crate) mod saturation;
pub(crate) mod windowed_error;
