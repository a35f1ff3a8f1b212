//! Mechanisms: what formulas and figures of the texts say, shown without training.

pub(crate) mod linear_collapse;
