//! The cells by name.

use std::fmt;

use bptt::prelude::*;
use clap::ValueEnum;
use serde::Serialize;

use super::settings::{InvalidModel, ModelSettings, RegularizationSettings};
use crate::baselines::NeuralWindow;
use crate::my_cell::MyCell;

/// The recurrent cells of the library, and one of your own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Elman's simple recurrent network
    Elman,
    /// Elman's network of rectified units that starts from the identity
    Irnn,
    /// Fully recurrent network
    FullyRecurrent,
    /// Network whose output is fed back
    OutputToHidden,
    /// Independently recurrent network
    IndRnn,
    /// Echo state reservoir, whose weights stay random
    EchoState,
    /// Memoryless window over the last --context tokens
    Window,
    /// Window whose inputs are connected to the output too (Bengio et al. 2003)
    NeuralWindow,
    /// Long short-term memory of 1997, reduced to one cell a block
    Lstm1997,
    /// Long short-term memory of 1997 as published, in blocks of two cells
    MemoryBlocks,
    /// Long short-term memory with forget gates
    Lstm,
    /// LSTM with peepholes
    PeepholeLstm,
    /// LSTM with coupled gates
    CoupledLstm,
    /// LSTM with layer normalization
    LayerNormLstm,
    /// LSTM with a projection to half its units
    ProjectedLstm,
    /// Gated recurrent unit
    Gru,
    /// GRU with layer normalization
    LayerNormGru,
    /// Minimal gated unit
    MinimalGated,
    /// minGRU
    MinGru,
    /// minLSTM
    MinLstm,
    /// The cell of `src/my_cell.rs`
    Mine,
}

impl CellKind {
    /// Returns the number of which the hidden size must be a multiple.
    #[must_use]
    pub fn granularity(self) -> usize {
        match self {
            Self::MemoryBlocks => 2, // cells of a block
            _ => 1,
        }
    }

    /// Returns the source of the cell if it is one of your own, whose equations no setting tells.
    #[must_use]
    pub fn source(self) -> Option<&'static str> {
        (self == Self::Mine).then_some(include_str!("../my_cell.rs"))
    }
}

impl fmt::Display for CellKind {
    /// Writes the name that `--cell` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no kind is hidden");
        f.write_str(value.get_name())
    }
}

/// Creates a recurrent layer with the noise of training within it.
pub(super) fn layer(
    settings: &ModelSettings,
    regularization: &RegularizationSettings,
    rng: &mut impl Rng,
    [i, h]: [usize; 2],
) -> Result<BoxedLayer<f32>, InvalidModel> {
    let kind = settings.cell;
    let within = Within { kind, settings, regularization };
    match kind {
        CellKind::Elman => within.noisy(Elman::new(rng, i, h)),
        CellKind::Irnn => within.noisy(Elman::irnn(rng, i, h)),
        CellKind::FullyRecurrent => within.noisy(FullyRecurrent::new(rng, i, h)),
        CellKind::OutputToHidden => within.noisy(OutputToHidden::new(rng, i, h, h)),
        CellKind::IndRnn => within.noisy(IndRnn::new(rng, i, h)),
        CellKind::EchoState => within.noisy(EchoState::new(rng, i, h)),
        CellKind::Window => within.unread(Window::new(rng, i, h, settings.context)),
        CellKind::NeuralWindow => within.unread(NeuralWindow::new(rng, i, h, settings.context)),
        CellKind::Lstm1997 => within.noisy(Lstm1997::new(rng, i, h)),
        CellKind::MemoryBlocks if h % kind.granularity() != 0 => {
            Err(InvalidModel::Blocks { hidden_size: h })
        }
        CellKind::MemoryBlocks => within.noisy(MemoryBlocks::new(rng, i, h / 2, 2)),
        CellKind::Lstm => within.noisy(Lstm::new(rng, i, h)),
        CellKind::PeepholeLstm => within.noisy(PeepholeLstm::new(rng, i, h)),
        CellKind::CoupledLstm => within.noisy(CoupledLstm::new(rng, i, h)),
        CellKind::LayerNormLstm => within.noisy(LayerNormLstm::new(rng, i, h)),
        CellKind::ProjectedLstm => within.noisy(ProjectedLstm::new(rng, i, 2 * h, h)),
        CellKind::Gru => within.noisy(Gru::new(rng, i, h)),
        CellKind::LayerNormGru => within.noisy(LayerNormGru::new(rng, i, h)),
        CellKind::MinimalGated => within.noisy(MinimalGatedUnit::new(rng, i, h)),
        CellKind::MinGru => within.unread(MinGru::new(rng, i, h)),
        CellKind::MinLstm => within.unread(MinLstm::new(rng, i, h)),
        CellKind::Mine => within.plain(MyCell::new(rng, i, h)),
    }
}

