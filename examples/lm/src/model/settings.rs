//! The settings of a model, as flags and as sections of `config.toml`.

use bptt::Tensor;
use bptt::weights::{Archive, WeightsError};
use clap::{ArgAction, Args, ValueEnum};
use serde::Serialize;

use super::cells::CellChoice;
use crate::config::rules::{at_least_one, at_least_zero, layers, rate};
use programs::cells::CellKind;
use programs::terminal::memory::Bytes;

/// The section `[model]`.
#[derive(Args, Clone, Debug, PartialEq, Serialize)]
#[command(next_help_heading = "Model")]
pub struct ModelSettings {
    /// Kind of recurrent cell
    #[arg(long, value_enum, default_value_t = CellKind::Lstm.into())]
    pub cell: CellChoice,

    /// Recurrent layers
    #[arg(long, value_name = "N", default_value = "2", value_parser = layers)]
    pub layers: usize,

    /// Units in each recurrent layer
    #[arg(long, value_name = "N", default_value = "256", value_parser = at_least_one)]
    pub hidden_size: usize,

    /// Size of a token's embedding
    #[arg(long, value_name = "N", default_value = "128", value_parser = at_least_one)]
    pub embedding_size: usize,

    /// Share the embedding's matrix with the output layer; the highest layer then has --embedding-size units
    #[arg(long, value_name = "BOOL", default_value_t = false, default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    pub tied: bool,

    /// Learn the initial state
    #[arg(long, value_name = "BOOL", default_value_t = false, default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    pub learned_start: bool,

    /// How the distribution of the next token is computed
    #[arg(long, value_enum, default_value_t = HeadKind::Softmax)]
    pub head: HeadKind,

    /// Number of softmaxes of --head mixture
    #[arg(long, value_name = "K", default_value = "10", value_parser = at_least_one)]
    pub components: usize,

    /// First token of each cluster of --head adaptive; words are numbered from the most frequent on
    #[arg(long, value_name = "N", num_args = 1.., value_delimiter = ',', action = ArgAction::Set,
          default_values_t = [2000, 10_000], value_parser = at_least_one)]
    pub cutoffs: Vec<usize>,

    /// Tokens that --cell window and --cell neural-window read
    #[arg(long, value_name = "N", default_value = "5", value_parser = at_least_one)]
    pub context: usize,
}

/// The kinds of output layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum HeadKind {
    /// One softmax over all tokens
    Softmax,
    /// A mixture of softmaxes (Yang et al. 2018)
    Mixture,
    /// An adaptive softmax, for large vocabularies (Grave et al. 2017)
    Adaptive,
}

/// The section `[regularization]`.
#[derive(Args, Clone, Debug, PartialEq, Serialize)]
#[command(next_help_heading = "Regularization")]
pub struct RegularizationSettings {
    /// Share of units dropped from the input of each layer and from the highest output (Zaremba et al. 2014)
    #[arg(long, value_name = "P", default_value = "0", value_parser = rate)]
    pub dropout: f64,

    /// Drop the same units at all steps of a window (Gal and Ghahramani 2016)
    #[arg(long, value_name = "BOOL", default_value_t = false, default_missing_value = "true",
          num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    pub locked_dropout: bool,

    /// Share of units dropped from the embeddings [default: --dropout]
    #[arg(long, value_name = "P", value_parser = rate)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout_input: Option<f64>,

    /// Share of units dropped from the highest output [default: --dropout]
    #[arg(long, value_name = "P", value_parser = rate)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout_output: Option<f64>,

    /// Share of the vocabulary whose embeddings are dropped in a window (Gal and Ghahramani 2016)
    #[arg(long, value_name = "P", default_value = "0", value_parser = rate)]
    pub dropout_words: f64,

    /// Share of the state's units dropped where matrix products read it (Gal and Ghahramani 2016)
    #[arg(long, value_name = "P", default_value = "0", value_parser = rate)]
    pub dropout_state: f64,

