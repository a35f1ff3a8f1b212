//! The operations, a file to each family. One operation stands in one place: its name, shape rule,
//! kernel and gradient rule.

pub(crate) mod binary;
pub(crate) mod layout;
pub(crate) mod matmul;
pub(crate) mod reduce;
pub(crate) mod rows;
pub(crate) mod select;
pub(crate) mod softmax;
pub(crate) mod unary;
