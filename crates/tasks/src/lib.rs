//! The tasks on which the literature measures recurrent networks.
//!
//! A task is a small struct whose `batch` draws sequences with your random generator. All batches are
//! time-major, as layers read them: vectors `[T, B, F]`, symbols and classes `[T, B]` in row-major order. Where
//! sequences may have any length, `batch` takes the shape `[T, B]`, else the number of sequences `B`.
//!
//! ```
//! use bptt_tasks::{Adding, Batch};
//!
//! let rng = &mut bptt_layers::rng(0);
//! let Batch { inputs, targets } = Adding.batch::<f32>(rng, [50, 32]);
//! assert_eq!((&inputs.shape()[..], &targets.shape()[..]), (&[50, 32, 2][..], &[32, 1][..]));
//! ```
//!
//! Floors and baselines are methods of the task where they are known, exact or to many digits. `floor` is the least
//! expected loss of any model. `memoryless_loss` or `memoryless_accuracy` is the best that can be done from the input of the
//! same step alone. A model has learned the task when it leaves these figures behind.
//! Losses are those of `bptt_layers::loss`: cross-entropy in nats, or squared error, averaged over positions.
//!
//! | task | inputs | targets |
//! |---|---|---|
//! | [`Adding`] | numbers, two of them marked | their sum |
//! | [`CopyMemory`] | symbols, and a long wait | the same symbols |
//! | [`Latch`] | a sign, and noise | the sign, at the end |
//! | [`BinaryAddition`] | the digits of two numbers | those of their sum |
//! | [`Sorting`] | numbers | their positions in order |
//! | [`Waves`] | a sine, saw, square, or a sum, with noise | the next value |
//! | [`TimeSeries`] | an autoregressive process, or a random walk | the next value |
//! | [`Sensors`] | readings of sensors | the one that is stuck |
//! | [`Handwriting`] | movements of a pen | the letters |
//! | [`Glyphs`] | letters and digits as pictures | which it is |
//! | [`MovingDot`] | frames of a film | where the dot moved |
//! | [`Polarity`] | sentences with negations | praise or blame |
//! | [`Tagging`] | sentences with ambiguous words | the part of speech of each word |
//! | [`Dates`] | dates as people write them | dates in ISO 8601 |
//! | [`Melody`] | notes of tunes with repetitions | the next note |
//! | [`Genome`] | bases | which lie in an open reading frame |
//!
//! [`Numerals`] are numbers in words of two languages. [`languages`] are formal languages whose entropy is known
//! exactly. In [`environments`], [`agents`] learn by reinforcement.

#![forbid(unsafe_code)]

pub mod agents;
mod batch;
pub mod environments;
mod images;
pub mod languages;
mod memory;
mod signals;
mod texts;

pub use batch::{Batch, Symbols};
pub use images::glyphs::Glyphs;
pub use images::moving_dot::{Move, MovingDot};
pub use memory::adding::Adding;
pub use memory::binary_addition::BinaryAddition;
pub use memory::copy_memory::CopyMemory;
pub use memory::latch::Latch;
pub use memory::sorting::Sorting;
pub use signals::handwriting::Handwriting;
pub use signals::sensors::Sensors;
pub use signals::time_series::TimeSeries;
pub use signals::waves::Waves;
pub use texts::dates::Dates;
pub use texts::genome::Genome;
pub use texts::melody::Melody;
pub use texts::numerals::Numerals;
pub use texts::polarity::Polarity;
pub use texts::tagging::Tagging;
