//! The weights of Keras's layers.
//!
//! | bptt | Keras | computes with |
//! |---|---|---|
//! | [`Elman`] | `SimpleRNN` | `activation` |
//! | [`Lstm`] | `LSTM` | `recurrent_activation` of the gates, `activation` of candidate and state |
//! | [`Gru`] with [`Reset::After`], with [`Reset::Before`] | `GRU` (`reset_after=True`, the default), with `reset_after=False` | `recurrent_activation` of the gates, `activation` of the candidate |
//! | [`Bidirectional`] of two of these | `Bidirectional` | as they do |
//! | [`Linear`], [`Embedding`] | `Dense`, `Embedding` | no activation: apply that of a `Dense` yourself |
//! | [`LayerNorm`] | `LayerNormalization` | `epsilon`, there 1e-3 by default |
//! | [`BatchNorm`] | `BatchNormalization` | `epsilon`, likewise |
//! | [`Conv1d`], [`Conv2d`] | `Conv1D`, `Conv2D` | no activation |
//! | [`Attention`] | `AdditiveAttention` or `Attention` of projections by `Dense` | |
//! | [`EncoderDecoder`] of these | its parts, by their names here | |
//!
//! A weight file contains neither activations nor epsilons. Build the model with those that it was trained with:
//!
//! | Keras | bptt |
//! |---|---|
//! | `"tanh"`, `"sigmoid"`, the defaults of layers | the defaults of cells |
//! | `"hard_sigmoid"` of Keras 3, `x / 6 + 0.5` | [`Activation::HardSigmoid`]` { slope: 1.0 / 6.0 }` |
//! | `"hard_sigmoid"` of Keras 1 and 2, `0.2 x + 0.5`; there the `recurrent_activation` of `LSTM` and `GRU` up to Keras 2.3, and of `tf.compat.v1` | [`Activation::HardSigmoid`]` { slope: 0.2 }` |
//! | `"linear"`, `"relu"`, `"elu"`, `"silu"`, `"gelu"`, `"softplus"`, `"hard_tanh"`, `"softmax"` | the [`Activation`] of that name |
//! | any other function | [`Activation::Custom`], which is not checked |
//!
//! Files that are saved as below hold these names as texts. Loading them into a model with other activations or
//! epsilons is an error. Keras has one name for both kinds of hard `σ`, so this check does not tell them apart.
//!
//! Keras does not write safetensors. The file has its variables unchanged, by their paths:
//!
//! ```python
//! from safetensors.numpy import load_file, save_file
//! save_file({v.path: v.numpy() for v in model.weights}, "model.safetensors", metadata={
//!     f"{layer.path}/{key}": str(value)
//!     for layer in model._flatten_layers() for key, value in layer.get_config().items()
//!     if key in ("activation", "recurrent_activation", "epsilon")})
//!
//! tensors = load_file("model.safetensors")  # and back
//! for v in model.weights:
//!     v.assign(tensors[v.path])
//! ```
//!
//! Each layer of a model is then a group with the layer's name. A `Sequential` or subclassed model puts its own name
//! before them, as in `sequential/lstm`: load from `archive.group("sequential")`. Stacked layers are separate layers in
//! Keras:
//!
//! ```standalone_crate
//! use bptt_layers::weights::{Layout, keras, keras::Keras};
//! use bptt_layers::{Bidirectional, Gru, Linear, Module};
//! use bptt_tensor::Scalar;
//!
//! # extern crate bptt_layers as bptt;
//! #[derive(Module)]
//! struct Model<T> {
//!     reader: Bidirectional<Gru<T>>,
//!     output: Linear<T>,
//! }
//!
//! impl<T: Scalar> Keras<T> for Model<T> {
//!     fn in_keras(&self) -> Layout<'_, T> {
//!         Layout::new()
//!             .group("bidirectional", self.reader.in_keras())
//!             .group("dense", self.output.in_keras())
//!     }
//! }
//!
//! let mut rng = bptt_layers::rng(0);
//! let mut gru = || Gru::<f32>::new(&mut rng, 3, 4);
//! let reader = Bidirectional::new(gru(), gru());
//! let mut model = Model { reader, output: Linear::new(&mut rng, 8, 2) };
//! let archive = keras::archive(&model);
//! assert_eq!(archive.tensor("bidirectional/forward_gru/gru_cell/bias")?.shape(), &[2, 12]);
//! keras::load(&mut model, &archive)?;
//! # Ok::<(), bptt_layers::weights::WeightsError>(())
//! ```
//!
//! Names that Keras derives may differ or be absent in a file. These are the name of the cell, such as `lstm_cell`, and
//! that of the layer in each direction, such as `forward_lstm_1`. (Before a cell's name it may be any, such as
//! `forward_reader`.) The latter is saved as `forward_lstm`; give the layer this name in Keras: `Bidirectional(LSTM(8, name="lstm"))`.

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
use crate::core::module::Module;
use crate::feedforward::batch_norm::BatchNorm;
use crate::feedforward::conv1d::Conv1d;
use crate::feedforward::conv2d::Conv2d;
use crate::feedforward::embedding::Embedding;
use crate::feedforward::layer_norm::LayerNorm;
use crate::feedforward::linear::Linear;
use crate::models::attention::Attention;
use crate::models::encoder_decoder::EncoderDecoder;
use crate::wrappers::bidirectional::Bidirectional;
use crate::wrappers::reversed::Reversed;

