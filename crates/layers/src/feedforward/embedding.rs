//! Learned vectors of symbols.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

use crate::core::init::Init;
use crate::core::module::Module;

/// A learned vector for each symbol of a vocabulary: `[V, E]`, `V·E` parameters.
///
/// A lookup equals the product of a one-hot row with the table, at the cost of a copy. The gradient of a vector is the
/// sum over the places where its symbol occurs.
#[derive(Clone, Debug, Module)]
pub struct Embedding<T> {
    /// A row for each symbol, `[V, E]`.
    pub table: Param<T>,
    /// The symbol of [padding](Self::padding), if there is one. Its vector has no gradient.
    #[module(skip)]
    pub padding: Option<usize>,
}

impl<T: Scalar> Embedding<T> {
    /// Creates an embedding with vectors from the standard normal distribution.
    #[must_use]
    pub fn new(rng: &mut impl Rng, vocabulary_size: usize, size: usize) -> Self {
        let start = Init::Gaussian { mean: 0.0, std: 1.0 };
        Self { table: Param::new(start.tensor(rng, [vocabulary_size, size])), padding: None }
    }

    /// Sets the symbol of padding. Its vector is zero, and no gradient flows into it.
    ///
    /// # Panics
    ///
    /// If the symbol is not within the vocabulary.
    #[track_caller]
    #[must_use]
    pub fn padding(mut self, symbol: usize) -> Self {
        let &[vocabulary_size, size] = &self.table.shape()[..] else {
            unreachable!("a table has two axes")
        };
        assert!(
            symbol < vocabulary_size,
            "padding: symbol {symbol} is not one of {vocabulary_size}, which count from 0"
        );
        self.table.value_mut().as_mut_slice()[symbol * size..][..size].fill(T::zero());
        self.padding = Some(symbol);
        self
    }

    /// Returns the vectors of symbols in row-major order of `shape`: a shape `[T, B]` gives `[T, B, E]`.
    ///
    /// # Panics
    ///
    /// If a symbol is not within the vocabulary, or the shape does not have as many elements as there are symbols.
    #[track_caller]
    #[must_use]
    pub fn forward<'t>(
        &self,
        tape: &'t Tape<T>,
        symbols: &[usize],
        shape: impl Into<Shape>,
    ) -> Var<'t, T> {
        self.look_up(tape, symbols, &shape.into())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn look_up<'t>(
        &self,
        tape: &'t Tape<T>,
        symbols: &[usize],
        shape: &Shape,
    ) -> Var<'t, T> {
        let size = self.table.shape()[1];
        let mut vectors = tape.param(&self.table).gather_rows(symbols);
        if let Some(padding) = self.padding {
            let is_padding = |i: usize| T::of(f64::from(symbols[i] == padding));
            let is_padding = tape.constant(Tensor::from_fn([symbols.len(), 1], is_padding));
            vectors = is_padding.select(vectors.stop_gradient(), vectors);
        }
        let shape: Shape = shape.iter().copied().chain([size]).collect();
        vectors.reshape(shape)
    }
}
