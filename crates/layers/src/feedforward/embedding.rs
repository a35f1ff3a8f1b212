//! Learned vectors of symbols.

use std::collections::HashMap;

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

use crate::core::init::Init;
use crate::core::module::Module;
use crate::feedforward::dropout::Dropout;

/// A learned vector for each symbol of a vocabulary: `[V, E]`, `V·E` parameters.
///
/// A lookup equals the product of a one-hot row with the table, at the cost of a copy. The gradient of a vector is the
/// sum over the places where its symbol occurs.
#[derive(Clone, Debug, Module)]
pub struct Embedding<T> {
    /// A row for each symbol, `[V, E]`.
    pub table: Param<T>,
    /// The symbol of [padding](Self::padding), if there is one.
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

    /// Sets the symbol of padding. Its vector is zero, and no gradient flows into it from where it is looked up.
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

    /// Returns the vectors of symbols as [`forward`](Self::forward) does, with embedding dropout (Gal and Ghahramani
    /// 2016): the vector of a dropped symbol is zero wherever the symbol occurs.
    ///
    /// ```text
    /// x = m_s E_s     m_s = 0 with probability p, else 1/(1 − p), drawn for each symbol s
    /// ```
    ///
    /// `m_s` is drawn only for symbols that occur, in the order of their first occurrence. The cost does not depend on
    /// `V`.
    ///
    /// ```
    /// use bptt_autodiff::Tape;
    /// use bptt_layers::{Dropout, Embedding};
    ///
    /// let mut rng = bptt_layers::rng(0);
    /// let embedding = Embedding::<f32>::new(&mut rng, 10_000, 4);
    /// let tape = Tape::new();
    /// let dropout = Dropout::new(0.1);
    /// let xs = embedding.in_training(&mut rng, &tape, &[7, 3, 7, 7], [4, 1], &dropout);
    /// assert_eq!(xs.index_first(0).value(), xs.index_first(3).value());
    /// ```
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    #[track_caller]
    #[must_use]
    pub fn in_training<'t>(
        &self,
        rng: &mut impl Rng,
        tape: &'t Tape<T>,
        symbols: &[usize],
        shape: impl Into<Shape>,
        dropout: &Dropout,
    ) -> Var<'t, T> {
        let vectors = self.look_up(tape, symbols, &shape.into());
        let mut distinct = HashMap::new();
        let mut number = |symbol| {
            let next = distinct.len();
            *distinct.entry(symbol).or_insert(next)
        };
        let numbers: Vec<usize> = symbols.iter().map(&mut number).collect();
        match dropout.mask(rng, Shape::from([distinct.len(), 1])) {
            Some(mask) => {
                let positions = vectors.shape().with(vectors.rank() - 1, 1);
                vectors * &mask.gather_rows(&numbers).reshape(positions)
            }
            None => vectors,
        }
    }

    /// Returns the logits of the next symbol with the table as the output weights, `o = h Eᵀ` (Inan, Khosravi and
    /// Socher 2017; Press and Wolf 2017): `[.., V]` of features `h: [.., E]`.
    ///
    /// Such *tied* weights save the `E·V` parameters of an output layer. The gradient of the table is the sum over both
    /// uses. Through the logits, it also reaches the vector of a symbol of [padding](Self::padding). With a table from
    /// the standard normal distribution, the logits have a standard deviation near `‖h‖`, which is large. Smaller
    /// entries are better, for instance from [`Init::Uniform`](crate::Init::Uniform).
    ///
    /// ```
    /// use bptt_autodiff::Tape;
    /// use bptt_layers::{Embedding, Layer, Lstm, loss};
    ///
    /// let mut rng = bptt_layers::rng(0);
    /// let embedding = Embedding::<f32>::new(&mut rng, 50, 8);
    /// let lstm = Lstm::new(&mut rng, 8, 8);
    /// let tape = Tape::new();
    /// let (hs, _state) = lstm.forward(embedding.forward(&tape, &[7, 3, 9], [3, 1]));
    /// let loss = loss::cross_entropy(embedding.logits(hs), &[3, 9, 7]).mean();
    /// # let _ = loss;
    /// ```
    ///
    /// # Panics
    ///
    /// If the last axis of `h` is not the size of the vectors.
    #[track_caller]
    #[must_use]
    pub fn logits<'t>(&self, h: Var<'t, T>) -> Var<'t, T> {
        h.matmul_t(&self.table)
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
