//! The weights of PyTorch's modules.
//!
//! | bptt | PyTorch |
//! |---|---|
//! | [`Elman`] with `tanh` or `relu`, [`Lstm`], [`ProjectedLstm`], [`Gru`] with [`Reset::After`] | `nn.RNN`, `nn.LSTM`, `nn.LSTM` with `proj_size`, `nn.GRU` |
//! | [`Bidirectional`] of two of these | the same with `bidirectional=True` |
//! | [`Stack`] of either | the same with `num_layers` |
//! | [`Reversed`] of any of these | the same: the direction is not a weight |
//! | [`Linear`], [`Embedding`], [`LayerNorm`] | `nn.Linear`, `nn.Embedding`, `nn.LayerNorm` |
//! | [`Conv1d`], [`Conv2d`], [`BatchNorm`] | `nn.Conv1d`, `nn.Conv2d`, `nn.BatchNorm1d` |
//! | [`Attention`] | a module with an `nn.Linear(…, bias=False)` for each of its parameters, by their names here |
//! | [`EncoderDecoder`] of these | a module of its parts, by their names here |
//! | [`Crf`] | `CRF` of the package pytorch-crf |
//!
//! A model of such parts states their names in PyTorch, and then loads from a state dict in one line. The dict must
//! have exactly the model's tensors, with the same shapes:
//!
//! ```standalone_crate
//! use bptt_layers::weights::{Archive, Layout, pytorch, pytorch::PyTorch};
//! use bptt_layers::{Embedding, Linear, Lstm, Module, Stack};
//! use bptt_tensor::Scalar;
//!
//! # extern crate bptt_layers as bptt;
//! #[derive(Module)]
//! struct Model<T> {
//!     embedding: Embedding<T>,
//!     lstm: Stack<Lstm<T>>,
//!     output: Linear<T>,
//! }
//!
//! impl<T: Scalar> PyTorch<T> for Model<T> {
//!     fn in_pytorch(&self) -> Layout<'_, T> {
//!         Layout::new()
//!             .group("embed", self.embedding.in_pytorch())
//!             .group("lstm", self.lstm.in_pytorch())
//!             .group("head", self.output.in_pytorch())
//!     }
//! }
//!
//! let mut rng = bptt_layers::rng(0);
//! let mut model = Model::<f32> {
//!     embedding: Embedding::new(&mut rng, 10, 8),
//!     lstm: Stack::new(vec![Lstm::new(&mut rng, 8, 16), Lstm::new(&mut rng, 16, 16)]),
//!     output: Linear::new(&mut rng, 16, 10),
//! };
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("model.safetensors");
//! # pytorch::archive(&model).save(&path)?;
//! // in Python: safetensors.torch.save_file(model.state_dict(), path), with model.embed = nn.Embedding(10, 8),
//! // model.lstm = nn.LSTM(8, 16, num_layers=2), model.head = nn.Linear(16, 10)
//! pytorch::load(&mut model, &Archive::load(&path)?)?;
//!
//! pytorch::archive(&model).save(&path)?;
//! // in Python: model.load_state_dict(safetensors.torch.load_file(path))
//! # let names = Archive::<f32>::load(&path)?;
//! # assert!(names.names().any(|name| name == "lstm.weight_hh_l1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A part on its own loads from its group: `pytorch::load(&mut lstm, &archive.group("encoder.lstm"))`.
//!
//! PyTorch multiplies column vectors, so its `weight_ih` is the transpose of our `w_ih`, and `weight_hh` that of
//! `w_hh`. Our `b` is the sum of its `bias_ih` and `bias_hh`, and is saved as `bias_ih`. Only the candidate of a GRU
//! has both: `b` and `b_hh_n`. A cell alone, such as `nn.LSTMCell`, is `lstm.layer_in_pytorch("")` in a model's layout:
//! see [`RecurrentLayer`]. No file contains activations and epsilons: build the model with those that it was trained
//! with. PyTorch's gated cells have the activations `σ` and `tanh` only, and `nn.RNN` has `tanh` or `relu`. A cell with
//! other activations panics.

