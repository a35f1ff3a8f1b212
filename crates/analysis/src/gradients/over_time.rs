//! Questions about the gradients of a loss over time.

use bptt_autodiff::{Tape, Tree, Var};
use bptt_layers::{Costates, Module, Recurrence, Stepwise, Truncation};
use bptt_tensor::{Scalar, Tensor};

use super::by_lag::GradientsByLag;
use super::error_flow::ErrorFlow;
use super::lags::Steps;
use super::states::{StateGradient, StateGradients};
use super::truncation::TruncationBias;
use crate::sequences::extents;

/// The gradients of a loss over the steps of a run.
///
/// The model is any [`Stepwise`] layer: a cell with [`StateSizes`](bptt_layers::StateSizes), a stack, or one with an
/// output layer, `(Stack, Linear)`. The loss is a function of the outputs `[T, B, O]` and has one element. A question
/// calls this function more than once, each time on another tape. Layers run as in evaluation, without the noise of
/// training.
///
/// ```
/// use bptt_analysis::gradients::GradientsOverTime;
/// use bptt_layers::{Lstm, Truncation};
/// use bptt_tensor::Tensor;
///
/// let rng = &mut bptt_layers::rng(0);
/// let lstm = Lstm::<f64>::new(rng, 3, 8);
/// let xs = Tensor::normal([20, 2, 3], 0.0, 1.0, rng); // [T, B, I]
/// let over_time = GradientsOverTime::new(&lstm, &xs, |ys| ys.index_first(19).square().sum_all());
///
/// let states = over_time.states();
/// let of_c = &states.variables[1];
/// assert_eq!(of_c.total.shape(), &[20, 2, 8]);
/// assert!(of_c.total_norms()[0] > 0.0 && of_c.direct_norms()[0] == 0.0);
///
/// let by_lag = over_time.by_lag();
/// let w_hh = by_lag.get("w_hh").expect("a parameter");
/// assert_eq!(w_hh.parts.shape(), &[20, 8, 32]); // [lags, ..]
/// assert!(w_hh.kept()[9].cosine > 0.9); // of the lags below 10
///
/// let bias = over_time.bias(Truncation::new(5, 10));
/// assert!(bias.overall.relative_error < 0.5);
/// ```
///
/// # Limits
///
/// There is no mask. Padding at the ends of sequences does not influence the gradients if the loss does not depend on the
/// outputs there.
///
/// Results are not checked: where a run or its gradients overflow, numbers are infinite or NaN.
///
/// The steps of a run are recorded as sequences of one batch. So the sequences of a batch must be independent of each
/// other, as in every cell of the library. A cell that reads sequences of its own
/// ([`Tape::at_step`](bptt_autodiff::Tape::at_step)) panics, because recorded steps have no numbers.
///
/// # Cost
///
/// Each lag costs one reverse pass over `T·B` rows, since the steps of one lag are independent of each other. For an LSTM of
/// 64 units over 100 steps, in single precision on two cores (Intel Xeon, Sapphire Rapids):
///
/// | question | `B = 1` | `B = 8` | `B = 32` |
/// |---|---|---|---|
/// | a run forward and back, for comparison | 0.2 ms | 0.8 ms | 3 ms |
/// | [`states`](Self::states) | 0.4 ms | 2.3 ms | 11 ms |
/// | [`bias`](Self::bias) of BPTT(10, 20) | 1.0 ms | 3 ms | 13 ms |
/// | [`by_lag`](Self::by_lag) or [`error_flow`](Self::error_flow), all 100 lags | 10 ms | 75 ms | 0.33 s |
///
/// (`cargo bench -p bptt-benches --bench analysis`.) Memory is that of `T·B` recorded steps, and for `by_lag` that of the
/// parameters for each lag. If the batch shares a variable of the state, each step is recorded by itself, which costs more.
#[derive(Clone, Debug)]
#[must_use = "a question computes nothing until it is asked"]
pub struct GradientsOverTime<'a, T, L, F> {
    model: &'a L,
    xs: &'a Tensor<T>,
    start: Option<&'a [Tensor<T>]>,
    lags: usize,
    loss: F,
}

