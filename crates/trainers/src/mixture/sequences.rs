//! Batches of sequences of inputs and outputs.

use bptt_tensor::{Scalar, Tensor};

use super::error::HmmError;

/// The values of a batch of sequences at all steps.
#[derive(Clone, Debug)]
pub enum Series<T> {
    /// A symbol at each step, in row-major order of `[T, B]`. Symbols count from 0.
    Symbols(Vec<usize>),
    /// Numbers at each step, `[T, B, F]`.
    Features(Tensor<T>),
}

impl<T> From<Vec<usize>> for Series<T> {
    fn from(symbols: Vec<usize>) -> Self {
        Self::Symbols(symbols)
    }
}

impl<T> From<&[usize]> for Series<T> {
    fn from(symbols: &[usize]) -> Self {
        Self::Symbols(symbols.to_vec())
    }
}

impl<T, const N: usize> From<[usize; N]> for Series<T> {
    fn from(symbols: [usize; N]) -> Self {
        Self::Symbols(symbols.to_vec())
    }
}

impl<T> From<Tensor<T>> for Series<T> {
    fn from(features: Tensor<T>) -> Self {
        Self::Features(features)
    }
}

/// A batch of sequences: an input `u_t` and an output `y_t` at each step, time-major `[T, B]`, and the length of each
/// sequence.
///
/// ```
/// use bptt_tensor::Tensor;
/// use bptt_trainers::mixture::{HmmError, Sequences};
///
/// // two sequences, of 3 steps and of 1: features as inputs, symbols as outputs
/// let inputs = Tensor::<f64>::ones([3, 2, 4]);
/// let data = Sequences::new(inputs, [0, 1, 1, 9, 0, 9], &[3, 1])?;
/// assert_eq!((data.steps(), data.total_steps()), (3, 4));
/// assert_eq!(data.output_symbols(2)?, [0, 1, 1, 0, 0, 0]); // the 9s are after the end
/// # Ok::<(), HmmError>(())
/// ```
///
/// Values after the end of a sequence, NaN included, have no influence. A hidden Markov model without inputs has the
/// symbol 0 as every input.
#[derive(Clone, Debug)]
pub struct Sequences<T> {
    inputs: Series<T>,
    outputs: Series<T>,
    lengths: Vec<usize>,
    steps: usize,
    /// Whether the output of each step is observed, `[T, B]`.
    observed: Vec<bool>,
}

impl<T: Scalar> Sequences<T> {
    /// Creates a batch of `B = lengths.len()` sequences from inputs and outputs of `T` steps.
    ///
    /// # Errors
    ///
    /// If the inputs and outputs do not have the same extents `[T, B]`, if a length is greater than `T`, or if a
    /// feature within a sequence is not finite.
    pub fn new(
        inputs: impl Into<Series<T>>,
        outputs: impl Into<Series<T>>,
        lengths: &[usize],
    ) -> Result<Self, HmmError> {
        let (inputs, outputs) = (inputs.into(), outputs.into());
        let steps = steps_of(INPUTS, &inputs, lengths.len())?;
        let output_steps = steps_of(OUTPUTS, &outputs, lengths.len())?;
        if steps != output_steps {
            return Err(HmmError::Steps { inputs: steps, outputs: output_steps });
        }
        for (sequence, &length) in lengths.iter().enumerate() {
            if length > steps {
                return Err(HmmError::Length { sequence, length, steps });
            }
        }
        Ok(Self {
            inputs: within(INPUTS, inputs, lengths)?,
            outputs: within(OUTPUTS, outputs, lengths)?,
            observed: (0..steps * lengths.len()).map(|p| is_within(p, lengths)).collect(),
            lengths: lengths.to_vec(),
            steps,
        })
    }

    /// Says at which steps the output is observed, in row-major order of `[T, B]`: where a target is given, such as
    /// at the last step of each sequence. Other outputs have no influence. At first all outputs are observed, and
    /// marks only remove: an output that is once not observed is gone.
    ///
    /// ```
    /// # use bptt_trainers::mixture::{HmmError, Sequences};
    /// let data = Sequences::<f64>::new([0, 1, 1], [9, 9, 1], &[3])?.observed_at(&[false, false, true])?;
    /// assert_eq!(data.output_symbols(2)?, [0, 0, 1]);
    /// # Ok::<(), HmmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is not a mark for each step.
    pub fn observed_at(mut self, observed: &[bool]) -> Result<Self, HmmError> {
        if observed.len() != self.observed.len() {
            let (steps, sequences) = (self.steps, self.lengths.len());
            return Err(HmmError::Marks { found: observed.len(), steps, sequences });
        }
        for (position, is_observed) in observed.iter().enumerate() {
            self.observed[position] &= is_observed;
            if !self.observed[position] {
                match &mut self.outputs {
                    Series::Symbols(symbols) => symbols[position] = 0,
                    Series::Features(features) => {
                        let size = features.shape()[2];
                        features.as_mut_slice()[position * size..][..size].fill(T::zero());
                    }
                }
            }
        }
        Ok(self)
    }

    /// Returns the inputs. After the end of a sequence they are 0.
    #[must_use]
    pub fn inputs(&self) -> &Series<T> {
        &self.inputs
    }