    /// Share of the recurrent weights dropped in a window (Merity et al. 2018)
    #[arg(long, value_name = "P", default_value = "0", value_parser = rate)]
    pub dropout_weights: f64,

    /// Factor α of a penalty α·mean(h²), for the highest outputs h after dropout (Merity et al. 2017)
    #[arg(long, value_name = "ALPHA", default_value = "0", value_parser = at_least_zero)]
    pub activation_penalty: f64,

    /// Factor β of a penalty β·mean((hₜ − hₜ₋₁)²), for the highest outputs h before dropout (Merity et al. 2017)
    #[arg(long, value_name = "BETA", default_value = "0", value_parser = at_least_zero)]
    pub temporal_penalty: f64,

    /// Weight decay, decoupled from the gradient with --optimizer adam
    #[arg(long, value_name = "LAMBDA", default_value = "0", value_parser = at_least_zero)]
    pub weight_decay: f64,
}

/// A setting that does not suit the others.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidModel {
    /// Memory blocks have two cells each.
    #[error("--cell memory-blocks needs an even --hidden-size, not {hidden_size}")]
    Blocks {
        /// The hidden size given.
        hidden_size: usize,
    },
    /// The head has no matrix that the embedding could replace.
    #[error("--tied does not go with --head adaptive, which has matrices of its own")]
    Tied,
    /// The highest layer's output cannot have the size of an embedding.
    #[error(
        "--tied: the output of the cell neural-window is wider than an embedding; leave the flag out"
    )]
    TiedWindow,
    /// The cutoffs of an adaptive softmax do not rise, or reach beyond the vocabulary.
    #[error(
        "--cutoffs {cutoffs:?} must rise and stay below the vocabulary's {vocabulary_size} tokens"
    )]
    Cutoffs {
        /// The cutoffs given.
        cutoffs: Vec<usize>,
        /// The number of tokens.
        vocabulary_size: usize,
    },
    /// No matrix product reads the state of the cell.
    #[error("--dropout-state: no product reads the state of the cell {cell}; leave the flag out")]
    StateIsNotRead {
        /// The cell.
        cell: CellChoice,
    },
    /// The cell's equations do not say where noise applies.
    #[error(
        "--dropout-state: the equations of the cell {cell} do not say where noise applies; \
         implement `NoisyCell`, or use --dropout-weights"
    )]
    NoNoise {
        /// The cell.
        cell: CellChoice,
    },
    /// The cell has no recurrent weights.
    #[error("--dropout-weights: the cell {cell} has no weights `w_hh`; leave the flag out")]
    NoRecurrentWeights {
        /// The cell.
        cell: CellChoice,
    },
}

impl ModelSettings {
    /// Checks settings against each other and the vocabulary.
    ///
    /// # Errors
    ///
    /// The error names the flags to change.
    pub fn check(&self, vocabulary_size: usize) -> Result<(), InvalidModel> {
        if self.tied && self.head == HeadKind::Adaptive {
            return Err(InvalidModel::Tied);
        }
        if self.tied && self.cell == CellChoice::NeuralWindow {
            return Err(InvalidModel::TiedWindow);
        }
        let cutoffs = self.cutoffs.iter().copied().chain([vocabulary_size]);
        if self.head == HeadKind::Adaptive && !cutoffs.is_sorted_by(|a, b| a < b) {
            return Err(InvalidModel::Cutoffs { cutoffs: self.cutoffs.clone(), vocabulary_size });
        }
        Ok(())
    }

    /// Returns the input size and the hidden size of each layer, the lowest first.
    #[must_use]
    pub fn layer_sizes(&self) -> Vec<[usize; 2]> {
        let mut input_size = self.embedding_size;
        let sizes = (1..=self.layers).map(|layer| {
            let is_tied = self.tied && layer == self.layers;
            let hidden_size = if is_tied { self.embedding_size } else { self.hidden_size };
            let sizes = [input_size, hidden_size];
            input_size = self.layer_output(sizes);
            sizes
        });
        sizes.collect()
    }