impl<'a, T, L, F> GradientsOverTime<'a, T, L, F>
where
    T: Scalar,
    L: Stepwise<T> + Module<T>,
    F: for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
{
    /// Creates the question for a run of the model over `xs: [T, B, I]`, from its initial state. `loss` computes the loss
    /// from the outputs `[T, B, O]`.
    ///
    /// # Panics
    ///
    /// If `xs` is not a sequence with at least one step.
    #[track_caller]
    pub fn new(model: &'a L, xs: &'a Tensor<T>, loss: F) -> Self {
        let [steps, ..] = extents(xs);
        assert!(
            steps > 0,
            "gradients over time need a sequence with at least one step, not {}",
            xs.shape()
        );
        Self { model, xs, start: None, lags: steps, loss }
    }

    /// Starts from this state, one tensor for each of its variables. The state is a constant.
    ///
    /// # Panics
    ///
    /// If the state is of another layer or batch.
    #[track_caller]
    pub fn start(mut self, state: &'a [Tensor<T>]) -> Self {
        let tape = Tape::inference();
        let initial = self.model.start(&tape, self.xs.shape()[1]).leaves();
        let known: Vec<_> = initial.iter().map(|leaf| leaf.shape()).collect();
        let given: Vec<_> = state.iter().map(|value| value.shape().clone()).collect();
        assert!(
            given == known,
            "start: for this batch the state of the layer has the shapes {known:?}, not {given:?}; give one tensor for \
             each of its variables"
        );
        self.start = Some(state);
        self
    }

    /// Limits results by lag to the first `lags` lags. By default, they have all `T`.
    pub fn lags(mut self, lags: usize) -> Self {
        self.lags = lags.min(self.xs.shape()[0]);
        self
    }

    /// Returns the gradients with respect to the state after each step, the total and the direct one.
    ///
    /// ```text
    /// λ_t = ∂L/∂s_t = ∂L_t/∂s_t + (∂s_{t+1}/∂s_t)ᵀ λ_{t+1}
    /// ```
    ///
    /// [`Costates`] define which paths belong to the state after a step. They compute the total gradient from the compiled
    /// scan. The direct gradient comes from the recorded steps, each on its own.
    ///
    /// # Panics
    ///
    /// If the loss does not have one element, or the model or the loss panics.
    #[track_caller]
    #[must_use]
    pub fn states(&self) -> StateGradients<T> {
        let tape = Tape::new();
        let costates = Costates::new();
        let (xs, start) = (tape.constant(self.xs.clone()), self.initial(&tape));
        let names = start.paths("state");
        let (ys, _) = Recurrence::new(self.model).costates(&costates).run(xs, start);
        let total = costates.of(&tape.backward((self.loss)(ys)));
        let mut variables = Vec::new();
        self.visit_lags(1, &mut |part| {
            let pairs = names.iter().cloned().zip(&total).zip(part.costates);
            variables.extend(pairs.map(|((name, total), direct)| StateGradient {
                name,
                total: total.clone(),
                direct,
            }));
        });
        StateGradients { variables }
    }

    /// Returns the norms `‖∂L_t/∂s_k‖` as a matrix `[T, T]` for each variable of the state. Norms of lags beyond
    /// [`lags`](Self::lags) are left at zero.
    ///
    /// # Panics
    ///
    /// If the loss does not have one element, or the model or the loss panics.
    #[track_caller]
    #[must_use]
    pub fn error_flow(&self) -> ErrorFlow {
        let names = self.initial(&Tape::new()).paths("state");
        let mut flow = ErrorFlow::new(names, self.xs.shape()[0]);
        self.visit_lags(self.lags, &mut |part| flow.enter(&part));
        flow
    }

    /// Returns the gradient of each parameter by lag. A [learned start](bptt_layers::LearnedStart) counts as a parameter of
    /// step 0, which reads it.
    ///
    /// ```text
    /// ∂L/∂θ = Σ_ℓ g_ℓ        g_ℓ = Σ_t (∂s_{t−ℓ}/∂θ)ᵀ ∂L_t/∂s_{t−ℓ}
    /// ```
    ///
    /// The sum is exact up to rounding. The result takes the memory of the parameters for each lag.
    /// [`lags`](Self::lags) limits it.
    ///
    /// # Panics
    ///
    /// If the loss does not have one element, or the model or the loss panics.
    #[track_caller]
    #[must_use]
    pub fn by_lag(&self) -> GradientsByLag<T> {
        let mut by_lag = GradientsByLag::new(self.model, self.gradients(None), self.lags);
        self.visit_lags(self.lags, &mut |part| by_lag.enter(self.model, &part));
        by_lag
    }

    /// Returns how far the gradient of truncated back-propagation through time is from the whole one.
    ///
    /// # Panics
    ///
    /// If the loss does not have one element, or the model or the loss panics.
    #[track_caller]
    #[must_use]
    pub fn bias(&self, truncation: Truncation) -> TruncationBias {
        let (truncated, whole) = (self.gradients(Some(truncation)), self.gradients(None));
        TruncationBias::new(truncation, self.model, &truncated, &whole)
    }

    /// Returns the gradient of each parameter, in the order of declaration, by a compiled run.
    #[track_caller]
    fn gradients(&self, truncation: Option<Truncation>) -> Vec<Tensor<T>> {
        let tape = Tape::new();
        let mut run = Recurrence::new(self.model);
        if let Some(truncation) = truncation {
            run = run.truncated(truncation);
        }
        let (ys, _) = run.run(tape.constant(self.xs.clone()), self.initial(&tape));
        let gradients = tape.backward((self.loss)(ys));
        let of = |param| match gradients.get(param) {
            Some(gradient) => gradient.clone(),
            None => Tensor::zeros(param.shape()),
        };
        self.model.parameters().into_iter().map(|(_, param)| of(param)).collect()
    }

    /// Calls `visit` with the parts of the gradient that have the first `lags` lags.
    #[track_caller]
    fn visit_lags(&self, lags: usize, visit: &mut dyn FnMut(super::lags::Part<'_, T>)) {
        let states = self.states_of_run();
        let tape = Tape::new();
        let steps = Steps::record(self.model, &tape, self.xs, &self.initial(&tape), &states);
        steps.for_each_lag((self.loss)(steps.outputs), lags, visit);
    }

    /// Returns the state after each step, `[T, B, ..]` for each of its variables.
    #[track_caller]
    fn states_of_run(&self) -> Vec<Tensor<T>> {
        let tape = Tape::inference();
        let (xs, start) = (tape.constant(self.xs.clone()), self.initial(&tape));
        let scanned = tape.scan(xs, start).run(|x, state| {
            let (_, next) = self.model.advance(x, state);
            (next.clone(), next)
        });
        scanned.outputs.leaves().into_iter().map(Var::value).collect()
    }

    #[track_caller]
    fn initial<'t>(&self, tape: &'t Tape<T>) -> L::State<'t> {
        let start = self.model.start(tape, self.xs.shape()[1]);
        match self.start {
            Some(state) => {
                let leaves = state.iter().map(|value| tape.constant(value.clone()));
                start.with_leaves(&leaves.collect::<Vec<_>>())
            }
            None => start,
        }
    }
}