    /// Returns the outputs. After the end of a sequence, and where they are not observed, they are 0.
    #[must_use]
    pub fn outputs(&self) -> &Series<T> {
        &self.outputs
    }

    /// Returns the steps of each sequence, `[B]`.
    #[must_use]
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Returns the number `T` of steps of the batch.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Returns the number of steps of all sequences together.
    #[must_use]
    pub fn total_steps(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Returns the inputs as symbols less than `count`, in row-major order of `[T, B]`.
    ///
    /// # Errors
    ///
    /// If they are features, or if a symbol is not less than `count`.
    pub fn input_symbols(&self, count: usize) -> Result<&[usize], HmmError> {
        self.symbols(INPUTS, &self.inputs, count)
    }

    /// Returns the outputs as symbols less than `count`, in row-major order of `[T, B]`.
    ///
    /// # Errors
    ///
    /// If they are features, or if a symbol is not less than `count`.
    pub fn output_symbols(&self, count: usize) -> Result<&[usize], HmmError> {
        self.symbols(OUTPUTS, &self.outputs, count)
    }

    /// Returns the inputs as features `[T, B, size]`.
    ///
    /// # Errors
    ///
    /// If they are symbols, or have another size.
    pub fn input_features(&self, size: usize) -> Result<&Tensor<T>, HmmError> {
        features(INPUTS, &self.inputs, size)
    }

    /// Returns the outputs as features `[T, B, size]`.
    ///
    /// # Errors
    ///
    /// If they are symbols, or have another size.
    pub fn output_features(&self, size: usize) -> Result<&Tensor<T>, HmmError> {
        features(OUTPUTS, &self.outputs, size)
    }

    /// Returns 1 at each step within its sequence and 0 elsewhere, `[T, B, 1]`.
    pub(super) fn mask(&self) -> Tensor<T> {
        let shape = [self.steps, self.lengths.len(), 1];
        Tensor::from_fn(shape, |p| T::of(f64::from(is_within(p, &self.lengths))))
    }

    /// Returns 1 at each step whose output is observed and 0 elsewhere, `[T, B, 1]`.
    pub(super) fn observed_mask(&self) -> Tensor<T> {
        let shape = [self.steps, self.lengths.len(), 1];
        Tensor::from_fn(shape, |p| T::of(f64::from(self.observed[p])))
    }

    fn symbols<'a>(
        &self,
        side: &'static str,
        series: &'a Series<T>,
        count: usize,
    ) -> Result<&'a [usize], HmmError> {
        let Series::Symbols(symbols) = series else {
            return Err(HmmError::Kind { side, found: "features", needed: "symbols" });
        };
        let batch = self.lengths.len();
        for position in (0..symbols.len()).filter(|&p| is_within(p, &self.lengths)) {
            let symbol = symbols[position];
            if symbol >= count {
                let (step, sequence) = (position / batch, position % batch);
                return Err(HmmError::Symbol { side, symbol, count, step, sequence });
            }
        }
        Ok(symbols)
    }
}

const INPUTS: &str = "inputs";
const OUTPUTS: &str = "outputs";

fn features<'a, T: Scalar>(
    side: &'static str,
    series: &'a Series<T>,
    size: usize,
) -> Result<&'a Tensor<T>, HmmError> {
    let Series::Features(features) = series else {
        return Err(HmmError::Kind { side, found: "symbols", needed: "features" });
    };
    match features.shape()[2] {
        found if found == size => Ok(features),
        found => Err(HmmError::Features { side, found, needed: size }),
    }
}

/// Returns the number of steps of a series of so many sequences.
fn steps_of<T: Scalar>(
    side: &'static str,
    series: &Series<T>,
    sequences: usize,
) -> Result<usize, HmmError> {
    let (steps, found) = match series {
        Series::Symbols(symbols) => {
            let count = symbols.len();
            let fits = count.is_multiple_of(sequences);
            (fits.then(|| count.checked_div(sequences).unwrap_or(0)), count.to_string())
        }
        Series::Features(features) => match features.shape()[..] {
            [steps, batch, _] if batch == sequences => (Some(steps), String::new()),
            _ => (None, features.shape().to_string()),
        },
    };
    steps.ok_or(HmmError::Extents { side, found, sequences })
}

/// Whether a position `t B + b` is within its sequence.
fn is_within(position: usize, lengths: &[usize]) -> bool {
    position / lengths.len() < lengths[position % lengths.len()]
}

/// Returns a series with 0 after the end of each sequence.
fn within<T: Scalar>(
    side: &'static str,
    series: Series<T>,
    lengths: &[usize],
) -> Result<Series<T>, HmmError> {
    match series {
        Series::Symbols(mut symbols) => {
            for (position, symbol) in symbols.iter_mut().enumerate() {
                *symbol *= usize::from(is_within(position, lengths));
            }
            Ok(Series::Symbols(symbols))
        }
        Series::Features(mut features) => {
            let size = features.shape()[2];
            for (position, row) in features.as_mut_slice().chunks_mut(size.max(1)).enumerate() {
                if !is_within(position, lengths) {
                    row.fill(T::zero());
                } else if !row.iter().all(|x| x.as_f64().is_finite()) {
                    let (step, sequence) = (position / lengths.len(), position % lengths.len());
                    return Err(HmmError::NonFiniteFeature { side, step, sequence });
                }
            }
            Ok(Series::Features(features))
        }
    }
}
