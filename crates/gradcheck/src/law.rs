//! The laws, which hold for every differentiable function and every recurrence.

use std::fmt;

/// A law that correct gradients obey for any function.
///
/// [`statement`](Self::statement) says what is checked and [`catches`](Self::catches) what breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Law {
    /// Each entry of the Jacobian against five-point differences.
    Jacobian,
    /// The derivative along a random direction against differences.
    Slope,
    /// The derivative along two directions against differences of the derivative along one.
    SecondOrder,
    /// The derivative along three directions against differences of the derivative along two.
    ThirdOrder,
    /// `⟨v, J u⟩ = ⟨Jᵀ v, u⟩`
    Adjoint,
    /// `Jᵀ(a v + b w) = a Jᵀ v + b Jᵀ w`
    Linear,
    /// `Jᵀ 0 = 0`, exactly.
    Zero,
    /// `Jᵀ v = Σ vᵢ Jᵀ eᵢ`
    EachOutput,
    /// `eᵢᵀ (J eⱼ) = (Jᵀ eᵢ)ᵀ eⱼ`
    RowsAreColumns,
    /// `⟨H u, v⟩ = ⟨u, H v⟩`, and `H u` is the gradient of the slope along `u`.
    Hessian,
    /// `⟨u, Jᵀ J u⟩ = ‖J u‖² ≥ 0`
    GaussNewton,
    /// `backward`, which accumulates in place, computes the same as `grad`, which records.
    Accumulated,
    /// Two runs compute the same bits.
    Repeatable,
    /// 1, 2 and 3 threads compute the same bits.
    Threads,
    /// A scan equals the loop that specifies it, to second order.
    Scan,
    /// A sequence run in pieces equals the sequence run as a whole.
    Pieces,
    /// Recomputing residuals instead of saving them changes nothing.
    Recompute,
    /// A reversed run equals a run over the reversed sequence, whose outputs are reversed.
    Reversed,
    /// Padding, full of NaN, changes nothing.
    Padding,
    /// A run whose sequences start anew within it equals separate runs.
    Episodes,
    /// No output depends on a later input.
    Causality,
    /// Truncation to windows as long as the sequence changes nothing. Shorter windows equal loops whose gradient is
    /// cut.
    Truncation,
    /// The gradient of a shared weight is the sum of the gradients of its uses.
    Tied,
    /// Permuting the sequences of a batch permutes the results.
    BatchOrder,
    /// A batch equals its sequences, run one by one.
    BatchSum,
    /// A stepper computes the same as a run over the sequence.
    Streaming,
    /// The derivative in a learned initial state against differences.
    LearnedStart,
    /// The tape agrees with a derivation by hand.
    ByHand,
    /// Single precision agrees with double precision, up to its rounding.
    SinglePrecision,
    /// Permuting the hidden units permutes the results.
    HiddenOrder,
    /// `y(−x, −h) = −y(x, h)`, for a cell of odd functions without biases.
    OddSymmetry,
}

impl Law {
    /// The laws that compare derivatives with differences of values.
    ///
    /// They do not hold where the gradient is not the derivative by intent: behind a stopped gradient, and for the
    /// [surrogate gradient](bptt_layers::Surrogate) of spikes. [`without`](crate::Check::without) leaves them out.
    ///
    /// ```
    /// use bptt_gradcheck::{Law, cell};
    /// use bptt_layers::{Activation, Elman, Surrogate};
    ///
    /// let spike = Activation::Spike(Surrogate::Arctangent { alpha: 2.0 });
    /// cell(|rng, inputs, hidden| Elman::new(rng, inputs, hidden).activation(spike.clone()))
    ///     .without(Law::BY_DIFFERENCES)
    ///     .cases(4)
    ///     .check();
    /// ```
    pub const BY_DIFFERENCES: &[Self] =
        &[Self::Jacobian, Self::Slope, Self::SecondOrder, Self::ThirdOrder, Self::LearnedStart];
}

/// `law => name, statement, what it catches`
macro_rules! laws {
    ($($law:ident => $name:literal, $statement:literal, $catches:literal;)*) => {
        impl Law {
            /// All laws.
            pub const ALL: &[Self] = &[$(Self::$law),*];

            /// The law's name, as reports print it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$law => $name),* }
            }

            /// What is checked.
            #[must_use]
            pub const fn statement(self) -> &'static str {
                match self { $(Self::$law => $statement),* }
            }

            /// The faults that break it.
            #[must_use]
            pub const fn catches(self) -> &'static str {
                match self { $(Self::$law => $catches),* }
            }
        }
    };
}

