//! The laws: what holds for every differentiable function and every recurrence.

use std::fmt;

/// A law that correct gradients obey, whatever the function.
///
/// [`statement`](Self::statement) says what is checked and [`catches`](Self::catches) what breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Law {
    /// Each entry of the Jacobian against five-point differences.
    Jacobian,
    /// The slope along a random direction against differences.
    Slope,
    /// The slope of the slope.
    SecondOrder,
    /// The slope of that.
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
    /// What `backward` accumulates in place is what `grad` records.
    Accumulated,
    /// Two runs compute the same bits.
    Repeatable,
    /// 1, 2 and 3 threads do.
    Threads,
    /// A scan is the loop that specifies it, to second order.
    Scan,
    /// A sequence in pieces is the sequence.
    Pieces,
    /// Computing again instead of saving changes nothing.
    Recompute,
    /// Reversed is the reverse of the run over the reverse.
    Reversed,
    /// Padding, full of NaN, changes nothing.
    Padding,
    /// A run whose sequences start anew within it equals separate runs.
    Episodes,
    /// No output depends on a later input.
    Causality,
    /// Windows as long as the sequence are full back-propagation through time, shorter ones loops that are cut.
    Truncation,
    /// The gradient of a shared weight is the sum of those of its uses.
    Tied,
    /// The order of the sequences in a batch is of no account.
    BatchOrder,
    /// A batch is its sequences, one by one.
    BatchSum,
    /// Steps as they arrive are those of the sequence.
    Streaming,
    /// A learned initial state has the slope of differences.
    LearnedStart,
    /// The tape computes what somebody derived by hand.
    ByHand,
    /// Single precision computes what double precision does, as far as it resolves.
    SinglePrecision,
    /// The order of the hidden units is of no account.
    HiddenOrder,
    /// Of a net of odd functions without biases, `y(−x, −h) = −y(x, h)`.
    OddSymmetry,
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
        "each entry of the Jacobian is the slope by five-point differences; in a recurrence, of each output in the parameters of each step",
        "any wrong first derivative, and at which lag it is wrong";
    Slope => "slope",
        "the derivative along a random direction is the slope by differences",
        "any wrong first derivative, in the compiled recurrence as well";
    SecondOrder => "second order",
        "the derivative along two directions is the slope of that along one, by differences",
        "rules that are right once and cannot be differentiated: values read as constants";
    ThirdOrder => "third order",
        "the derivative along three directions is the slope of that along two",
        "the same, one order up";
    Adjoint => "adjoint",
        "⟨v, J u⟩ = ⟨Jᵀ v, u⟩",
        "rules that are not linear in the cotangent, so that J u is not what Jᵀ v belongs to";
    Linear => "linear",
        "Jᵀ(a v + b w) = a Jᵀ v + b Jᵀ w",
        "clipped, rounded or normalised gradients, signs lost";
    Zero => "zero",
        "Jᵀ 0 = 0, exactly",
        "terms that do not pass through the cotangent; 0 · ∞";
    EachOutput => "each output",
        "Jᵀ v = Σ vᵢ Jᵀ eᵢ",
        "rules that take one output's cotangent for another's, or need all of them";
    RowsAreColumns => "rows are columns",
        "eᵢᵀ (J eⱼ) = (Jᵀ eᵢ)ᵀ eⱼ",
        "rules that treat a cotangent of one element otherwise than others";
    Hessian => "Hessian",
        "⟨H u, v⟩ = ⟨u, H v⟩, and H u is the gradient of the slope along u",
        "a gradient that is the gradient of nothing";
    GaussNewton => "Gauss–Newton",
        "⟨u, Jᵀ J u⟩ = ‖J u‖² ≥ 0",
        "rules that treat some cotangents otherwise than others";
    Accumulated => "accumulated",
        "what `backward` adds up in place is what `grad` records",
        "rules that give another result when their contribution is accumulated";
    Repeatable => "repeatable",
        "two runs compute the same bits",
        "state kept between calls, randomness, uninitialised memory";
    Threads => "threads",
        "1, 2 and 3 threads compute the same bits",
        "sums whose order depends on the number of threads";
    Scan => "scan",
        "a scan is the loop: values, gradients, second derivatives",
        "equations that do something else when they are recorded once and replayed";
    Pieces => "pieces",
        "a sequence in pieces, the state handed over, is the sequence",
        "state that is kept outside of the state; steps that know their number";
    Recompute => "recompute",
        "computing again instead of saving changes nothing",
        "steps that compute something else the second time";
    Reversed => "reversed",
        "a run from the last step to the first is the run over the reversed sequence, reversed",
        "steps that know their number";
    Padding => "padding",
        "sequences of different lengths, their padding full of NaN, are what each is alone",
        "sequences of a batch that see one another";
    Episodes => "episodes",
        "a run whose sequences start anew within it computes what separate runs compute, forward and reversed",
        "state that is kept outside of the state; variables of the state that do not start anew";
    Causality => "causality",
        "∂y_t/∂x_s is exactly 0 for s > t, and y_t the same bits whatever x_s is",
        "reading ahead; indices that are off by one";
    Truncation => "truncation",
        "windows as long as the sequence are full back-propagation through time; shorter ones are loops whose gradient is cut",
        "state that is kept outside of the state";
    Tied => "tied weights",
        "the gradient of a shared weight is the sum over the steps that use it",
        "averages for sums, gradients of one step alone, parameters that are copied";
    BatchOrder => "batch order",
        "the sequences of a batch in another order give the same results in that order",
        "rows of a batch that are taken for one another";
    BatchSum => "batch sum",
        "a batch computes what its sequences do one by one, and its gradient is the sum of theirs",
        "means over the batch, sequences that see one another";
    Streaming => "streaming",
        "steps as they arrive compute what the sequence does",
        "steps that know their number or look ahead";
    LearnedStart => "learned start",
        "a learned initial state, shared by the batch, has the slope of differences",
        "gradients that do not reach the first state";
    ByHand => "by hand",
        "values and gradients are those that were derived by hand",
        "whatever differs from the derivation, on either side";
    SinglePrecision => "single precision",
        "values and gradients in f32 are those in f64 to 2e-5",
        "constants that only one precision holds, overflow, cancellation";
    HiddenOrder => "hidden order",
        "the hidden units in another order, weights and states with them, give the same outputs in that order",
        "indices of gates and units that are off";
    OddSymmetry => "odd symmetry",
        "y(−x, −h) = −y(x, h)",
        "biases where there should be none, wrong signs";
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
