//! Trainers of recurrent networks beyond gradient descent: by curvature, online, by values of the loss alone, and in
//! closed form.
//!
//! A [`Trainer`] is given an [`Objective`] as a function of the model, and makes a step. Optimizers take part by
//! [`FirstOrder`]:
//!
//! ```
//! use bptt_autodiff::Tape;
//! use bptt_layers::{Elman, Layer, Linear};
//! use bptt_tensor::Tensor;
//! use bptt_trainers::{LevenbergMarquardt, Objective, Trainer};
//!
//! let mut rng = bptt_layers::rng(0);
//! let mut model = (Elman::<f64>::new(&mut rng, 1, 4), Linear::new(&mut rng, 4, 1));
//! let xs = Tensor::uniform([20, 8, 1], -1.0, 1.0, &mut rng); // [T, B, I]
//! let means = xs.mean(&[0]);
//! let mut trainer = LevenbergMarquardt::new();
//! for _ in 0..10 {
//!     trainer.step(&mut model, &|model, tape| {
//!         let (ys, _state) = model.forward(tape.constant(xs.clone()));
//!         Objective::squares(ys.index_first(19) - &means)
//!     })?;
//! }
//! let ys = model.forward(Tape::inference().constant(xs)).0.value();
//! assert!((ys.index_first(19) - means).square().mean_all().item() < 1e-4);
//! # Ok::<(), bptt_trainers::TrainError>(())
//! ```
//!
//! | | needs | for |
//! |---|---|---|
//! | [`HessianFree`] | [outputs](Objective::of_outputs) or [residuals](Objective::squares) | nets of any size, large batches |
//! | [`LevenbergMarquardt`] | residuals | small nets, all data at once |
//! | [`ExtendedKalman`] | residuals | small nets, one presentation at a time |
//! | [`TimeWeightedPseudoNewton`] | residuals | reproducing Bengio, Simard and Frasconi (1994) |
//! | [`EvolutionStrategy`], [`SimulatedAnnealing`], [`MultiGridSearch`], [`RandomGuessing`] | a [loss](Objective::loss) | losses without useful gradients |
//! | [`FirstOrder`] | a loss | any optimizer |
//!
//! Four parts of the crate do not implement [`Trainer`]. Three need more than an objective: [`online`] learns forward in time,
//! [`mixture`] has expectation maximization, and [`RidgeRegression`] fits the readout of a reservoir. [`threshold()`] is an
//! operation, by which optimizers train nets of threshold units.

#![forbid(unsafe_code)]

mod error;
mod evaluation;
mod first_order;
pub mod mixture;
mod objective;
pub mod online;
mod options;
mod readout;
mod search;
mod second_order;
mod threshold;
mod trainer;
mod vector;

pub use error::TrainError;
pub use first_order::FirstOrder;
pub use objective::{Objective, ObjectiveFn};
pub use readout::RidgeRegression;
pub use search::*;
pub use second_order::{
    Decoupling, ExtendedKalman, GaussNewton, HessianFree, LevenbergMarquardt,
    TimeWeightedPseudoNewton,
};
pub use threshold::threshold;
pub use trainer::{Progress, Trainer};
pub use vector::{parameters_to_vector, vector_to_parameters};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