/// A module with a counterpart in Keras.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no counterpart in Keras of scalar type `{T}`",
    note = "implement `Keras` for a model, with a group for each of its parts"
)]
pub trait Keras<T: Scalar>: Module<T> {
    /// The module's variables in Keras, by their paths.
    fn in_keras(&self) -> Layout<'_, T>;
}

/// A cell with a counterpart in Keras, and therefore a layer of it.
pub trait RecurrentLayer {
    /// The type of the parameters' elements.
    type Scalar: Scalar;

    /// The layer's default name in Keras, such as `lstm`.
    const NAME: &'static str;

    /// The cell's variables in Keras.
    fn cell_in_keras(&self) -> Layout<'_, Self::Scalar>;
}

/// Loads a model from its variables.
///
/// # Errors
///
/// If the tensors are not exactly those that the model needs, in name and shape, or if a text says that they were
/// trained with other [settings](Layout::setting). The model then stays as it was.
///
/// # Panics
///
/// If the model has a parameter that Keras does not have, or two of its parts have the same name there.
#[track_caller]
pub fn load<T: Scalar>(
    model: &mut impl Keras<T>,
    archive: &Archive<T>,
) -> Result<(), WeightsError> {
    let (values, unmatched) = model.in_keras().read(model, archive, &SPELLING)?;
    archive.expect_matched(&unmatched)?;
    values.assign_to(model)
}

/// Loads the variables that match, and returns the names of those that do not: see [`Archive::assign_matching_to`].
///
/// # Errors
///
/// If a variable has another shape, or a type that a `T` does not hold exactly, or if a setting differs. The model
/// then stays as it was.
///
/// # Panics
///
/// As [`load`].
#[track_caller]
pub fn load_matching<T: Scalar>(
    model: &mut impl Keras<T>,
    archive: &Archive<T>,
) -> Result<Unmatched, WeightsError> {
    let (values, unmatched) = model.in_keras().read(model, archive, &SPELLING)?;
    let _ = values.assign_matching_to(model)?;
    Ok(unmatched)
}

/// The variables of a model.
///
/// # Panics
///
/// As [`load`].
#[track_caller]
#[must_use]
pub fn archive<T: Scalar>(model: &impl Keras<T>) -> Archive<T> {
    model.in_keras().write(model, &SPELLING)
}

const SPELLING: Spelling = Spelling { separator: "/", essence };

