//! Property-based gradient checks of recurrent cells, operations, functions and models.
//!
//! One line of a test makes random cells, runs them over random sequences, and checks the [laws](Law) that correct
//! gradients obey. Derivatives agree with differences to the third order. `J` and `Jᵀ` are adjoint. A scan equals its
//! loop. Padding changes nothing. No output depends on a later input.
//!
//! ```
//! use bptt_layers::{Elman, Lstm};
//!
//! bptt_gradcheck::cell(|rng, input, hidden| Lstm::new(rng, input, hidden)).check();
//!
//! // with options
//! bptt_gradcheck::cell(|rng, input, hidden| Elman::new(rng, input, hidden).bias(false))
//!     .named("Elman without bias")
//!     .exchangeable_units()
//!     .odd_symmetry()
//!     .cases(8)
//!     .check();
//! ```
//!
//! A failure names the smallest case found, the parameter, its element, the step and the lag that are wrong, and the
//! seed to check it again. [`cell`] checks recurrent cells, [`function`] and [`functions`] check equations,
//! [`operation`] checks gradient rules, and [`model`] anything else with parameters. [`oracle`] has derivations by
//! hand. The guide, `docs/test-your-cell.md`, says what each law catches, and has the tolerances.
//!
//! Known gaps: a function whose kinks cancel, such as `relu(x) − relu(−x)` at 0, is smooth where its rules are not, and
//! is reported as wrong there. Random cells are small. A fault that needs a large size is seen by [`Law::Threads`]
//! alone, which tells whether runs agree but not whether they are right.

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
