//! The operations, one family to a file. The name, shape rule, kernel and gradient rule of an
//! operation stand in one place.

pub(crate) mod along;
pub(crate) mod binary;
pub(crate) mod elementwise;
pub(crate) mod layout;
pub(crate) mod matmul;
pub(crate) mod reduce;
pub(crate) mod rows;
pub(crate) mod select;
pub(crate) mod softmax;
pub(crate) mod unary;
