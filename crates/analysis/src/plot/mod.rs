//! Pictures of results, as SVG and PNG.
//!
//! A chart is made of plain data, and gives a [`Picture`]. Results of [`gradients`](crate::gradients) and
//! [`dynamics`](crate::dynamics) have a method `picture` of their own.
//!
//! Long series are thinned to what can be seen, so that a picture of a million steps is a small file. Values that are not
//! finite are shown as missing. All colours can be told apart by the colour-blind.

mod axis;
mod canvas;
mod charts;
mod colors;
mod error;
mod frame;
mod graph;
mod names;
mod picture;
mod results;
mod style;
mod thin;

pub use charts::{HeatMap, Histogram, Lines, PhasePortrait, Spectrum};
pub use error::PictureError;
pub use graph::CellGraph;
pub use picture::Picture;
