//! Recurrent cells, layers, losses, initializers and optimizers.
//!
//! A cell is a struct of parameters that implements [`Cell`] with its equations. `#[derive(Module)]` names, counts,
//! saves and loads the parameters. [`scan`] runs a cell over a sequence. A cell with [`StateSizes`] is a [`Layer`], and
//! so are the wrappers of layers. [`Recurrence`] runs a layer with options: lengths, direction, noise, recomputation.
//!
//! The public paths are flat. The files are in folders: `core` (parameters, initial values, the cell), `cells`,
//! `feedforward` (layers without a state), `sequence` (running over time), `wrappers`, `models`, and one for each of the
//! public modules and of the optimizers.
//!
//! ```standalone_crate
//! use bptt_autodiff::Tape;
//! use bptt_layers::{Adam, Embedding, Layer, Linear, Lstm, Module, Optimizer, loss};
//!
//! # extern crate bptt_layers as bptt;
//! #[derive(Module)]
//! struct Model<T> {
//!     embedding: Embedding<T>,
//!     lstm: Lstm<T>,
//!     output: Linear<T>,
//! }
//!
//! let mut rng = bptt_layers::rng(0);
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

#![forbid(unsafe_code)]

extern crate self as bptt; // the code that the derive macros generate refers to `::bptt`

mod activation;
pub mod batching;
mod cells;
mod core;
pub mod decode;
mod feedforward;
mod instances;
pub mod loss;
pub mod metrics;
mod models;
mod optim;
pub mod run;
mod sequence;
pub mod weights;
mod wrappers;

pub use bptt_autodiff::{State, Tree};
pub use bptt_derive::State;

pub use crate::activation::{Activation, Surrogate, Table};
pub use crate::cells::{
    Brc, Clockwork, CoRnn, ConvLstm, CoupledLstm, DeltaNet, EchoState, Elman, ExpRnn,
    FullyRecurrent, Gate, Gru, HyperLstm, HyperMap, IndRnn, LayerNormGru, LayerNormLstm,
    LeakyIntegrateAndFire, LegendreMemory, Lem, LinearAttention, Lru, Lstm, Lstm1997, MLstm,
    MemoryBlocks, MinGru, MinLstm, MinimalGatedUnit, MultiHeadSelectiveScan, MultiplicativeLstm,
    Nbrc, NeuralTuringMachine, OutputToHidden, PeepholeLstm, Peepholes, PhasedLstm, ProjectedLstm,
    RecurrentHighway, Reset, Rwkv7, SLstm, SelectiveDecay, SelectiveScan, Sru, StackRnn, Window,
};
pub use crate::core::cell::{Cell, StateSizes};
pub use crate::core::init::Init;
pub use crate::core::module::{Module, ParameterPath};
pub use crate::core::noise::{Noise, NoisyCell};
pub use crate::core::random::{Xoshiro256PlusPlus, rng};
pub use crate::feedforward::adaptive_softmax::AdaptiveSoftmax;
pub use crate::feedforward::batch_norm::{BatchNorm, BatchStatistics};
pub use crate::feedforward::conv1d::Conv1d;
pub use crate::feedforward::conv2d::Conv2d;
pub use crate::feedforward::dropout::Dropout;
pub use crate::feedforward::embedding::Embedding;
pub use crate::feedforward::layer_norm::LayerNorm;
pub use crate::feedforward::linear::Linear;
pub use crate::feedforward::mixture_of_softmaxes::MixtureOfSoftmaxes;
#[doc(hidden)]
pub use crate::instances::instances as __instances;
pub use crate::models::attention::{Attention, AttentionMemory};
pub use crate::models::crf::{BestPath, Crf};
pub use crate::models::encoder_decoder::{Encoded, EncoderDecoder};
pub use crate::models::in_training::InTraining;
pub use crate::models::pointer_network::PointerNetwork;
pub use crate::optim::clip::{NonFiniteGradient, clip_norm, clip_value, gradient_norm};
pub use crate::optim::{
    Adadelta, Adagrad, Adam, Adamax, Groups, NAdam, NonMonotonic, Optimizer, Plateau, RAdam,
    RmsProp, Schedule, Sgd, WeightAverage,
};
pub use crate::sequence::chunkwise::ChunkwiseCell;
pub use crate::sequence::costates::Costates;
pub use crate::sequence::free_running::free_running;
pub use crate::sequence::layer::Layer;
pub use crate::sequence::linear_recurrence::{LinearCell, linear_recurrence};
pub use crate::sequence::options::RunOptions;
pub use crate::sequence::recurrence::Recurrence;
pub use crate::sequence::scan::scan;
pub use crate::sequence::stepwise::{Stepwise, stepper};
pub use crate::sequence::truncation::Truncation;
pub use crate::sequence::unroll::unroll;
pub use crate::wrappers::bidirectional::Bidirectional;
pub use crate::wrappers::boxed::BoxedLayer;
pub use crate::wrappers::learned_start::{CarriedState, LearnedStart};
pub use crate::wrappers::recurrent_dropout::RecurrentDropout;
pub use crate::wrappers::residual::Residual;
pub use crate::wrappers::reversed::Reversed;
pub use crate::wrappers::stack::Stack;
pub use crate::wrappers::variational_dropout::VariationalDropout;
pub use crate::wrappers::weight_dropout::WeightDropout;
pub use crate::wrappers::zoneout::Zoneout;

#[doc(hidden)]
pub mod __derive {
    pub use crate::{Module, ParameterPath};
    pub use bptt_autodiff::{LeafPath, Param, State, Tree, Var, leaves_of_parts};
    pub use bptt_tensor::Scalar;
}
