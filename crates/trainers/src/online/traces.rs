//! Eligibility traces of element-wise recurrences.

use std::ops::Range;

use bptt_layers::weights::WeightsError;
use bptt_tensor::{Scalar, Tensor};

use super::delegation::learner_by_engine;
use super::engine::Engine;
use super::error::OnlineError;
use super::method::Method;
use super::recorded_step::{ByParameter, Pulled, RecordedStep, add};
use super::saved::{Saved, Saving};
use super::units::Units;

/// Eligibility traces: a number for each parameter, for recurrences of which each unit reads only its own past.
///
/// ```text
/// e_t = d_t ⊙ e_{t−1} + ∂s_t/∂θ            d_t: the diagonal of J_t = ∂s_t/∂s_{t−1}
/// ∇L_t = (∂L_t/∂s_{t−1}) ⊙ e_{t−1} + ∂L_t/∂θ
/// ```
///
/// In an element-wise recurrence, `J` is diagonal, and a parameter influences one unit `u` of the state at most. Its
/// column of the influence `Π` then has one entry, the trace `e`. `d` and `∂L/∂s` stand for their entries of this unit.
/// A state of several variables, such as the real and the imaginary part of an [`Lru`](bptt_layers::Lru), has a trace
/// for each, and a diagonal `d` for each pair of them.
///
/// The gradient is exact for [`IndRnn`](bptt_layers::IndRnn), [`MinGru`](bptt_layers::MinGru),
/// [`MinLstm`](bptt_layers::MinLstm), [`Sru`](bptt_layers::Sru), [`Lru`](bptt_layers::Lru), and such cells of a user,
/// with any readout.
///
/// # Other recurrences: truncated traces, e-prop
///
/// [`Traces::of`] names the variables of the state that carry traces. The other variables are constants of the next
/// step, so that paths into the past through them are cut. For an [`Lstm`](bptt_layers::Lstm) with traces of `c`,
/// `state.1`:
///
/// ```text
/// e_t = f_t ⊙ e_{t−1} + ∂c_t/∂θ            with h_{t−1} as a constant
/// ∇L_t ≈ (∂L_t/∂c_t) ⊙ e_t + paths of step t that do not lead through c_t, such as that of the output gate
/// ```
///
/// `∂L_t/∂c_t` is the learning signal of the present step alone. This is the truncated gradient by which the LSTM was
/// trained at first (Hochreiter and Schmidhuber, *Long short-term memory*, 1997). It is also e-prop with symmetric
/// feedback (Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein and Maass, *A solution to the learning dilemma for
/// recurrent networks of spiking neurons*, 2020). There `e` is the eligibility vector, `∂h_t/∂c_t ⊙ e_t` the
/// eligibility trace, and `∂L_t/∂h_t` the learning signal. For a
/// [`LeakyIntegrateAndFire`](bptt_layers::LeakyIntegrateAndFire) cell, `u` and `c` carry traces, `state.1` and
/// `state.2`, and the spikes are cut.
///
/// The truncation is an approximation: it lacks what a unit does to later losses through its outputs. It is exact if
/// the cut variables have no influence on the next step. Parameters of an initial state that is cut have no gradient.
///
/// # Cost
///
/// For each sequence, a step costs a reverse pass for each traced variable, one for the loss, and some operations for
/// each parameter. Memory is `P` numbers for each traced variable. At the first step, and where a parameter first has
/// an influence, `S` reverse passes find the unit of each parameter, and check that the recurrence is element-wise.
///
/// # Errors
///
/// A step fails with [`OnlineError::NotElementwise`] if these passes find an element of a traced variable that depends
/// on another unit, or a parameter that influences two. So does a stack of recurrent layers, since the parameters of
/// the lower one influence all units of the upper one.
///
/// ```
/// use bptt_autodiff::{Gradients, Tape};
/// use bptt_layers::{Layer, Linear, MinGru};
/// use bptt_tensor::Tensor;
/// use bptt_trainers::online::{OnlineLearner, Traces};
///
/// let mut rng = bptt_layers::rng(0);
/// let model = (MinGru::<f64>::new(&mut rng, 2, 16), Linear::new(&mut rng, 16, 1));
/// let xs = Tensor::normal([5, 1, 2], 0.0, 1.0, &mut rng); // [T, B, I]
/// let mut learner = Traces::new();
/// let mut gradients = Gradients::default();
/// for t in 0..5 {
///     let step = learner.step(&model, &xs.index_first(t), &|y| y.square().sum_all())?;
///     gradients += step.gradients;
/// }
///
/// let tape = Tape::new(); // with all steps
/// let loss = model.forward(tape.constant(xs)).0.square().sum_all();
/// let difference = &gradients[&model.0.w_ih] - &tape.backward(loss)[&model.0.w_ih];
/// assert!(difference.iter().all(|d| d.abs() < 1e-12));
/// # Ok::<(), bptt_trainers::online::OnlineError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Traces<T: Scalar> {
    engine: Engine<T, Diagonal>,
}

impl<T: Scalar> Traces<T> {
    /// Creates a learner with traces of all variables of the state.
    #[must_use]
    pub fn new() -> Self {
        Self { engine: Engine::new(Diagonal { traced: None, units: Units::default() }) }
    }

