//! Property-based proofs of gradients: of anyone's recurrent cell, operation, function or model.
//!
//! In one line of a test, a cell is made at random again and again, run over random sequences, and held to
//! the [laws](Law) that correct gradients obey: differences to the third order, products with Jacobians
//! that belong together, scans that are loops, padding that changes nothing, outputs that depend on no later
//! input.
//!
//! ```
//! use bptt_layers::{Elman, Lstm};
//!
//! bptt_gradcheck::cell(|rng, input, hidden| Lstm::new(rng, input, hidden)).check();
//!
//! // what more there is to say of a cell
//! bptt_gradcheck::cell(|rng, input, hidden| Elman::new(rng, input, hidden).bias(false))
//!     .named("Elman without bias")
//!     .exchangeable_units()
//!     .odd_symmetry()
//!     .cases(8)
//!     .check();
//! ```
//!
//! A failure names the smallest case found, the parameter, its element, the step and the lag that are wrong,
//! and the seed to check it again. [`cell`] is for recurrent cells, [`function`] and [`functions`] for equations,
//! [`operation`] for gradient rules, [`model`] for all else with parameters; [`oracle`] has derivations by hand.
//! The guide, `docs/test-your-cell.md`, says what each law catches and what equal means.
//!
//! Known gaps: a function whose kinks cancel, as those of `relu(x) − relu(−x)` do at 0, is smooth where its
//! rules are not, and is said to be wrong there. Random cells are small: what goes wrong from a size on is seen by
//! [`Law::Threads`] alone, and in whether runs agree, not in whether they are right.

#![forbid(unsafe_code)]

mod any_cell;
mod cell_case;
mod cells;
mod check;
mod differences;
mod evidence;
mod law;
mod laws;
mod models;
pub mod oracle;
mod report;
mod rounding;
mod shapes;
mod subject;
mod values;
mod violation;

pub use cell_case::{Draw, Sizes, cell_sizes};
pub use cells::{Cells, cell};
pub use check::{Check, Family};
pub use evidence::Evidence;
pub use law::Law;
pub use models::{FunctionDraw, Functions, function, functions, model, operation};
pub use report::{Failure, Finding, Report, SaveError, html};
pub use shapes::{broadcastable, extents, lengths, masks, sequences, shapes, tensors};
pub use values::{Domain, domains};
pub use violation::{Entry, Mismatch, Violation};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
