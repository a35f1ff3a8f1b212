//! Batches.

use bptt_layers::batching;

/// Inputs, and the targets that a model should give for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<X, Y> {
    /// What the model reads: a tensor `[T, B, F]`, or [`Symbols`].
    pub inputs: X,
    /// What it should give: a tensor, or classes in row-major order. Each task describes their shape.
    pub targets: Y,
}

/// Sequences of symbols, padded to the longest.
///
/// ```
/// let symbols = bptt_tasks::Symbols::new(&[vec![7, 8, 9], vec![5]]);
/// assert_eq!(symbols.symbols, [7, 5, 8, 0, 9, 0]);
/// assert_eq!((symbols.shape(), &symbols.lengths[..]), ([3, 2], &[3, 1][..]));
/// assert_eq!(symbols.sequences(), [vec![7, 8, 9], vec![5]]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbols {
    /// The symbols `[T, B]` in row-major order. Beyond the end of a sequence they are 0.
    pub symbols: Vec<usize>,
    /// The number of symbols of each sequence.
    pub lengths: Vec<usize>,
}

impl Symbols {
    /// Pads sequences to one length.
    #[must_use]
    pub fn new(sequences: &[Vec<usize>]) -> Self {
        let (symbols, lengths) = batching::pad_symbols(sequences, 0);
        Self { symbols, lengths }
    }

    /// Returns `[T, B]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        let batch = self.lengths.len();
        [self.symbols.len() / batch.max(1), batch]
    }

    /// Returns the sequences without their padding.
    #[must_use]
    pub fn sequences(&self) -> Vec<Vec<usize>> {
        batching::unpad_symbols(&self.symbols, &self.lengths)
    }
}