    /// Creates a learner with traces of these variables of the state, by their paths: `state.0` and `state.1` are `h`
    /// and `c` of an [`Lstm`](bptt_layers::Lstm); `state.0.1` is `c` if the layer is a pair of an `Lstm` and a readout.
    /// A state of one variable has the path `state`. Paths through other variables are cut.
    ///
    /// ```
    /// use bptt_layers::Lstm;
    /// use bptt_tensor::Tensor;
    /// use bptt_trainers::online::{OnlineError, OnlineLearner, Traces};
    ///
    /// let lstm = Lstm::<f64>::new(&mut bptt_layers::rng(0), 2, 3);
    /// let x = Tensor::ones([1, 2]);
    /// let refused = Traces::new().step(&lstm, &x, &|y| y.sum_all());
    /// assert!(matches!(refused, Err(OnlineError::NotElementwise { .. }))); // h mixes the units
    /// assert!(Traces::of(["state.1"]).step(&lstm, &x, &|y| y.sum_all()).is_ok());
    /// ```
    ///
    /// # Panics
    ///
    /// A step panics if the layer's state has no such variable. The message lists those that it has.
    #[must_use]
    pub fn of<P: Into<String>>(variables: impl IntoIterator<Item = P>) -> Self {
        let traced = Some(variables.into_iter().map(Into::into).collect());
        Self { engine: Engine::new(Diagonal { traced, units: Units::default() }) }
    }
}

impl<T: Scalar> Default for Traces<T> {
    fn default() -> Self {
        Self::new()
    }
}

learner_by_engine!(Traces);

/// Keeps one entry for each parameter and traced variable.
#[derive(Clone, Debug)]
struct Diagonal {
    /// The paths of the traced variables; `None` for all.
    traced: Option<Vec<String>>,
    units: Units,
}

/// The traces `[P]` of each parameter, for one variable of the state.
#[derive(Clone, Debug)]
struct Trace<T: Scalar> {
    /// The elements of the variable within the state.
    elements: Range<usize>,
    entries: ByParameter<T>,
}

impl Diagonal {
    /// Returns the elements of each traced variable within the state.
    #[track_caller]
    fn variables<T: Scalar>(&self, step: &RecordedStep<'_, '_, T>) -> Vec<Range<usize>> {
        let (all, paths) = (step.variables(), &step.paths);
        let Some(traced) = &self.traced else { return all };
        for path in traced {
            assert!(
                paths.contains(path),
                "traces: the state has no variable `{path}`; it has {}",
                paths.join(", ")
            );
        }
        let own = all.into_iter().zip(paths).filter(|(_, path)| traced.contains(path));
        own.map(|(elements, _)| elements).collect()
    }
}

impl<T: Scalar> Method<T> for Diagonal {
    /// The traces of each traced variable.
    type Influence = Vec<Trace<T>>;

    #[track_caller]
    fn advance(
        &mut self,
        before: Option<&Vec<Trace<T>>>,
        step: &RecordedStep<'_, '_, T>,
    ) -> Result<Vec<Trace<T>>, OnlineError> {
        let variables = self.variables(step);
        let mut columns = Vec::with_capacity(variables.len());
        for elements in &variables {
            let mut ones = vec![T::zero(); step.size()];
            ones[elements.clone()].fill(T::one());
            columns.push(step.pull_state(&ones)); // sums of columns, which have one entry
        }
        let immediate = columns.iter().map(|Pulled { parameters, .. }| parameters);
        if self.units.need_a_search(step.has_past(), immediate) {
            self.units.search(step, &variables)?;
        }
        let mut traces = Vec::with_capacity(variables.len());
        for (elements, Pulled { state: diagonals, parameters }) in
            variables.into_iter().zip(columns)
        {
            let mut entries = parameters;
            for old in before.into_iter().flatten() {
                let diagonal = &diagonals[old.elements.clone()];
                for (parameter, (new, old)) in entries.iter_mut().zip(&old.entries).enumerate() {
                    let Some(old) = old else { continue };
                    add(new, self.units.scaled(parameter, old, diagonal));
                }
            }
            traces.push(Trace { elements, entries });
        }
        Ok(traces)
    }

    fn add_gradients(
        &self,
        influence: &Vec<Trace<T>>,
        cotangent: &[T],
        gradients: &mut ByParameter<T>,
    ) {
        for Trace { elements, entries } in influence {
            let cotangent = &cotangent[elements.clone()];
            for (parameter, (gradient, trace)) in gradients.iter_mut().zip(entries).enumerate() {
                let Some(trace) = trace else { continue };
                add(gradient, self.units.scaled(parameter, trace, cotangent));
            }
        }
    }

    fn is_finite(&self, influence: &Vec<Trace<T>>) -> bool {
        influence.iter().flat_map(|trace| trace.entries.iter().flatten()).all(Tensor::is_finite)
    }

    fn save(&self, saving: &mut Saving<'_, T>) {
        self.units.save(saving);
    }

    fn restored(&self, saved: &mut Saved<'_, T>) -> Result<Self, WeightsError> {
        Ok(Self { traced: self.traced.clone(), units: Units::restored(saved)? })
    }

    fn save_influence(&self, influence: &Vec<Trace<T>>, saving: &mut Saving<'_, T>) {
        for trace in influence {
            saving.by_parameter(&format!("trace.{}", trace.elements.start), &trace.entries);
        }
    }

    #[track_caller]
    fn influence(
        &self,
        saved: &mut Saved<'_, T>,
        start: &RecordedStep<'_, '_, T>,
    ) -> Result<Vec<Trace<T>>, WeightsError> {
        let mut traces = Vec::new();
        for elements in self.variables(start) {
            let entries = saved.by_parameter(&format!("trace.{}", elements.start), None)?;
            traces.push(Trace { elements, entries });
        }
        Ok(traces)
    }
}
