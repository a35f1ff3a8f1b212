//! Training runs on disk: saved in one call, resumed to the bit, and never overwritten by another run.
//!
//! A [`Training`] holds the state that determines how a run continues. A [`Run`] saves it and restores it.
//!
//! ```
//! use bptt_autodiff::Tape;
//! use bptt_layers::run::{Run, RunError, Training};
//! use bptt_layers::{Adam, Linear, Schedule, loss};
//! use bptt_tensor::Tensor;
//!
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path().join("model.safetensors");
//! fn training() -> Training<f32, Linear<f32>, Adam<f32>> {
//!     let mut rng = bptt_layers::rng(0);
//!     let model = Linear::new(&mut rng, 3, 1);
//!     Training::new(model, Adam::new(0.01), rng).schedule(Schedule::cosine(0.01, 100, 1e-4))
//! }
//!
//! fn train(training: &mut Training<f32, Linear<f32>, Adam<f32>>, steps: usize) {
//!     while training.step < steps {
//!         let xs = Tensor::normal([8, 3], 0.0, 1.0, &mut training.rng); // [B, F]
//!         let tape = Tape::new();
//!         let xs = tape.constant(xs);
//!         let loss = loss::huber(training.model.forward(xs), xs.sum_keep(&[-1]), 1.0).mean();
//!         let gradients = tape.backward(loss);
//!         training.update(&gradients);
//!     }
//! }
//!
//! let mut run = Run::new(&out)?; // now no other run can save there
//! let mut interrupted = training();
//! train(&mut interrupted, 40);
//! run.save(&interrupted)?;
//! # drop(run);
//!
//! let run = Run::resume(&out)?; // in another program, perhaps
//! let mut resumed = training();
//! run.restore(&mut resumed)?;
//! train(&mut resumed, 100);
//!
//! let mut whole = training();
//! train(&mut whole, 100);
//! assert_eq!(resumed.model.w.value(), whole.model.w.value(), "the same bits");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod files;
mod place;
mod training;

pub use error::RunError;
pub use files::Files;
pub use place::Run;
pub use training::{LearningRate, Training};
