//! Tape-based reverse-mode automatic differentiation, to any order.
//!
//! Equations are written on [`Var`]s, and the [`Tape`] records them. [`Tape::backward`] computes
//! the gradients of a loss. [`Tape::grad`] returns gradients that are variables and can be
//! differentiated again. Unrolling a recurrence on a tape *is* back-propagation through time.
//!
//! ```
//! use bptt_autodiff::{Param, Tape};
//! use bptt_tensor::Tensor;
//!
//! let w = Param::new(Tensor::from_vec([2, 2], vec![0.5, -0.3, 0.2, 0.8]));
//! let tape = Tape::new();
//! let mut h = tape.constant(Tensor::from_vec([1, 2], vec![1.0, -1.0]));
//! for _ in 0..10 {
//!     h = h.matmul(&w).tanh();
//! }
//! let gradients = tape.backward(h.square().sum_all());
//! assert_eq!(gradients[&w].shape(), &[2, 2]);
//! ```
//!
//! An operation is data with rules ([`Operation`]): its name, shape rule, kernel and gradient rule
//! stand in one place. The gradient rule is written in the library's own operations, so it can be
//! differentiated too. Every traversal is a loop over the tape, so neither depth nor length
//! overflows the stack.

#![forbid(unsafe_code)]

mod graph;
mod instances;
mod ops;
mod reverse;
mod scan;
mod tape;
mod tree;
mod var;

pub use graph::{Graph, GraphNode, Operator, ScanGraph};
#[doc(hidden)]
pub use instances::instances;
pub use ops::elementwise::Elementwise;
pub use reverse::Gradients;
pub use scan::{Recompute, Scan, Scanned, Stepper};
pub use tape::{
    Aside, Dot, NonFinite, OpClass, Operand, Operation, Param, ParamId, Probes, Pullback,
    RowFunction, Scope, Substitution, Tape, Var,
};

#[doc(hidden)]
pub use tree::leaves_of_parts;
pub use tree::{LeafPath, State, Tree};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
