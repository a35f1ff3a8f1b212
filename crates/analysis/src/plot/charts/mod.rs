//! Charts of plain data.

mod heat_map;
mod histogram;
mod lines;
mod phase_portrait;
mod spectrum;

pub use heat_map::HeatMap;
pub use histogram::Histogram;
pub use lines::Lines;
pub use phase_portrait::PhasePortrait;
pub use spectrum::Spectrum;
