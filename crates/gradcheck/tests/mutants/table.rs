//! The mutants: what each one has wrong, and where such a fault was found.
//!
//! Some texts on back-propagation through time print the fault; see `docs/test-your-cell.md`. Two more of their errors are
//! not here, as no gradient is wrong by them: a bound on vanishing gradients by `λ₁ < 1/λ` instead of `1/γ`,
//! and by an eigenvalue where the nonlinear network needs the singular value. Those are statements about
//! correct gradients, shown by `crates/layers/tests/recurrent/vanishing.rs`.

use bptt_gradcheck::Report;

use crate::{
    by_hand, cotangents, elman_step, equations, hidden_state, linear, lstm_step, normalised,
    pointwise,
};

/// What is checked: correct, and with each of its bugs.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) twin: fn() -> Report,
    pub(crate) mutants: Vec<Mutant>,
}

pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    /// The text that prints the fault, or "common".
    pub(crate) source: &'static str,
    pub(crate) wrong: &'static str,
    pub(crate) check: fn() -> Report,
}

/// `module::subject { Bug, source, what is wrong; … }`
macro_rules! subjects {
    ($($module:ident::$subject:ident {
        $($bug:ident, $source:ident, $wrong:literal;)+
    })+) => {
        pub(crate) fn subjects() -> Vec<Subject> {
            vec![$(Subject {
                name: concat!(stringify!($module), "::", stringify!($subject)),
                twin: || $module::$subject($module::Bug::None),
                mutants: vec![$(Mutant {
                    name: stringify!($bug),
                    source: stringify!($source),
                    wrong: $wrong,
                    check: || $module::$subject($module::Bug::$bug),
                }),+],
            }),+]
        }
    };
}

