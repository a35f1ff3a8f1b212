//! Shapes, and the rules by which operations combine them.
//!
//! Every rule stands here once and returns a [`ShapeError`], because it has two callers. A method
//! of a tensor turns the error into a panic at its own caller's line. A recorded operation needs
//! its output's shape before values are known.

mod axes;
mod broadcast;
mod error;
mod extents;
mod gather;
mod matmul;
mod parts;

pub use axes::{axes, axis, choosable, reduce};
pub use broadcast::{broadcast, broadcast_to, same};
pub use error::{OrPanic, ShapeError};
pub use extents::{Shape, equal};
pub use gather::{gather_along, gather_rows, rows_exist, scatter_along, scatter_rows, top};
pub use matmul::{Transpose, matmul};
pub use parts::{
    concat, first_after_roll, permute, range, reshape, slice, split, stack, write_slice,
};