laws! {
    Jacobian => "Jacobian",
        "each entry of the Jacobian is the slope by five-point differences; in a recurrence, for the parameters of each step separately",
        "any wrong first derivative, and at which lag it is wrong";
    Slope => "slope",
        "the derivative along a random direction is the slope by differences",
        "any wrong first derivative, in the compiled recurrence as well";
    SecondOrder => "second order",
        "the derivative along two directions is the slope, by differences, of the derivative along one",
        "rules that are right in first order but cannot be differentiated: values read as constants";
    ThirdOrder => "third order",
        "the derivative along three directions is the slope, by differences, of the derivative along two",
        "the same, one order up";
    Adjoint => "adjoint",
        "⟨v, J u⟩ = ⟨Jᵀ v, u⟩",
        "rules that are not linear in the cotangent, so that J u and Jᵀ v belong to different matrices";
    Linear => "linear",
        "Jᵀ(a v + b w) = a Jᵀ v + b Jᵀ w",
        "clipped, rounded or normalised gradients; lost signs";
    Zero => "zero",
        "Jᵀ 0 = 0, exactly",
        "terms that do not pass through the cotangent; 0 · ∞";
    EachOutput => "each output",
        "Jᵀ v = Σ vᵢ Jᵀ eᵢ",
        "rules that confuse the cotangents of outputs, or need all of them";
    RowsAreColumns => "rows are columns",
        "eᵢᵀ (J eⱼ) = (Jᵀ eᵢ)ᵀ eⱼ",
        "rules that treat a cotangent with one nonzero element differently";
    Hessian => "Hessian",
        "⟨H u, v⟩ = ⟨u, H v⟩, and H u is the gradient of the slope along u",
        "a field that is not the gradient of any function";
    GaussNewton => "Gauss–Newton",
        "⟨u, Jᵀ J u⟩ = ‖J u‖² ≥ 0",
        "rules that treat some cotangents differently";
    Accumulated => "accumulated",
        "`backward`, which accumulates in place, computes what `grad` records",
        "rules whose result changes when their contribution is accumulated";
    Repeatable => "repeatable",
        "two runs compute the same bits",
        "state kept between calls, randomness, uninitialised memory";
    Threads => "threads",
        "1, 2 and 3 threads compute the same bits",
        "sums whose order depends on the number of threads";
    Scan => "scan",
        "a scan equals the loop: values, gradients, second derivatives",
        "equations that change when they are recorded once and replayed";
    Pieces => "pieces",
        "a sequence in pieces, with the state handed over, equals the whole sequence",
        "memory outside of the state; steps that know their number";
    Recompute => "recompute",
        "recomputing residuals instead of saving them changes nothing",
        "steps that compute different values the second time";
    Reversed => "reversed",
        "a run from the last step to the first equals a run over the reversed sequence, whose outputs are reversed",
        "steps that know their number";
    Padding => "padding",
        "sequences of different lengths, with padding full of NaN, compute what each computes alone",
        "sequences of a batch that influence one another";
    Episodes => "episodes",
        "a run whose sequences start anew within it computes what separate runs compute, forward and reversed",
        "memory outside of the state; variables of the state that are not reset";
    Causality => "causality",
        "∂y_t/∂x_s is exactly 0 for s > t, and y_t has the same bits for any x_s",
        "reading ahead; indices off by one";
    Truncation => "truncation",
        "windows as long as the sequence give full back-propagation through time; shorter ones equal loops whose gradient is cut",
        "memory outside of the state";
    Tied => "tied weights",
        "the gradient of a shared weight is the sum over the steps that use it",
        "averages instead of sums; gradients of one step alone; copied parameters";
    BatchOrder => "batch order",
        "permuting the sequences of a batch permutes the results",
        "rows of a batch that are confused";
    BatchSum => "batch sum",
        "a batch computes what its sequences do one by one, and its gradient is the sum of theirs",
        "means over the batch; sequences that influence one another";
    Streaming => "streaming",
        "a stepper, one step at a time, computes what a run over the sequence does",
        "steps that know their number or look ahead";
    LearnedStart => "learned start",
        "the derivative in a learned initial state, shared by the batch, is the slope by differences",
        "gradients that do not reach the initial state";
    ByHand => "by hand",
        "values and gradients agree with a derivation by hand",
        "errors in the derivation or on the tape";
    SinglePrecision => "single precision",
        "values and gradients in f32 agree with those in f64 to 2e-5",
        "constants that only one precision can represent; overflow; cancellation";
    HiddenOrder => "hidden order",
        "permuting the hidden units, with their weights and states, permutes the outputs",
        "wrong indices of gates and units";
    OddSymmetry => "odd symmetry",
        "y(−x, −h) = −y(x, h)",
        "biases where there should be none; wrong signs";
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
