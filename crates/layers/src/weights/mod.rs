//! Weight files: parameters, and anything else that training needs to continue, in safetensors format.
//!
//! ```
//! use bptt_autodiff::Param;
//! use bptt_layers::weights;
//! use bptt_tensor::Tensor;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("model.safetensors");
//! let model = [Param::new(Tensor::<f32>::ones([2, 3])), Param::new(Tensor::zeros([3]))];
//! weights::save(&model, &path)?;
//!
//! let mut restored = model.clone();
//! weights::load(&mut restored, &path)?;
//! assert_eq!(restored[0].value(), model[0].value());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A file replaces its predecessor atomically: even if the program is killed, a complete file is left. A checksum
//! detects a damaged file. Files of other programs load without one. Values are stored in the model's precision, or
//! [rounded](Archive::rounded_to) to sixteen bits. A file loads into a model whose precision holds its values exactly.
//! Both kinds of half precision and single precision load into models of either precision. Double precision loads into
//! double precision.
//!
//! [`pytorch`] and [`keras`] load and save models of these frameworks, with the names and layouts of their weights.

pub(crate) mod archive;
#[doc(hidden)] // for the files of `bptt-analysis`; not a public API
pub mod atomic;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod groups;
pub(crate) mod header;
pub mod keras;
pub(crate) mod layout;
pub(crate) mod matching;
pub(crate) mod part;
pub(crate) mod present;
pub mod pytorch;
pub(crate) mod spelling;
pub(crate) mod stored;

use std::path::Path;

use bptt_tensor::Scalar;

pub use archive::Archive;
pub use bptt_tensor::HalfPrecision;
pub use error::{WeightsError, WeightsProblem};
pub use layout::Layout;
pub use matching::Unmatched;
pub use part::Part;
pub use present::Present;

use crate::core::init;
use crate::core::module::Module;

/// Saves the parameters of a model.
///
/// An existing file is replaced atomically, and only once the new one is safely stored. Any values can be saved,
/// including NaN.
///
/// # Errors
///
/// If the file cannot be written or safely stored: see [`Archive::save`].
pub fn save<T: Scalar>(model: &dyn Module<T>, path: impl AsRef<Path>) -> Result<(), WeightsError> {
    Archive::of(model).save(path)
}

/// Loads the parameters of a model that was built with the same sizes.
///
/// # Errors
///
/// If the file cannot be read, or does not hold exactly the model's parameters. The model then stays as it was.
pub fn load<T: Scalar>(
    model: &mut dyn Module<T>,
    path: impl AsRef<Path>,
) -> Result<(), WeightsError> {
    Archive::load(path)?.assign_to(model)
}

/// Builds a model and loads it, without drawing the initial values that `load` replaces.
///
/// While `build` runs, every [`Init`](crate::Init) on its thread returns zeros and draws no random numbers. Even for
/// a large model with orthogonal initial values, loading then takes only the time to read the weights.
///
/// ```
/// use bptt_layers::{Lstm, weights};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("model.safetensors");
/// # let trained = Lstm::<f32>::new(&mut bptt_layers::rng(1), 3, 4);
/// # weights::save(&trained, &path)?;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = weights::build(
///     || Lstm::<f32>::new(&mut rng, 3, 4),
///     |lstm| weights::load(lstm, &path),
/// )?;
/// # assert_eq!(lstm.w_hh.value(), trained.w_hh.value());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A parameter that `load` leaves out stays zero. Therefore load the whole model, by [`load`], [`Archive::assign_to`],
/// [`pytorch::load`] or [`keras::load`].
///
/// # Errors
///
/// As `load` does.
pub fn build<M, E>(
    build: impl FnOnce() -> M,
    load: impl FnOnce(&mut M) -> Result<(), E>,
) -> Result<M, E> {
    let mut model = init::blank(build);
    load(&mut model)?;
    Ok(model)
}
