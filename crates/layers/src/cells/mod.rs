//! The cells, each as its equations.
//!
//! The rows of an operand are the batch: `x: [B, I]`, `h: [B, H]`. Weights multiply from the right. The weights of
//! gates that read the same operand are concatenated to one wide matrix.

pub(crate) mod bistable;
pub(crate) mod co_rnn;
pub(crate) mod coupled;
pub(crate) mod echo_state;
pub(crate) mod elman;
pub(crate) mod fully_recurrent;
pub(crate) mod gru;
pub(crate) mod ind_rnn;
pub(crate) mod layer_norm_gru;
pub(crate) mod layer_norm_lstm;
pub(crate) mod lem;
pub(crate) mod lstm;
pub(crate) mod lstm_1997;
pub(crate) mod memory_blocks;
pub(crate) mod min_gru;
pub(crate) mod min_lstm;
pub(crate) mod minimal_gated;
pub(crate) mod multiplicative;
pub(crate) mod options;
pub(crate) mod output_to_hidden;
pub(crate) mod parameters;
pub(crate) mod peephole;
pub(crate) mod projected;
pub(crate) mod recurrent_highway;
pub(crate) mod sru;
pub(crate) mod window;

pub use bistable::{Brc, Nbrc};
pub use co_rnn::CoRnn;
pub use coupled::CoupledLstm;
pub use echo_state::EchoState;
pub use elman::Elman;
pub use fully_recurrent::FullyRecurrent;
pub use gru::{Gru, Reset};
pub use ind_rnn::IndRnn;
pub use layer_norm_gru::LayerNormGru;
pub use layer_norm_lstm::LayerNormLstm;
pub use lem::Lem;
pub use lstm::Lstm;
pub use lstm_1997::Lstm1997;
pub use memory_blocks::MemoryBlocks;
pub use min_gru::MinGru;
pub use min_lstm::MinLstm;
pub use minimal_gated::MinimalGatedUnit;
pub use multiplicative::MultiplicativeLstm;
pub use options::Gate;
pub use output_to_hidden::OutputToHidden;
pub use peephole::{PeepholeLstm, Peepholes};
pub use projected::ProjectedLstm;
pub use recurrent_highway::RecurrentHighway;
pub use sru::Sru;
pub use window::Window;