/// The wrappers that the settings put around a cell.
struct Within<'s> {
    kind: CellKind,
    settings: &'s ModelSettings,
    regularization: &'s RegularizationSettings,
}

impl Within<'_> {
    /// Wraps a cell whose equations say where noise applies, and whose products read the first variable of its state.
    fn noisy<C>(&self, cell: C) -> Result<BoxedLayer<f32>, InvalidModel>
    where
        C: NoisyCell<f32> + StateSizes + Module<f32> + fmt::Debug + Send + Sync + 'static,
    {
        let rate = self.regularization.dropout_state;
        if rate == 0.0 {
            return self.weights(cell);
        }
        let mut rates = vec![Dropout::new(0.0); cell.state_sizes().len()];
        rates[0] = Dropout::new(rate);
        let cell = VariationalDropout::new(cell, Dropout::new(0.0), &rates);
        self.weights(cell)
    }

    /// Wraps a cell whose state no product reads.
    fn unread<L: Wrapped>(&self, cell: L) -> Result<BoxedLayer<f32>, InvalidModel> {
        if self.regularization.dropout_state > 0.0 {
            return Err(InvalidModel::StateIsNotRead { cell: self.kind });
        }
        self.weights(cell)
    }

    /// Wraps a cell whose equations do not say where noise applies.
    fn plain<L: Wrapped>(&self, cell: L) -> Result<BoxedLayer<f32>, InvalidModel> {
        if self.regularization.dropout_state > 0.0 {
            return Err(InvalidModel::NoNoise { cell: self.kind });
        }
        self.weights(cell)
    }

    /// Adds the dropout of recurrent weights.
    fn weights<L: Wrapped>(&self, layer: L) -> Result<BoxedLayer<f32>, InvalidModel> {
        let rate = self.regularization.dropout_weights;
        if rate == 0.0 {
            return Ok(self.start(layer));
        }
        let names: Vec<_> = layer.parameters().into_iter().map(|(name, _)| name).collect();
        let is_recurrent =
            |name: &&str| name.rsplit('.').next().is_some_and(|it| it.starts_with("w_hh"));
        let names: Vec<_> = names.iter().map(String::as_str).filter(is_recurrent).collect();
        if names.is_empty() {
            return Err(InvalidModel::NoRecurrentWeights { cell: self.kind });
        }
        Ok(self.start(WeightDropout::new(layer, Dropout::new(rate), &names)))
    }

    /// Adds the learned start.
    fn start<L: Wrapped>(&self, layer: L) -> BoxedLayer<f32> {
        if self.settings.learned_start {
            BoxedLayer::new(LearnedStart::new(layer))
        } else {
            BoxedLayer::new(layer)
        }
    }
}

/// What a layer needs to be wrapped and boxed.
trait Wrapped: Stepwise<f32> + Module<f32> + fmt::Debug + Send + Sync + 'static {}

impl<L: Stepwise<f32> + Module<f32> + fmt::Debug + Send + Sync + 'static> Wrapped for L {}
