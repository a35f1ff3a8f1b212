//! Layers without recurrence.

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

use crate::core::cell::{Cell, StateSizes};
use crate::core::init::Init;
use crate::core::module::Module;
use crate::core::options::{bias_option, epsilon_option, init_options};

/// An affine map of the last axis: `y = x W + b`.
///
/// `x: [.., I]`, `W: [I, O]`, `b: [O]`, `y: [.., O]`; `I·O + O` parameters.
///
/// It is also a [`Cell`] without a state. As the second part of a tuple it is a readout above a layer, and the tuple
/// runs over sequences and step by step like the layer.
#[derive(Clone, Debug, Module)]
pub struct Linear<T> {
    /// `W: [I, O]`
    pub w: Param<T>,
    /// `b: [O]`, if there are biases.
    pub b: Option<Param<T>>,
}

impl<T: Scalar> Linear<T> {
    /// Creates a map with a weight from [`Init::Xavier`] and biases of zero.
    #[must_use]
    pub fn new(rng: &mut impl Rng, input_size: usize, output_size: usize) -> Self {
        Self {
            w: Param::new(Init::Xavier.tensor(rng, [input_size, output_size])),
            b: Some(Param::new(Tensor::zeros([output_size]))),
        }
    }

    bias_option!(|linear| [(&mut linear.b, linear.w.shape()[1])]);

    init_options! {
        weight_init: "`W`", |linear| [(&mut linear.w, 1)];
        bias_init: "`b`", |linear| linear.b.iter_mut().map(|b| (b, 1));
    }

    /// Returns `x W + b`.
    ///
    /// # Panics
    ///
    /// If the last axis of `x` is not the input size.
    #[track_caller]
    #[must_use]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        biased(x.matmul(&self.w), self.b.as_ref())
    }
}

/// Implements [`Cell`] for a map of features without a state.
macro_rules! cell_without_state {
    ($map:ident) => {
        impl<T: Scalar> Cell<T> for $map<T> {
            type State<'t> = ();

            #[track_caller]
            fn step<'t>(&self, x: Var<'t, T>, (): ()) -> (Var<'t, T>, ()) {
                (self.forward(x), ())
            }
        }

        impl<T> StateSizes for $map<T> {
            fn state_sizes(&self) -> Vec<usize> {
                vec![]
            }
        }
    };
}

cell_without_state!(Linear);
cell_without_state!(LayerNorm);

/// Returns `z + b`, or `z` without a bias.
#[track_caller]
pub(crate) fn biased<'t, T: Scalar>(z: Var<'t, T>, b: Option<&Param<T>>) -> Var<'t, T> {
    match b {
        Some(b) => z + b,
        None => z,
    }
}

/// Layer normalisation (Ba, Kiros and Hinton 2016): the features of each position at mean 0 and
/// variance 1, then scaled and shifted.
///
/// ```text
/// y = (x − μ) / √(σ² + ε) ⊙ g + b
/// ```
///
/// `μ` and `σ²` are the mean and the variance of the last axis, divided by its size. `x`, `y: [.., F]`, `g`,
/// `b: [F]`; `2F` parameters. `ε` is `1e-5` by default, and [`epsilon`](Self::epsilon) sets it.
#[derive(Clone, Debug, Module)]
pub struct LayerNorm<T> {
    /// `g: [F]`
    pub gain: Param<T>,
    /// `b: [F]`
    pub bias: Param<T>,
    /// `ε`
    #[module(skip)]
    pub epsilon: f64,
}

impl<T: Scalar> LayerNorm<T> {
    /// Creates a layer norm with gains of one and biases of zero.
    #[must_use]
    pub fn new(features: usize) -> Self {
        Self {
            gain: Param::new(Tensor::ones([features])),
            bias: Param::new(Tensor::zeros([features])),
            epsilon: 1e-5,
        }
    }

    epsilon_option!(|norm| [norm]);

    /// Returns the normalised features.
    ///
    /// # Panics
    ///
    /// If the last axis of `x` is not the number of features.
    #[track_caller]
    #[must_use]
    pub fn forward<'t>(&self, x: Var<'t, T>) -> Var<'t, T> {
        let centred = x - x.mean_keep(&[-1]);
        let deviation = (centred.square().mean_keep(&[-1]) + self.epsilon).sqrt();
        centred / deviation * &self.gain + &self.bias
    }
}

/// A learned vector for each symbol of a vocabulary: `[V, E]`, `V·E` parameters.
///
/// It equals the product of a one-hot row with the table, at the cost of a copy. The gradient of a vector is the sum
/// over the places where its symbol occurs.
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
        let size = self.table.shape()[1];
        let mut vectors = tape.param(&self.table).gather_rows(symbols);
        if let Some(padding) = self.padding {
            let is_padding = |i: usize| T::of(f64::from(symbols[i] == padding));
            let is_padding = tape.constant(Tensor::from_fn([symbols.len(), 1], is_padding));
            vectors = is_padding.select(vectors.stop_gradient(), vectors);
        }
        let shape: Shape = shape.into().iter().copied().chain([size]).collect();
        vectors.reshape(shape)
    }
}

/// Dropout (Srivastava et al. 2014). In training, each element is zeroed with probability `rate`. The others are scaled
/// by `1 / (1 − rate)`, so that the expectation stays.
///
/// It is not applied in evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    rate: f64,
}

impl Dropout {
    /// Creates dropout of a share `rate` of the elements, `0 ≤ rate < 1`.
    ///
    /// # Panics
    ///
    /// If the rate is not within these bounds.
    #[track_caller]
    #[must_use]
    pub fn new(rate: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&rate),
            "a dropout rate is at least 0 and less than 1, not {rate}"
        );
        Self { rate }
    }

    /// Applies a random mask to `x`.
    #[track_caller]
    #[must_use]
    pub fn apply<'t, T: Scalar>(&self, rng: &mut impl Rng, x: Var<'t, T>) -> Var<'t, T> {
        match self.mask(rng, x.shape()) {
            Some(mask) => x * &mask,
            None => x,
        }
    }

    /// Draws a mask of 0 and `1 / (1 − rate)`; `None` if nothing is dropped.
    pub(crate) fn mask<T: Scalar>(&self, rng: &mut impl Rng, shape: Shape) -> Option<Tensor<T>> {
        if self.rate == 0.0 {
            return None;
        }
        let keep = 1.0 - self.rate;
        let mut mask = Tensor::bernoulli(shape, keep, rng);
        mask *= 1.0 / keep;
        Some(mask)
    }
}
