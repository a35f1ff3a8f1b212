//! The cells that a model may have, and the noise of training within them.

use std::fmt;
use std::sync::LazyLock;

use bptt::prelude::*;
use clap::ValueEnum;
use clap::builder::PossibleValue;
use programs::cells::{AnyCell, CellKind, Sizes, Visitor};
use serde::{Serialize, Serializer};

use super::settings::{InvalidModel, ModelSettings, RegularizationSettings};
use crate::baselines::NeuralWindow;

/// What `--cell` takes: a cell by name, or the first neural language model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CellChoice {
    /// A cell that all programs share.
    Shared(CellKind),
    /// A window whose inputs are connected to the output too (Bengio et al. 2003).
    NeuralWindow,
}

impl CellChoice {
    /// Returns the number of which the hidden size must be a multiple.
    #[must_use]
    pub fn granularity(self) -> usize {
        match self {
            Self::Shared(kind) => kind.granularity(),
            Self::NeuralWindow => 1,
        }
    }

    /// Returns the source of the cell if it is one of your own, whose equations no setting tells.
    #[must_use]
    pub fn source(self) -> Option<&'static str> {
        match self {
            Self::Shared(kind) => kind.source(),
            Self::NeuralWindow => None,
        }
    }

    /// Returns whether a matrix product reads the state.
    fn is_state_multiplied(self) -> bool {
        let without = [CellKind::Window, CellKind::MinGru, CellKind::MinLstm];
        matches!(self, Self::Shared(kind) if !without.contains(&kind))
    }
}

impl From<CellKind> for CellChoice {
    fn from(kind: CellKind) -> Self {
        Self::Shared(kind)
    }
}

/// The shared cells in their order, with the neural window after the window.
impl ValueEnum for CellChoice {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<CellChoice>> = LazyLock::new(|| {
            let kinds = CellKind::value_variants().iter().flat_map(|&kind| {
                let window = (kind == CellKind::Window).then_some(CellChoice::NeuralWindow);
                [Some(kind.into()), window]
            });
            kinds.flatten().collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Shared(CellKind::Window) => CellKind::Window
                .to_possible_value()
                .map(|value| value.help("Memoryless window over the last --context tokens")),
            Self::Shared(kind) => kind.to_possible_value(),
            Self::NeuralWindow => {
                Some(PossibleValue::new("neural-window").help(
                    "Window whose inputs are connected to the output too (Bengio et al. 2003)",
                ))
            }
        }
    }
}

impl fmt::Display for CellChoice {
    /// Writes the name that `--cell` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no kind is hidden");
        f.write_str(value.get_name())
    }
}

impl Serialize for CellChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Creates a recurrent layer with the noise of training within it.
pub(super) fn layer(
    settings: &ModelSettings,
    regularization: &RegularizationSettings,
    rng: &mut impl Rng,
    [input_size, hidden_size]: [usize; 2],
) -> Result<BoxedLayer<f32>, InvalidModel> {
    let cell = settings.cell;
    if hidden_size % cell.granularity() != 0 {
        return Err(InvalidModel::Blocks { hidden_size });
    }
    if regularization.dropout_state > 0.0 && !cell.is_state_multiplied() {
        return Err(InvalidModel::StateIsNotRead { cell });
    }
    let within = Within { settings, regularization };
    let window = settings.context;
    match cell {
        CellChoice::Shared(kind) => {
            kind.build(rng, Sizes { input_size, hidden_size, window }, within)
        }
        CellChoice::NeuralWindow => {
            within.weights(NeuralWindow::new(rng, input_size, hidden_size, window))
        }
    }
}

/// The wrappers that the settings put around a cell.
struct Within<'s> {
    settings: &'s ModelSettings,
    regularization: &'s RegularizationSettings,
}

impl Visitor<f32> for Within<'_> {
    type Output = Result<BoxedLayer<f32>, InvalidModel>;

    fn cell<C: AnyCell<f32>>(self, cell: C) -> Self::Output {
        if self.regularization.dropout_state > 0.0 {
            return Err(InvalidModel::NoNoise { cell: self.settings.cell });
        }
        self.weights(cell)
    }

    /// Wraps a cell whose products read the first variable of its state.
    fn noisy_cell<C: AnyCell<f32> + NoisyCell<f32>>(self, cell: C) -> Self::Output {
        let rate = self.regularization.dropout_state;
        if rate == 0.0 {
            return self.weights(cell);
        }
        let mut rates = vec![Dropout::new(0.0); cell.state_sizes().len()];
        rates[0] = Dropout::new(rate);
        self.weights(VariationalDropout::new(cell, Dropout::new(0.0), &rates))
    }
}

impl Within<'_> {
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
            return Err(InvalidModel::NoRecurrentWeights { cell: self.settings.cell });
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
