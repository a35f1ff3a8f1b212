//! An autodiff tensor framework whose subject is recurrence: write a cell as its equations, once.
//!
//! Unrolling those equations on the [`Tape`] *is* back-propagation through time. The
//! [`guide`] begins with a quickstart.
//!
//! ```
//! use bptt::prelude::*;
//!
//! /// `f = σ(x W_ih_f + h W_hh_f + b_f)`, `n = tanh(x W_ih_n + (f ⊙ h) W_hh_n + b_n)`,
//! /// `h ← (1 − f) ⊙ h + f ⊙ n`
//! #[derive(Module)]
//! pub struct MinimalGatedUnit<T> {
//!     w_ih_f: Param<T>,
//!     w_hh_f: Param<T>,
//!     b_f: Param<T>,
//!     w_ih_n: Param<T>,
//!     w_hh_n: Param<T>,
//!     b_n: Param<T>,
//! }
//!
//! impl<T: Scalar> Cell<T> for MinimalGatedUnit<T> {
//!     type State<'t> = Var<'t, T>;
//!
//!     fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
//!         let f = (x.matmul(&self.w_ih_f) + h.matmul(&self.w_hh_f) + &self.b_f).sigmoid();
//!         let n = (x.matmul(&self.w_ih_n) + (f * h).matmul(&self.w_hh_n) + &self.b_n).tanh();
//!         let h = (1.0 - f) * h + f * n;
//!         (h, h)
//!     }
//! }
//! ```
//!
//! | module | crate | what |
//! |---|---|---|
//! | [`tensor`] | `bptt-tensor` | dense tensors and their kernels |
//! | [`autodiff`] | `bptt-autodiff` | tape, variables, operations, gradients, scan |
//! | [`layers`] | `bptt-layers` | cells, layers, losses, initializers, optimizers, weight files |
//! | `analysis` | `bptt-analysis` | gradients by lag, dynamics, pictures, reports of training; features `analysis`, `plots`, `record` |
//! | `onnx` | `bptt-onnx` | export to ONNX, any cell as a `Scan`; feature `onnx` |
//! | `tasks` | `bptt-tasks` | generators of the literature's tasks, formal languages, agents in environments; feature `tasks` |
//! | `trainers` | `bptt-trainers` | trainers of second order, online and without gradients; feature `trainers` |
//!
//! The root and the [`prelude`] export the items with which equations and models are written.

#![forbid(unsafe_code)]

mod derive;
#[cfg(any(doc, doctest))]
pub mod guide;

#[cfg(feature = "analysis")]
pub use bptt_analysis as analysis;
pub use bptt_autodiff as autodiff;
pub use bptt_layers as layers;
#[cfg(feature = "onnx")]
pub use bptt_onnx as onnx;
#[cfg(feature = "tasks")]
pub use bptt_tasks as tasks;
pub use bptt_tensor as tensor;
#[cfg(feature = "trainers")]
pub use bptt_trainers as trainers;

pub use bptt_autodiff::{
    Elementwise, Gradients, LeafPath, OpClass, Operand, Operation, Param, Probes, Pullback,
    Recompute, RowFunction, Scan, Scanned, Scope, Stepper, Substitution, Tape, Tree, Var,
};
pub use bptt_layers::*;
pub use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, Transpose, low_latency};
pub use derive::{Module, State};

/// The crate `rand`, in the version whose generators the constructors take. Its module `rand::seq` shuffles and
/// chooses.
pub use rand;
/// The trait of random generators, as [`rng`](fn@rng) gives them. [`RngExt`] draws single numbers:
/// `rng.random_range(0..10)`.
pub use rand::{Rng, RngExt};

/// Everything that a cell, a model and its training loop are written with.
pub mod prelude {
    pub use bptt_autodiff::{
        Elementwise, Gradients, Operand, Param, Recompute, Stepper, Tape, Var,
    };
    pub use bptt_layers::*;
    pub use bptt_tensor::{Scalar, Shape, Tensor};
    pub use rand::{Rng, RngExt};
}

#[doc(hidden)]
pub use bptt_layers::__derive;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
