//! The cells, each as its equations.
//!
//! A batch is rows: `x: [B, I]`, `h: [B, H]`, and weights multiply from the right. Gates that read
//! the same operand share one wide weight, their parts side by side.

mod coupled;
mod echo_state;
mod elman;
mod fully_recurrent;
mod gru;
mod ind_rnn;
mod layer_norm_lstm;
mod lstm;
mod lstm_1997;
mod memory_blocks;
mod min_gru;
mod min_lstm;
mod minimal_gated;
mod output_to_hidden;
mod peephole;
mod projected;
mod window;

use std::ops::Range;

use bptt_autodiff::Param;
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

pub use coupled::CoupledLstm;
pub use echo_state::EchoState;
pub use elman::Elman;
pub use fully_recurrent::FullyRecurrent;
pub use gru::{Gru, Reset};
pub use ind_rnn::IndRnn;
pub use layer_norm_lstm::LayerNormLstm;
pub use lstm::Lstm;
pub use lstm_1997::Lstm1997;
pub use memory_blocks::MemoryBlocks;
pub use min_gru::MinGru;
pub use min_lstm::MinLstm;
pub use minimal_gated::MinimalGatedUnit;
pub use output_to_hidden::OutputToHidden;
pub use peephole::{PeepholeLstm, Peepholes};
pub use projected::ProjectedLstm;
pub use window::Window;

use crate::Init;

/// `[I, gates·H]`, each gate's part from [`Init::Xavier`].
fn input_weight<T: Scalar>(
    rng: &mut impl Rng,
    gates: usize,
    [input_size, hidden_size]: [usize; 2],
) -> Param<T> {
    Param::new(Init::Xavier.gates(rng, gates, [input_size, hidden_size]))
}

/// `[H, gates·H]`, each gate's part orthogonal.
fn recurrent_weight<T: Scalar>(
    rng: &mut impl Rng,
    gates: usize,
    [state_size, hidden_size]: [usize; 2],
) -> Param<T> {
    let orthogonal = Init::Orthogonal { gain: 1.0 };
    Param::new(orthogonal.gates(rng, gates, [state_size, hidden_size]))
}

fn zeros<T: Scalar>(shape: impl Into<Shape>) -> Param<T> {
    Param::new(Tensor::zeros(shape))
}

/// The option of a cell with biases `b` to go without.
macro_rules! without_bias {
    () => {
        /// The same without biases.
        #[must_use]
        pub fn without_bias(mut self) -> Self {
            self.b = None;
            self
        }
    };
}
use without_bias;

/// The option of an LSTM with biases `b` to start that of its forget gate, which is gate number `$gate` of as many
/// hidden units as `$hidden_size` tells.
macro_rules! forget_bias {
    ($gate:literal, $hidden_size:expr) => {
        /// Starts the forget gate's bias at this value. The larger, the longer a fresh cell remembers
        /// (Jozefowicz, Zaremba and Sutskever 2015 recommend 1).
        ///
        /// # Panics
        ///
        /// If the cell has no biases.
        #[track_caller]
        #[must_use]
        pub fn forget_bias(mut self, bias: f64) -> Self {
            let hidden_size: fn(&Self) -> usize = $hidden_size;
            let hidden_size = hidden_size(&self);
            let gate = $gate * hidden_size..($gate + 1) * hidden_size;
            let Some(b) = &mut self.b else { panic!("forget_bias: this cell has no biases") };
            $crate::cells::fill_bias(b, gate, bias);
            self
        }
    };
}
use forget_bias;

/// Starts a gate's part of the biases at this value.
fn fill_bias<T: Scalar>(b: &mut Param<T>, gate: Range<usize>, bias: f64) {
    b.value_mut().as_mut_slice()[gate].fill(T::of(bias));
}
