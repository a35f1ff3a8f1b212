//! Recurrent cells, layers, losses, initializers and optimizers.
//!
//! A cell is its equations: an implementation of [`Cell`] for a struct of parameters, which
//! `#[derive(Module)]` names, counts, saves and loads. [`scan`] runs it over a sequence. A cell that says
//! how wide its state is ([`StateSizes`]) is a [`Layer`], and so is what is put around layers;
//! [`Recurrence`] runs them in all ways.
//!
//! ```standalone_crate
//! use bptt_autodiff::Tape;
//! use bptt_layers::{Adam, Embedding, Layer, Linear, Lstm, Module, Optimizer, loss};
//! use rand::SeedableRng;
//! use rand_xoshiro::Xoshiro256PlusPlus;
//!
//! # extern crate bptt_layers as bptt;
//! #[derive(Module)]
//! struct Model<T> {
//!     embedding: Embedding<T>,
//!     lstm: Lstm<T>,
//!     output: Linear<T>,
//! }
//!
//! let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
//! let mut model = Model::<f32> {
//!     embedding: Embedding::new(&mut rng, 10, 8),
//!     lstm: Lstm::new(&mut rng, 8, 16),
//!     output: Linear::new(&mut rng, 16, 10),
//! };
//! let mut optimizer = Adam::new(0.05);
//! let (inputs, targets) = ([1, 2, 3, 4], [2, 3, 4, 5]); // four steps of one sequence
//! let mut losses = Vec::new();
//! for _ in 0..20 {
//!     let tape = Tape::new();
//!     let xs = model.embedding.forward(&tape, &inputs, [4, 1]);
//!     let (ys, _state) = model.lstm.forward(xs);
//!     let loss = loss::cross_entropy(model.output.forward(ys), &targets).mean();
//!     losses.push(loss.item());
//!     let gradients = tape.backward(loss);
//!     optimizer.step(&mut model, &gradients);
//! }
//! assert!(losses[19] < 0.1 * losses[0]);
//! ```

extern crate self as bptt; // what the derive macros generate refers to `::bptt`

mod activation;
mod attention;
mod batch_norm;
pub mod batching;
mod bidirectional;
mod cell;
mod cells;
mod clip;
mod conv1d;
mod costates;
mod crf;
pub mod decode;
mod encoder_decoder;
mod in_training;
mod init;
mod layer;
mod linear;
mod linear_recurrence;
pub mod loss;
pub mod metrics;
mod module;
mod noise;
mod optim;
mod pieces;
mod pointer_network;
mod recurrence;
mod recurrent_dropout;
mod residual;
mod reversed;
pub mod run;
mod scan;
mod sequence;
mod stack;
mod start;
mod state;
mod step_decoder;
mod stepwise;
mod truncation;
mod tuple;
mod unroll;
mod variational_dropout;
mod way;
mod weight_dropout;
pub mod weights;
mod zoneout;

pub use activation::{Activation, Table};
pub use attention::{Attention, AttentionMemory};
pub use batch_norm::{BatchNorm, BatchStatistics};
pub use bidirectional::Bidirectional;
pub use bptt_derive::{Module, State};
pub use cell::{Cell, StateSizes};
pub use cells::{
    CoupledLstm, EchoState, Elman, FullyRecurrent, Gate, Gru, IndRnn, LayerNormGru, LayerNormLstm,
    Lstm, Lstm1997, MemoryBlocks, MinGru, MinLstm, MinimalGatedUnit, OutputToHidden, PeepholeLstm,
    Peepholes, ProjectedLstm, Reset, Window,
};
pub use clip::{NonFiniteGradient, clip_norm, clip_value, gradient_norm};
pub use conv1d::Conv1d;
pub use costates::Costates;
pub use crf::{BestPath, Crf};
pub use encoder_decoder::{Encoded, EncoderDecoder};
pub use in_training::InTraining;
pub use init::Init;
pub use layer::Layer;
pub use linear::{Dropout, Embedding, LayerNorm, Linear};
pub use linear_recurrence::{LinearCell, linear_recurrence};
pub use module::{Module, ParameterPath};
pub use noise::{Noise, NoisyCell};
pub use optim::{
    Adadelta, Adagrad, Adam, Adamax, Groups, NAdam, Optimizer, Plateau, RAdam, RmsProp, Schedule,
    Sgd,
};
pub use pointer_network::PointerNetwork;
pub use recurrence::Recurrence;
pub use recurrent_dropout::RecurrentDropout;
pub use residual::Residual;
pub use reversed::Reversed;
pub use scan::scan;
pub use stack::Stack;
pub use start::{CarriedState, LearnedStart};
pub use state::State;
pub use stepwise::{Stepwise, stepper};
pub use truncation::Truncation;
pub use unroll::unroll;
pub use variational_dropout::VariationalDropout;
pub use way::Way;
pub use weight_dropout::WeightDropout;
pub use zoneout::Zoneout;

#[doc(hidden)]
pub mod __derive {
    pub use crate::{Module, ParameterPath, State};
    pub use bptt_autodiff::{Param, Var};
    pub use bptt_tensor::Scalar;
}