use bptt_autodiff::Param;
use bptt_tensor::Scalar;

use super::archive::Archive;
use super::error::WeightsError;
use super::layout::Layout;
use super::matching::Unmatched;
use super::part::Part;
use super::spelling::Spelling;
use crate::activation::Activation;
use crate::cells::elman::Elman;
use crate::cells::gru::{Gru, Reset};
use crate::cells::lstm::Lstm;
use crate::cells::projected::ProjectedLstm;
use crate::core::module::Module;
use crate::feedforward::batch_norm::BatchNorm;
use crate::feedforward::conv1d::Conv1d;
use crate::feedforward::conv2d::Conv2d;
use crate::feedforward::embedding::Embedding;
use crate::feedforward::layer_norm::LayerNorm;
use crate::feedforward::linear::Linear;
use crate::models::attention::Attention;
use crate::models::crf::Crf;
use crate::models::encoder_decoder::EncoderDecoder;
use crate::wrappers::bidirectional::Bidirectional;
use crate::wrappers::reversed::Reversed;
use crate::wrappers::stack::Stack;

/// A module with a counterpart in PyTorch.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no counterpart in PyTorch of scalar type `{T}`",
    note = "implement `PyTorch` for a model, with a group for each of its parts"
)]
pub trait PyTorch<T: Scalar>: Module<T> {
    /// The module's tensors in PyTorch, as in its `state_dict`.
    fn in_pytorch(&self) -> Layout<'_, T>;
}

/// One layer of a recurrent network of PyTorch: a cell, or a cell for each direction.
pub trait RecurrentLayer {
    /// The type of the parameters' elements.
    type Scalar: Scalar;

    /// The layer's tensors in PyTorch, whose names have this ending. It is `_l0` for the lowest layer, and empty for a
    /// single cell, such as `nn.LSTMCell`.
    fn layer_in_pytorch(&self, ending: &str) -> Layout<'_, Self::Scalar>;
}

/// Loads a model from the tensors of its `state_dict`.
///
/// # Errors
///
/// If the tensors are not exactly those that the model needs, in name and shape, or if a text says that they were
/// trained with other [settings](Layout::setting). The model then stays as it was.
///
/// # Panics
///
/// If the model has a parameter or an equation that PyTorch does not have, or two of its parts have the
/// same name there.
#[track_caller]
pub fn load<T: Scalar>(
    model: &mut impl PyTorch<T>,
    archive: &Archive<T>,
) -> Result<(), WeightsError> {
    let (values, unmatched) = model.in_pytorch().read(model, archive, &SPELLING)?;
    archive.expect_matched(&unmatched)?;
    values.assign_to(model)
}

/// Loads the tensors of its `state_dict` that match, and returns the names of those that do not: see
/// [`Archive::assign_matching_to`].
///
/// # Errors
///
/// If a tensor has another shape, or a type that a `T` does not hold exactly, or if a setting differs. The model then
/// stays as it was.
///
/// # Panics
///
/// As [`load`].
#[track_caller]
pub fn load_matching<T: Scalar>(
    model: &mut impl PyTorch<T>,
    archive: &Archive<T>,
) -> Result<Unmatched, WeightsError> {
    let (values, unmatched) = model.in_pytorch().read(model, archive, &SPELLING)?;
    let _ = values.assign_matching_to(model)?;
    Ok(unmatched)
}

/// The tensors of a model's `state_dict`.
///
/// # Panics
///
/// As [`load`].
#[track_caller]
#[must_use]
pub fn archive<T: Scalar>(model: &impl PyTorch<T>) -> Archive<T> {
    model.in_pytorch().write(model, &SPELLING)
}

const SPELLING: Spelling = Spelling { separator: ".", essence: str::to_owned };

impl<T: Scalar> PyTorch<T> for Linear<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new().transposed("weight", [&self.w]).tensor("bias", &self.b)
    }
}

impl<T: Scalar> PyTorch<T> for Embedding<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new().tensor("weight", [&self.table])
    }
}

impl<T: Scalar> PyTorch<T> for LayerNorm<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new().tensor("weight", [&self.gain]).tensor("bias", [&self.bias])
    }
}

