//! What can be wrong with data of a hidden Markov model.

use crate::error::TrainError;

/// Why a hidden Markov model computes nothing from data, or a step of
/// [`ExpectationMaximization`](super::ExpectationMaximization) is not made. The parameters are as they were.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HmmError {
    /// The extents of inputs or outputs are not those of a batch of sequences.
    #[error(
        "the {side} have the extents {found}, but there are {sequences} lengths: give features [T, B, F], or T · B \
         symbols in row-major order, and a length for each of the B sequences"
    )]
    Extents {
        /// `"inputs"` or `"outputs"`.
        side: &'static str,
        /// The shape of the features, or the number of symbols.
        found: String,
        /// The number of lengths.
        sequences: usize,
    },

    /// There is not a mark for each step.
    #[error(
        "there are {found} marks of observed outputs: give one for each of the {steps} steps of {sequences} sequences, \
         in row-major order [T, B]"
    )]
    Marks {
        /// The number of marks.
        found: usize,
        /// The steps of the batch.
        steps: usize,
        /// The number of sequences.
        sequences: usize,
    },

    /// The inputs and the outputs have different numbers of steps.
    #[error(
        "the inputs have {inputs} steps and the outputs {outputs}: give one output for each input"
    )]
    Steps {
        /// The steps of the inputs.
        inputs: usize,
        /// The steps of the outputs.
        outputs: usize,
    },

    /// A sequence is longer than the batch.
    #[error("sequence {sequence} has a length of {length}, which is more than {steps} steps")]
    Length {
        /// The sequence, counted from 0.
        sequence: usize,
        /// Its length.
        length: usize,
        /// The steps of the batch.
        steps: usize,
    },

    /// Symbols are given where features are needed, or features where symbols are needed.
    #[error("the {side} are {found}, and the model needs {needed}")]
    Kind {
        /// `"inputs"` or `"outputs"`.
        side: &'static str,
        /// `"symbols"`, or `"features"`.
        found: &'static str,
        /// The other of both.
        needed: &'static str,
    },

    /// A symbol that the model does not have.
    #[error(
        "symbol {symbol} of the {side} at step {step} of sequence {sequence} is not one of {count}, which count from 0"
    )]
    Symbol {
        /// `"inputs"` or `"outputs"`.
        side: &'static str,
        /// The symbol.
        symbol: usize,
        /// The number of symbols that the model has.
        count: usize,
        /// The step, counted from 0.
        step: usize,
        /// The sequence, counted from 0.
        sequence: usize,
    },

    /// The number of features is not that of the model.
    #[error("the {side} have {found} features, and the model has {needed}")]
    Features {
        /// `"inputs"` or `"outputs"`.
        side: &'static str,
        /// The number of features of the data.
        found: usize,
        /// The number of features of the model.
        needed: usize,
    },

    /// A feature within a sequence is NaN or infinite.
    #[error("a feature of the {side} at step {step} of sequence {sequence} is not finite")]
    NonFiniteFeature {
        /// `"inputs"` or `"outputs"`.
        side: &'static str,
        /// The step, counted from 0.
        step: usize,
        /// The sequence, counted from 0.
        sequence: usize,
    },

    /// No sequence has a step, so there is nothing to learn from.
    #[error("no sequence has a step: give at least one sequence with a length of 1")]
    NoData,

    /// The model gives a sequence the probability 0.
    #[error(
        "sequence {sequence} has the probability 0: tables that were fitted without it exclude a symbol or a \
         transition that it needs; fit them with it, or set finite entries"
    )]
    Impossible {
        /// The sequence, counted from 0.
        sequence: usize,
    },

    /// A log-likelihood is NaN or infinite, though the data are finite.
    #[error(
        "the log-likelihood of sequence {sequence} is not finite: the model has parameters that are NaN or too large"
    )]
    NonFiniteLikelihood {
        /// The sequence, counted from 0.
        sequence: usize,
    },

    /// The trainer of the networks makes no step.
    #[error("the networks are not trained: {0}")]
    Train(#[from] TrainError),
}