    /// Returns the size of the highest layer's output.
    #[must_use]
    pub fn output_size(&self) -> usize {
        self.layer_sizes().last().map_or(self.embedding_size, |&sizes| self.layer_output(sizes))
    }

    /// Returns the size of a layer's output, from its input size and its hidden size.
    fn layer_output(&self, [input_size, hidden_size]: [usize; 2]) -> usize {
        match self.cell {
            // saturating, since a file may claim any size before the memory is checked
            CellChoice::NeuralWindow => {
                self.context.saturating_mul(input_size).saturating_add(hidden_size)
            }
            _ => hidden_size,
        }
    }

    /// Returns the number of inputs that a layer reads at each step.
    fn inputs_read(&self) -> f64 {
        match self.cell {
            CellChoice::Shared(CellKind::Window) | CellChoice::NeuralWindow => self.context as f64,
            _ => 1.0,
        }
    }

    /// Returns the number of contexts that the head projects to logits at each position.
    fn contexts(&self) -> f64 {
        match self.head {
            HeadKind::Mixture => self.components as f64,
            HeadKind::Softmax | HeadKind::Adaptive => 0.0,
        }
    }

    /// Returns the model in a few words, such as `2-layer lstm of 256`.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { layers, cell, hidden_size, .. } = self;
        format!("{layers}-layer {cell} of {hidden_size}")
    }

    /// Estimates the memory for training with so many positions in a window.
    ///
    /// A parameter takes five numbers: itself, its gradient, two moments of the optimizer, and its best value so far. A
    /// layer has at most four matrices, or one from all inputs of a window. Its reverse pass takes the width of four
    /// gates and four states for each position, and the inputs that it reads. The logits of a softmax take five numbers
    /// for each token.
    #[must_use]
    pub(crate) fn memory(&self, vocabulary_size: usize, positions: f64) -> Bytes {
        let (read, contexts) = (self.inputs_read(), self.contexts());
        let [v, e, output] =
            [vocabulary_size, self.embedding_size, self.output_size()].map(|size| size as f64);
        let sizes = self.layer_sizes().into_iter();
        let sizes: Vec<_> = sizes.map(|sizes| sizes.map(|size| size as f64)).collect();
        let layers: f64 = sizes.iter().map(|[i, h]| f64::max(4.0 * (i + h), read * i) * h).sum();
        let states: f64 = sizes.iter().map(|[i, h]| 8.0 * h + 2.0 * (read - 1.0) * i).sum();
        let classes = match self.head {
            HeadKind::Adaptive => self.cutoffs[0] as f64,
            HeadKind::Softmax => v,
            HeadKind::Mixture => contexts * (v + e),
        };
        let parameters = v * e + layers + output * v + contexts * e * output;
        let numbers = 5.0 * parameters + positions * (2.0 * e + states + 5.0 * classes);
        Bytes(numbers * size_of::<f32>() as f64)
    }

    /// Refuses too few weights for a model of these sizes. A damaged file may claim any sizes, and no model is created
    /// with them. Every layer has a matrix from what it reads to its units, and a mixture one to its contexts.
    pub(super) fn expect_plausible(&self, weights: &Archive<f32>) -> Result<(), WeightsError> {
        let there = weights.names().map(|name| weights.tensor(name).map(Tensor::len));
        let there: Vec<_> = there.collect::<Result<_, _>>()?;
        let matrices = || {
            let layers = self.layer_sizes().into_iter();
            let layers = layers.map(|[i, h]| self.inputs_read() * i as f64 * h as f64).sum::<f64>();
            layers + self.contexts() * self.embedding_size as f64 * self.output_size() as f64
        };
        // the number of layers first, since it is the length of a list
        if self.layers > there.len() || matrices() > there.iter().sum::<usize>() as f64 {
            return weights.shaped("layers", &[self.layers, self.hidden_size].into()).map(|_| ());
        }
        Ok(())
    }
}