/// The counter `num_batches_tracked` in PyTorch's files is ignored. PyTorch does not need it to load.
impl<T: Scalar> PyTorch<T> for BatchNorm<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new()
            .tensor("weight", [&self.gain])
            .tensor("bias", [&self.bias])
            .tensor("running_mean", [&self.mean])
            .tensor("running_var", [&self.variance])
            .ignored("num_batches_tracked")
    }
}

/// The weight is `[O, I, K]`.
impl<T: Scalar> PyTorch<T> for Conv1d<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new().transposed("weight", [&self.w]).tensor("bias", &self.b)
    }
}

/// The weight is `[O, I, K₁, K₂]`. Images are `[B, H, W, I]` here and `[B, I, H, W]` there, so that a flattened image has
/// another order.
impl<T: Scalar> PyTorch<T> for Conv2d<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new().permuted("weight", &[3, 2, 0, 1], [&self.w]).tensor("bias", &self.b)
    }
}

/// The layout of `CRF` in the package pytorch-crf, since PyTorch has no conditional random field.
impl<T: Scalar> PyTorch<T> for Crf<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        Layout::new()
            .tensor("start_transitions", [&self.start])
            .tensor("end_transitions", [&self.end])
            .tensor("transitions", [&self.transitions])
    }
}

/// Linear maps without biases, with the names of the parameters in bptt: `w_q`, `w_m` and `v`, or `w`.
impl<T: Scalar> PyTorch<T> for Attention<T> {
    fn in_pytorch(&self) -> Layout<'_, T> {
        let map = |w| Layout::new().transposed("weight", [w]);
        match self {
            Self::Additive { w_q, w_m, v } => {
                Layout::new().group("w_q", map(w_q)).group("w_m", map(w_m)).group("v", map(v))
            }
            Self::Multiplicative { w } => Layout::new().group("w", map(w)),
        }
    }
}

/// The modules have the names of the parts in bptt.
impl<T: Scalar, E: PyTorch<T>, D: PyTorch<T>> PyTorch<T> for EncoderDecoder<T, E, D> {
    #[track_caller]
    fn in_pytorch(&self) -> Layout<'_, T> {
        let model = Layout::new()
            .group("source", self.source.in_pytorch())
            .group("encoder", self.encoder.in_pytorch())
            .group("target", self.target.in_pytorch())
            .group("decoder", self.decoder.in_pytorch())
            .group("output", self.output.in_pytorch());
        match &self.attention {
            Some(attention) => model.group("attention", attention.in_pytorch()),
            None => model,
        }
    }
}

/// A network of one layer.
impl<L: RecurrentLayer + Module<L::Scalar>> PyTorch<L::Scalar> for L {
    #[track_caller]
    fn in_pytorch(&self) -> Layout<'_, L::Scalar> {
        self.layer_in_pytorch("_l0")
    }
}

impl<L: RecurrentLayer + Module<L::Scalar>> PyTorch<L::Scalar> for Stack<L> {
    #[track_caller]
    fn in_pytorch(&self) -> Layout<'_, L::Scalar> {
        let mut layout = Layout::new();
        for (position, layer) in self.layers().iter().enumerate() {
            layout = layout.and(layer.layer_in_pytorch(&format!("_l{position}")));
        }
        layout
    }
}

impl<T: Scalar, L: PyTorch<T>> PyTorch<T> for Reversed<L> {
    #[track_caller]
    fn in_pytorch(&self) -> Layout<'_, T> {
        self.layer.in_pytorch()
    }
}

impl<F: RecurrentLayer, B: RecurrentLayer<Scalar = F::Scalar>> RecurrentLayer
    for Bidirectional<F, B>
{
    type Scalar = F::Scalar;

    #[track_caller]
    fn layer_in_pytorch(&self, ending: &str) -> Layout<'_, F::Scalar> {
        let backward = self.backward.layer_in_pytorch(&format!("{ending}_reverse"));
        self.forward.layer_in_pytorch(ending).and(backward)
    }
}

/// # Panics
///
/// If it computes with another function than `tanh` or `relu`.
impl<T: Scalar> RecurrentLayer for Elman<T> {
    type Scalar = T;