/// Removes the names that Keras derives from a path: `bidirectional/forward_lstm_1/lstm_cell/bias` becomes
/// `bidirectional/forward/bias`.
fn essence(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').collect();
    let essential = segments.iter().enumerate().filter(|(_, segment)| !CELLS.contains(segment));
    let directed = essential.map(|(i, &segment)| match segment.split_once('_') {
        Some((direction @ ("forward" | "backward"), layer))
            if segments.get(i + 1).is_some_and(|cell| CELLS.contains(cell))
                || LAYERS.iter().any(|name| layer.starts_with(name)) =>
        {
            direction
        }
        _ => segment,
    });
    directed.collect::<Vec<_>>().join("/")
}

const LAYERS: [&str; 3] = ["simple_rnn", "lstm", "gru"];
const CELLS: [&str; 3] = ["simple_rnn_cell", "lstm_cell", "gru_cell"];

impl<T: Scalar> Keras<T> for Linear<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new().tensor("kernel", [&self.w]).tensor("bias", &self.b)
    }
}

impl<T: Scalar> Keras<T> for Embedding<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new().tensor("embeddings", [&self.table])
    }
}

impl<T: Scalar> Keras<T> for LayerNorm<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new()
            .tensor("gamma", [&self.gain])
            .tensor("beta", [&self.bias])
            .setting("epsilon", self.epsilon)
    }
}

impl<T: Scalar> Keras<T> for BatchNorm<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new()
            .tensor("gamma", [&self.gain])
            .tensor("beta", [&self.bias])
            .tensor("moving_mean", [&self.mean])
            .tensor("moving_variance", [&self.variance])
            .setting("epsilon", self.epsilon)
    }
}

impl<T: Scalar> Keras<T> for Conv1d<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new().tensor("kernel", [&self.w]).tensor("bias", &self.b)
    }
}

impl<T: Scalar> Keras<T> for Conv2d<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new().tensor("kernel", [&self.w]).tensor("bias", &self.b)
    }
}

/// Keras's attention has no projections. They are separate `Dense` layers without biases. Additive attention is
/// `AdditiveAttention([Dense_query(q), m, Dense_key(m)])`, multiplicative attention is
/// `Attention([Dense_query(q), m])`.
impl<T: Scalar> Keras<T> for Attention<T> {
    fn in_keras(&self) -> Layout<'_, T> {
        match self {
            Self::Additive { w_q, w_m, v } => {
                let scale = Part::from(v).reshaped(&[v.value().len()]);
                Layout::new()
                    .group("query", Layout::new().tensor("kernel", [w_q]))
                    .group("key", Layout::new().tensor("kernel", [w_m]))
                    .group("additive_attention", Layout::new().tensor("scale", [scale]))
            }
            Self::Multiplicative { w } => {
                Layout::new().group("query", Layout::new().tensor("kernel", [w]))
            }
        }
    }
}

impl<T: Scalar, E: Keras<T>, D: Keras<T>> Keras<T> for EncoderDecoder<T, E, D> {
    #[track_caller]
    fn in_keras(&self) -> Layout<'_, T> {
        let model = Layout::new()
            .group("source", self.source.in_keras())
            .group("encoder", self.encoder.in_keras())
            .group("target", self.target.in_keras())
            .group("decoder", self.decoder.in_keras())
            .group("output", self.output.in_keras());
        match &self.attention {
            Some(attention) => model.group("attention", attention.in_keras()),
            None => model,
        }
    }
}

impl<L: RecurrentLayer + Module<L::Scalar>> Keras<L::Scalar> for L {
    #[track_caller]
    fn in_keras(&self) -> Layout<'_, L::Scalar> {
        Layout::new().group(&format!("{}_cell", L::NAME), self.cell_in_keras())
    }
}

impl<T: Scalar, F, B> Keras<T> for Bidirectional<F, B>
where
    F: RecurrentLayer<Scalar = T> + Module<T>,
    B: RecurrentLayer<Scalar = T> + Module<T>,
{
    #[track_caller]
    fn in_keras(&self) -> Layout<'_, T> {
        Layout::new()
            .group(&format!("forward_{}", F::NAME), self.forward.in_keras())
            .group(&format!("backward_{}", B::NAME), self.backward.in_keras())
    }
}