subjects! {
    by_hand::sequence {
        SlopeBehindWeight, Crowley, "`diag(1 − h²) Wᵀ ∇h` for `Wᵀ diag(1 − h²) ∇h`";
        FirstStateSkipped, Crowley, "sums from `h(1)` on: the use of `h(0)` is skipped";
        AveragedOverTime, slides, "the gradients of shared weights averaged, not summed";
        NoSlope, Nguyen, "`φ'` missing on the way back in time";
        StateForStateBefore, Nguyen, "`h_k` for `h_{k−1}` in `∂W_hh`";
        OutputSlopeInside, Nguyen, "`φ_o` on the hidden layer: its slope for that of `φ_h`";
        RecurrenceForgotten, common, "nothing flows back in time";
        LastStepAlone, common, "each step overwrites the sums of later ones";
        LossOfLastStepAlone, common, "the losses of earlier steps dropped";
    }
    pointwise::sigmoid {
        ValueForSlope, common, "`y` for `y (1 − y)`";
    }
    pointwise::softplus {
        FlatBeyondTwenty, common, "a slope of 0 for `σ(x)` where x > 20";
    }
    pointwise::quotient {
        QuotientSign, common, "`+ y / b` for `− y / b`";
    }
    pointwise::product {
        FactorOfItself, common, "`∂a = g a` for `g b`";
        FirstRowAlone, common, "a stretched operand's gradient not summed: the first row's";
        MeanForSum, common, "a stretched operand's gradient averaged";
    }
    pointwise::maximum {
        TieToBoth, common, "a tie given to both in full";
    }
    pointwise::cube {
        ValueReadAsConstant, common, "right once; the value in the rule is a constant";
        SlopeReadAsConstant, common, "right twice; the value in the slope's rule is a constant";
    }
    pointwise::select {
        ChoiceSwapped, common, "the gradient goes to what was not chosen";
    }
    pointwise::abs {
        SignForgotten, common, "`g` for `g sign x`";
    }
    pointwise::square_of_zero {
        ZeroOverZero, common, "`2 y / x` for `2 x`: 0/0 at 0";
    }
    linear::matmul {
        NotTransposed, common, "`∂A = G B` for `G Bᵀ`";
        FactorsSwapped, common, "`∂B = Gᵀ A` for `Aᵀ G`";
    }
    linear::sum {
        AverageForSum, common, "the rule of the mean";
    }
    linear::mean {
        SumForAverage, common, "the rule of the sum";
    }
    linear::stretched {
        LikeRowsCountOnce, common, "a cotangent whose rows are alike is taken for one row";
    }
    linear::gather {
        RepeatedRowOverwritten, common, "of a row that is read twice, the last gradient";
        RowShifted, common, "gradients go to the rows one further";
    }
    linear::slice {
        StartForgotten, common, "the gradient goes to the axis's beginning";
    }
    linear::concat {
        PartsSwapped, common, "the gradients of the parts swapped";
    }
    linear::running_sum {
        ForwardInTime, common, "the reverse sums forward in time";
    }
    normalised::softmax {
        NoCoupling, common, "`y g`, without the term that couples the outputs";
    }
    normalised::logsumexp {
        EqualWeights, common, "`g / n` for `g softmax(x)`";
    }
    normalised::log_softmax {
        CotangentNotSummed, common, "`g − eʸ` for `g − eʸ Σ g`";
    }
    normalised::layer_norm {
        VarianceHeld, common, "the variance held constant";
        MeanHeld, common, "the mean held constant";
    }
    normalised::cross_entropy {
        LabelForgotten, common, "`softmax` for `softmax − 1_label`";
    }
    cotangents::tanh {
        Clipped, common, "the cotangent clipped to ±10";
        SignAlone, common, "the cotangent's sign";
        Normalised, common, "divided by its norm and multiplied again: 0/0 where it is 0";
        ConstantAdded, common, "10⁻¹² added to the cotangent";
        Detached, common, "a rule that stops the cotangent's own gradient";
        OneHotTakenForChoice, common, "a cotangent with one element is taken for a choice of it";
        RoundedToSingle, common, "the cotangent passes through single precision";
    }
    cotangents::large_beside_small {
        SmallSlopeWrong, common, "twice a slope of 10⁻⁵ beside one of 10⁹";
        SmallCotangentDetached, common, "the small output's cotangent stopped";
    }
    cotangents::scaled_product {
        SingleLiteral, common, "a factor of 0.1 in single precision in the rule of one operand";
    }
    hidden_state::twice {
        CacheOverwritten, common, "the rule reads what the latest forward run left";
        OtherAnswerTheSecondTime, common, "the rule answers twice as much when asked again";
        RandomSlope, common, "random numbers in the rule";
    }
    hidden_state::sum {
        OrderOfFirstCall, common, "every second call of a thread sums in another order";
        OrderByThreads, common, "the order of the sum depends on the number of threads";
    }
    hidden_state::remembering {
        FreedAfterUse, common, "what has been computed once is gone when it is computed again";
        StateOutsideOfState, common, "the cell keeps a state of its own";
    }
    elman_step::step {
        BiasOfFirstSequence, common, "the bias's gradient of the batch's first sequence";
        AveragedOverBatch, common, "parameters' gradients divided by the size of the batch";
        BeyondSecondUnit, common, "no gradient for the units that a kernel of two leaves over";
        MadeForAnotherInput, common, "what `∂h` needs is made in the closure of `∂x`";
        ValuesReadWhereKnown, common, "values read as constants, but in a scan, where there are none";
        ConstantAdded, common, "10⁻¹² added to the inputs' gradient";
        NeighboursGradient, common, "each unit's gradient goes to its neighbour";
    }
    lstm_step::step {
        CutFromBefore, Crowley, "\"cannot be unrolled\": nothing flows back to the step before";
        GatesSwapped, common, "input and forget gate in the other order in the gradient";
        CellCotangentDropped, common, "`∂c` of the next step dropped";
        GateSlopeForgotten, common, "`o (1 − o)` missing";
        CellAfterForBefore, common, "`∂f = ∂c ⊙ c` for `∂c ⊙ c₋`";
        TanhSlopeForgotten, common, "`1 − tanh² c` missing";
        PeepholeDropped, common, "what reaches `c` through the output gate's peephole";
        PeepholeReadsBefore, common, "the output gate's peephole learns from `c₋`";
        HiddenForCell, common, "`∂h` for `∂c`";
        ForgetPathDropped, common, "`∂c₋` without `∂c ⊙ f`";
    }
    equations::elman {
        StateDetached, common, "the state before detached";
        ParameterCopied, common, "a copy of the weight at each step";
        AveragedOverUses, common, "each use's gradient divided by the number of uses so far";
        MeanOverBatch, common, "the batch's mean state mixed in";
        NextSequence, common, "the state of the batch's next sequence";
        PlaceInBatch, common, "the state moved by the sequence's place in the batch";
        DividedByBatch, common, "outputs divided by the size of the batch";
        KnowsItsStep, common, "inputs scaled by the step's number";
        CountsItsSteps, common, "inputs scaled by a count of calls";
        NotOdd, common, "an even term in an odd network";
        BeyondSingle, common, "a factor that single precision does not hold";
        NextUnit, common, "each unit reads the next one's state";
    }
    equations::saturated {
        QuotientOfPowers, common, "`eᶻ / (eᶻ + 1)`, which overflows in single precision";
        LogarithmOfPower, common, "`ln(1 + eᶻ)`, likewise";
        TanhOfPowers, common, "`(eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ)`, likewise";
    }
    equations::lstm {
        CellDetached, common, "`c₋` detached";
        HiddenDetached, common, "`h₋` detached";
        GateDetached, common, "the forget gate detached";
        OutputOfNextUnit, common, "each output gate is its neighbour's";
        GateOrder, common, "input and forget gate in the other order";
        OutputNotSquashed, common, "`h = o ⊙ c` without the tanh";
    }
}
