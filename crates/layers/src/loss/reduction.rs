//! A loss at each position: its mask and weights, its sum and mean.

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use super::terms::chain::Chain;
use super::terms::class::ClassTerms;
use super::terms::ctc::CtcTerms;
use super::terms::error::ErrorTerms;
use super::terms::positions::{Positions, headroom};

/// A loss at each position, to be reduced to its [`sum`](Self::sum) or [`mean`](Self::mean).
#[derive(Clone, Debug)]
#[must_use = "a loss is taken by `sum`, `mean` or `per_position`"]
pub struct Loss<'t, T: Scalar> {
    terms: Terms<'t, T>,
    positions: Positions<T>,
}

/// The values of the loss at the positions that the mask keeps.
#[derive(Clone, Debug)]
pub(crate) enum Terms<'t, T: Scalar> {
    Class(ClassTerms<'t, T>),
    Error(ErrorTerms<'t, T>),
    Ctc(CtcTerms<'t, T>),
    Chain(Chain<'t, T>),
    Values(Var<'t, T>),
}

impl<'t, T: Scalar> Loss<'t, T> {
    /// Creates a custom loss with the given value at each position. The values are `[T, B]` for a batch of sequences,
    /// and `[B]` for one time step or for one value a sequence. Masks, weights and means work as in every loss.
    ///
    /// ```
    /// use bptt_autodiff::{Tape, Var};
    /// use bptt_layers::loss::Loss;
    /// use bptt_tensor::{Scalar, Tensor};
    ///
    /// /// Huber's loss with all derivatives (Charbonnier et al. 1997), summed over the features:
    /// /// `δ² (√(1 + (e / δ)²) − 1)` with `e = o − y`
    /// #[track_caller]
    /// fn pseudo_huber<'t, T: Scalar>(outputs: Var<'t, T>, targets: &Tensor<T>, delta: f64) -> Loss<'t, T> {
    ///     let error = outputs - targets; // [T, B, F]
    ///     let values = (((error / delta).square() + 1.0).sqrt() - 1.0) * delta.powi(2);
    ///     Loss::new(values.sum(&[-1])) // [T, B]
    /// }
    ///
    /// let tape = Tape::new();
    /// let outputs = tape.variable(Tensor::<f64>::zeros([2, 1, 1])); // [T, B, F]
    /// let targets = Tensor::from_vec([2, 1, 1], vec![0.75, f64::NAN]);
    /// let mask = Tensor::from_vec([2, 1], vec![1.0, 0.0]); // the second step is padding
    /// let loss = pseudo_huber(outputs, &targets, 1.0).masked(&mask).mean();
    /// assert_eq!(loss.item(), 0.25);
    /// let gradient = tape.backward(loss).wrt(outputs).to_vec();
    /// assert!((gradient[0] + 0.6).abs() < 1e-15); // e / √(1 + (e / δ)²)
    /// assert_eq!(gradient[1], 0.0);
    /// ```
    pub fn new(values: Var<'t, T>) -> Self {
        Self { positions: Positions::new(values.shape()), terms: Terms::Values(values) }
    }

    pub(crate) fn of_terms(terms: Terms<'t, T>, positions: Positions<T>) -> Self {
        Self { terms, positions }
    }

    /// Sets how much each position counts, by a mask of the positions' shape. 0 drops a position, such as a padded
    /// step. Values of the operands at a dropped position, NaN included, reach neither the loss nor the gradient. (A
    /// layer below multiplies that gradient of zero by its own inputs, so its inputs at a padded step must be finite.)
    /// Several masks multiply.
    ///
    /// # Panics
    ///
    /// If the mask does not have the shape of the positions, or a weight is negative or not finite.
    #[track_caller]
    #[inline(never)]
    pub fn masked(self, mask: &Tensor<T>) -> Self {
        Self { positions: self.positions.masked(mask), ..self }
    }

    /// Multiplies the loss at each position by a factor; the factors have the positions' shape. A negative factor makes
    /// the target less probable. The returns of a policy gradient are such factors (Williams 1992). Unlike a
    /// [mask](Self::masked), weights do not change how much a position counts, so [`mean`](Self::mean) does not divide
    /// by them. Several weights multiply. A weight of 0 makes the loss 0, even if it is infinite.
    ///
    /// ```
    /// use bptt_autodiff::Tape;
    /// use bptt_layers::loss;
    /// use bptt_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let policy = tape.variable(Tensor::<f64>::zeros([2, 1, 2])); // logits of two actions, [T, B, A]
    /// let (actions, returns) = ([0, 1], Tensor::from_vec([2, 1], vec![3.0, -1.0]));
    /// let loss = loss::cross_entropy(policy, &actions).weighted(&returns).mean();
    /// // R (π(a) − 1_a), of two steps
    /// let gradient = tape.backward(loss).wrt(policy).to_vec();
    /// assert_eq!(gradient, [-1.5, 1.5, -0.5, 0.5].map(|slope| slope / 2.0));
    /// ```
    ///
    /// # Panics
    ///
    /// If the weights do not have the shape of the positions, or one is not finite.
    #[track_caller]
    #[inline(never)]
    pub fn weighted(self, weights: &Tensor<T>) -> Self {
        Self { positions: self.positions.weighted(weights), ..self }
    }

    /// Returns the total weight of the positions, the divisor of [`mean`](Self::mean). It is the number of positions,
    /// or the sum of the mask. If classes have [weights](super::CrossEntropy::class_weights), the weight of the target
    /// is a factor as well.
    ///
    /// The mean over several batches is the sum of their [sums](Self::sum), divided by the sum of their weights.
    ///
    /// # Panics
    ///
    /// If a target is no class.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn weight(&self) -> f64 {
        match &self.terms {
            Terms::Class(terms) => terms.weight(&self.positions),
            Terms::Error(_) | Terms::Ctc(_) | Terms::Chain(_) | Terms::Values(_) => {
                self.positions.weight()
            }
        }
    }

    /// Returns the sum over positions, a number, with their mask and weights.
    ///
    /// # Panics
    ///
    /// As [`per_position`](Self::per_position).
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn sum(self) -> Var<'t, T> {
        self.per_position().sum_all()
    }

    /// Returns the mean over positions: their sum divided by their [weight](Self::weight). It is finite if the losses
    /// are finite.
    ///
    /// If no position counts, the mean is 0 with gradient zero. This happens in an empty batch, or if the mask or the
    /// [ignored index](super::CrossEntropy::ignored_index) drops every position.
    ///
    /// # Panics
    ///
    /// As [`per_position`](Self::per_position).
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn mean(self) -> Var<'t, T> {
        match self.weight() {
            0.0 => Self { positions: self.positions.dropped(), ..self }.sum(),
            weight => {
                let room = headroom(weight);
                self.shares(room).sum_all() / (weight / room)
            }
        }
    }

    /// Returns the loss at each position, in the positions' shape, with its mask and weight.
    ///
    /// # Panics
    ///
    /// If a target at a position that no mask drops is not a class. On a checking tape, as [`ctc`](super::ctc::ctc) states.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn per_position(self) -> Var<'t, T> {
        self.shares(1.0)
    }

    /// Returns each position's part of the sum, divided by `room`.
    #[track_caller]
    fn shares(&self, room: f64) -> Var<'t, T> {
        let losses = match &self.terms {
            Terms::Class(terms) => terms.losses(&self.positions),
            Terms::Error(terms) => terms.losses(&self.positions),
            Terms::Ctc(terms) => terms.losses(&self.positions),
            Terms::Chain(chain) => chain.losses(&self.positions),
            Terms::Values(values) => *values,
        };
        self.positions.share(losses, room)
    }
}
