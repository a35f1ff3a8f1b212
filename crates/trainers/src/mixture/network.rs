//! Networks of the input.

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Linear, Module, ParameterPath};
use bptt_tensor::{Scalar, Tensor};

use super::error::HmmError;
use super::quotients::Quotients;
use super::sequences::Sequences;

/// A network that maps the input `u_t` of each step to `K` values, of which probabilities or means are computed.
///
/// [`InputTable`] has a row of values for each symbol, and [`Linear`] is an affine map of features. A [`Vec`] of
/// networks concatenates their values, so that each state may have a network of its own, as in the paper. Other
/// networks implement [`values`](Self::values):
///
/// ```standalone_crate
/// use bptt_autodiff::{Tape, Var};
/// use bptt_layers::{Linear, Module};
/// use bptt_tensor::Scalar;
/// use bptt_trainers::mixture::{HmmError, InputNetwork, Sequences};
///
/// # extern crate bptt_layers as bptt;
/// #[derive(Module)]
/// struct Perceptron<T> {
///     below: Linear<T>, // [I, H]
///     above: Linear<T>, // [H, K]
/// }
///
/// impl<T: Scalar> InputNetwork<T> for Perceptron<T> {
///     fn size(&self) -> usize {
///         self.above.w.shape()[1]
///     }
///
///     fn values<'t>(&self, tape: &'t Tape<T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError> {
///         let inputs = data.input_features(self.below.w.shape()[0])?;
///         let hidden = self.below.forward(tape.constant(inputs.clone())).tanh();
///         Ok(self.above.forward(hidden))
///     }
/// }
/// # fn main() {}
/// ```
pub trait InputNetwork<T: Scalar>: Module<T> {
    /// Returns the number `K` of values.
    #[must_use]
    fn size(&self) -> usize;

    /// Returns the values at each step, `[T, B, K]`.
    ///
    /// # Errors
    ///
    /// If the inputs do not suit the network.
    fn values<'t>(&self, tape: &'t Tape<T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError>;

    /// Sets the values to these quotients, if the network has values of its own for each input, and returns whether
    /// it does. The maximization of [`ExpectationMaximization`](super::ExpectationMaximization) is then exact, in one
    /// step.
    ///
    /// # Errors
    ///
    /// As [`values`](Self::values).
    fn set_quotients(
        &mut self,
        data: &Sequences<T>,
        quotients: &Quotients,
    ) -> Result<bool, HmmError> {
        let _ = (data, quotients);
        Ok(false)
    }
}

/// A row of `K` values for each symbol of a discrete input: `[U, K]`, `U·K` parameters.
///
/// As logits of probabilities, the rows are multinomial distributions.
///
/// ```
/// use bptt_autodiff::Tape;
/// use bptt_tensor::Tensor;
/// use bptt_trainers::mixture::{HmmError, InputNetwork, InputTable, Sequences};
///
/// let table = InputTable::from_values(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
/// let data = Sequences::new([1, 0, 1], [0, 0, 0], &[3])?;
/// let values = table.values(&Tape::inference(), &data)?.value();
/// assert_eq!(values.to_vec(), [3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), HmmError>(())
/// ```
#[derive(Clone, Debug)]
pub struct InputTable<T> {
    /// `[U, K]`
    pub rows: Param<T>,
}

impl<T: Scalar> InputTable<T> {
    /// Creates a table for `symbols` inputs with `size` values each, drawn from the standard normal distribution.
    ///
    /// # Panics
    ///
    /// If there is no symbol.
    #[track_caller]
    #[must_use]
    pub fn new(rng: &mut impl rand::Rng, symbols: usize, size: usize) -> Self {
        Self::from_values(Tensor::normal([symbols, size], 0.0, 1.0, rng))
    }

    /// Creates a table of these values `[U, K]`.
    ///
    /// # Panics
    ///
    /// If the values do not have two axes, or there is no symbol.
    #[track_caller]
    #[must_use]
    pub fn from_values(values: Tensor<T>) -> Self {
        let shape = values.shape();
        assert!(
            shape.len() == 2 && shape[0] > 0,
            "a table has a row of values for each symbol, [U, K] with at least one symbol, not {shape}"
        );
        Self { rows: Param::new(values) }
    }

    /// Returns the number `U` of symbols.
    #[must_use]
    pub fn symbols(&self) -> usize {
        self.rows.shape()[0]
    }
}

/// Data do not reach a distribution with a smaller expected count: quotients of subnormal numbers have few digits.
pub(super) const LEAST_COUNT: f64 = 1e-280;

impl<T: Scalar> Module<T> for InputTable<T> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visitor: &mut dyn FnMut(&str, &'a Param<T>)) {
        path.within("rows", |path| self.rows.visit(path, visitor));
    }

    fn visit_mut<'a>(
        &'a mut self,
        path: &mut ParameterPath,
        visitor: &mut dyn FnMut(&str, &'a mut Param<T>),
    ) {
        path.within("rows", |path| self.rows.visit_mut(path, visitor));
    }
}

impl<T: Scalar> InputNetwork<T> for InputTable<T> {
    fn size(&self) -> usize {
        self.rows.shape()[1]
    }

    fn values<'t>(&self, tape: &'t Tape<T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError> {
        let symbols = data.input_symbols(self.symbols())?;
        let rows = tape.param(&self.rows).gather_rows(symbols);
        Ok(rows.reshape([data.steps(), data.lengths().len(), self.size()]))
    }

    fn set_quotients(
        &mut self,
        data: &Sequences<T>,
        quotients: &Quotients,
    ) -> Result<bool, HmmError> {
        quotients.set(data.input_symbols(self.symbols())?, self.rows.value_mut());
        Ok(true)
    }
}

/// An affine map of features.
impl<T: Scalar> InputNetwork<T> for Linear<T> {
    fn size(&self) -> usize {
        self.w.shape()[1]
    }

    fn values<'t>(&self, tape: &'t Tape<T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError> {
        let features = data.input_features(self.w.shape()[0])?;
        Ok(self.forward(tape.constant(features.clone())))
    }
}

/// Networks side by side, such as one for each state. Their values are concatenated. If all are tables, the maximum is
/// exact, as with one table.
impl<T: Scalar, N: InputNetwork<T>> InputNetwork<T> for Vec<N> {
    fn size(&self) -> usize {
        self.iter().map(InputNetwork::size).sum()
    }

    fn values<'t>(&self, tape: &'t Tape<T>, data: &Sequences<T>) -> Result<Var<'t, T>, HmmError> {
        let values: Result<Vec<_>, _> =
            self.iter().map(|network| network.values(tape, data)).collect();
        Ok(Var::concat(&values?, -1))
    }

    fn set_quotients(
        &mut self,
        data: &Sequences<T>,
        quotients: &Quotients,
    ) -> Result<bool, HmmError> {
        let (mut from, mut are_set) = (0, true);
        for network in self {
            let to = from + network.size();
            are_set &= network.set_quotients(data, &quotients.columns(from..to))?;
            from = to;
        }
        Ok(are_set)
    }
}