    #[track_caller]
    fn layer_in_pytorch(&self, ending: &str) -> Layout<'_, T> {
        assert!(
            matches!(self.activation, Activation::Tanh | Activation::Relu),
            "PyTorch's RNN computes with `Tanh` or `Relu`, not with {:?}; build this one with one of them",
            self.activation
        );
        Layout::new()
            .transposed(&format!("weight_ih{ending}"), [&self.w_ih])
            .transposed(&format!("weight_hh{ending}"), [&self.w_hh])
            .and(biases(self.b.as_ref(), ending))
    }
}

/// # Panics
///
/// If it computes with other functions than `σ` and `tanh`.
impl<T: Scalar> RecurrentLayer for Lstm<T> {
    type Scalar = T;

    #[track_caller]
    fn layer_in_pytorch(&self, ending: &str) -> Layout<'_, T> {
        let others = [&self.candidate_activation, &self.state_activation];
        expect_its_functions(&self.gate_activation, &others);
        Layout::new()
            .transposed(&format!("weight_ih{ending}"), [&self.w_ih])
            .transposed(&format!("weight_hh{ending}"), [&self.w_hh])
            .and(biases(self.b.as_ref(), ending))
    }
}

/// # Panics
///
/// If it computes with other functions than `σ` and `tanh`.
impl<T: Scalar> RecurrentLayer for ProjectedLstm<T> {
    type Scalar = T;

    #[track_caller]
    fn layer_in_pytorch(&self, ending: &str) -> Layout<'_, T> {
        let others = [&self.candidate_activation, &self.state_activation];
        expect_its_functions(&self.gate_activation, &others);
        Layout::new()
            .transposed(&format!("weight_ih{ending}"), [&self.w_ih])
            .transposed(&format!("weight_hh{ending}"), [&self.w_hh])
            .transposed(&format!("weight_hr{ending}"), [&self.w_hr])
            .and(biases(self.b.as_ref(), ending))
    }
}

/// # Panics
///
/// If the reset comes before the product, or if the cell computes with other functions than `σ` and `tanh`.
impl<T: Scalar> RecurrentLayer for Gru<T> {
    type Scalar = T;

    #[track_caller]
    fn layer_in_pytorch(&self, ending: &str) -> Layout<'_, T> {
        assert!(
            self.reset == Reset::After,
            "PyTorch's GRU resets after the product; build this one with `Reset::After`"
        );
        expect_its_functions(&self.gate_activation, &[&self.candidate_activation]);
        let gates = 2 * self.w_hh_n.shape()[0];
        // the reset gate multiplies the candidate's recurrent bias, so it cannot be merged with the other
        let recurrent = (self.b.as_ref().zip(self.b_hh_n.as_ref()))
            .map(|(b, b_hh_n)| [Part::columns(b, 0..gates), b_hh_n.into()]);
        Layout::new()
            .transposed(&format!("weight_ih{ending}"), [&self.w_ih])
            .transposed(&format!("weight_hh{ending}"), [&self.w_hh_rz, &self.w_hh_n])
            .tensor(&format!("bias_ih{ending}"), &self.b)
            .tensor(&format!("bias_hh{ending}"), recurrent.into_iter().flatten())
    }
}

/// Refuses a gated cell with functions that PyTorch does not compute.
#[track_caller]
fn expect_its_functions<T: Scalar>(gate: &Activation<T>, others: &[&Activation<T>]) {
    let are_its = matches!(gate, Activation::Sigmoid)
        && others.iter().all(|function| matches!(function, Activation::Tanh));
    assert!(
        are_its,
        "PyTorch's gated cells compute with `Sigmoid` and `Tanh`, not with {gate:?} and {others:?}; build this \
         one without other activations"
    );
}

/// Both biases of a layer, which bptt adds up to one.
fn biases<'m, T: Scalar>(b: Option<&'m Param<T>>, ending: &str) -> Layout<'m, T> {
    Layout::new().tensor(&format!("bias_ih{ending}"), b).tensor(&format!("bias_hh{ending}"), b)
}