impl<T: Scalar, L: Keras<T>> Keras<T> for Reversed<L> {
    #[track_caller]
    fn in_keras(&self) -> Layout<'_, T> {
        self.layer.in_keras()
    }
}

impl<T: Scalar> RecurrentLayer for Elman<T> {
    type Scalar = T;
    const NAME: &'static str = "simple_rnn";

    fn cell_in_keras(&self) -> Layout<'_, T> {
        Layout::new()
            .tensor("kernel", [&self.w_ih])
            .tensor("recurrent_kernel", [&self.w_hh])
            .tensor("bias", &self.b)
            .and(activation("activation", &self.activation))
    }
}

/// # Panics
///
/// If the functions of candidate and state are different: Keras has one for both.
impl<T: Scalar> RecurrentLayer for Lstm<T> {
    type Scalar = T;
    const NAME: &'static str = "lstm";

    #[track_caller]
    fn cell_in_keras(&self) -> Layout<'_, T> {
        let (candidate, state) = (&self.candidate_activation, &self.state_activation);
        let [one, other] = [candidate, state].map(|activation| format!("{activation:?}"));
        assert!(
            one == other,
            "Keras's LSTM computes candidate and state with one activation, not with {one} and {other}; \
             build this one with one"
        );
        Layout::new()
            .tensor("kernel", [&self.w_ih])
            .tensor("recurrent_kernel", [&self.w_hh])
            .tensor("bias", &self.b)
            .and(activation("recurrent_activation", &self.gate_activation))
            .and(activation("activation", candidate))
    }
}

/// Keras orders the gates `z`, `r`, `n`. If the reset comes after the product, its bias has two rows, for the input and
/// the recurrent product.
impl<T: Scalar> RecurrentLayer for Gru<T> {
    type Scalar = T;
    const NAME: &'static str = "gru";

    fn cell_in_keras(&self) -> Layout<'_, T> {
        let hidden_size = self.w_hh_n.shape()[0];
        let [r, z, n] = [0, 1, 2].map(|gate| gate * hidden_size..(gate + 1) * hidden_size);
        let weights = Layout::new()
            .tensor("kernel", [&z, &r, &n].map(|gate| Part::columns(&self.w_ih, gate.clone())))
            .tensor(
                "recurrent_kernel",
                [
                    Part::columns(&self.w_hh_rz, z.clone()),
                    Part::columns(&self.w_hh_rz, r.clone()),
                    (&self.w_hh_n).into(),
                ],
            );
        let weights = weights
            .and(activation("recurrent_activation", &self.gate_activation))
            .and(activation("activation", &self.candidate_activation))
            .setting("reset_after", if self.reset == Reset::After { "True" } else { "False" });
        let Some(b) = &self.b else { return weights };
        let [b_r, b_z, b_n] = [r, z, n].map(|gate| Part::columns(b, gate));
        match &self.b_hh_n {
            None => weights.tensor("bias", [b_z, b_r, b_n]),
            Some(b_hh_n) => {
                weights.rows("bias", 2, [b_z.clone(), b_r.clone(), b_n, b_z, b_r, b_hh_n.into()])
            }
        }
    }
}

/// The setting of an activation, if the activation has a name in Keras.
fn activation<T: Scalar>(setting: &str, activation: &Activation<T>) -> Layout<'static, T> {
    let name = match activation {
        Activation::Identity => "linear",
        Activation::Tanh => "tanh",
        Activation::Sigmoid => "sigmoid",
        Activation::Relu => "relu",
        Activation::Softplus => "softplus",
        Activation::Elu => "elu",
        Activation::Silu => "silu",
        Activation::Gelu => "gelu",
        Activation::HardTanh => "hard_tanh",
        Activation::HardSigmoid { .. } => "hard_sigmoid",
        Activation::Softmax => "softmax",
        Activation::GeluTanh
        | Activation::Spike(_)
        | Activation::Table(_)
        | Activation::Elementwise(_)
        | Activation::Custom(_) => return Layout::new(),
    };
    Layout::new().setting(setting, name)
}
