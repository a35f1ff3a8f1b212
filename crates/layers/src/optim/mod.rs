//! Optimizers: how parameters move along their gradients.
//!
//! An optimizer consists of its hyperparameters, the names of its slots, and the update of one element. A slot is a
//! tensor that is kept for each parameter, such as its momentum. [`Slots`](slots::Slots) walks over the model, and
//! saves and restores the slots of every optimizer. [`Groups`] gives parts of a model to several optimizers.
//! [`Schedule`] and [`Plateau`] are learning rates over the steps. [`WeightAverage`] averages the weights over the
//! steps, and [`NonMonotonic`] tells when the average begins.

pub(crate) mod adadelta;
pub(crate) mod adagrad;
pub(crate) mod adam;
pub(crate) mod adamax;
pub(crate) mod clip;
pub(crate) mod groups;
pub(crate) mod hyperparameters;
pub(crate) mod nadam;
pub(crate) mod non_monotonic;
pub(crate) mod optimizer;
pub(crate) mod plateau;
pub(crate) mod radam;
pub(crate) mod rmsprop;
pub(crate) mod schedule;
pub(crate) mod sgd;
pub(crate) mod slots;
pub(crate) mod weight_average;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use groups::Groups;
pub use nadam::NAdam;
pub use non_monotonic::NonMonotonic;
pub use optimizer::Optimizer;
pub use plateau::Plateau;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use schedule::Schedule;
pub use sgd::Sgd;
pub use weight_average::WeightAverage;
