//! Memory of tensors.

mod classes;
mod limit;
pub(crate) mod pool;
