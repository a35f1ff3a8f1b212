//! Fixed and slow points of a layer.

mod minimize;
mod point;
mod search;

pub use point::{FixedPoint, FixedPoints, Mode, Stability};
pub use search::FixedPointSearch;
