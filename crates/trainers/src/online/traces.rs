//! Eligibility traces of elementwise recurrences.

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
/// In an elementwise recurrence, `J` is diagonal, and a parameter influences one unit `u` of the state at most. Its
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
/// `∂L_t/∂c_t` is the derivative within step `t`. This is the truncated gradient by which the LSTM was trained at first
/// (Hochreiter and Schmidhuber, *Long short-term memory*, 1997). It is also e-prop with symmetric feedback (Bellec,
/// Scherr, Subramoney, Hajek, Salaj, Legenstein and Maass, *A solution to the learning dilemma for recurrent networks of
/// spiking neurons*, 2020). There `e` is the eligibility vector, `∂h_t/∂c_t ⊙ e_t` the
/// eligibility trace, and `∂L_t/∂h_t` the learning signal. For a
/// [`LeakyIntegrateAndFire`](bptt_layers::LeakyIntegrateAndFire) cell, `u` and `c` carry traces, `state.1` and
/// `state.2`, and the spikes are cut.
///
/// The truncation is an approximation: it lacks what a unit does to later losses through its outputs. It is exact if
/// the cut variables have no influence on the next step. Parameters of an initial state that is cut have no gradient.
///
/// # Cost
///
/// For each sequence, a step costs a reverse pass for the loss, three for each traced variable, and some operations for
/// each parameter. One of the three gives `d` and `∂s/∂θ`. The others find the unit of each parameter, and check that
/// the recurrence is elementwise in this step. They are two for up to 32 units, four for up to 1024, and `2⌈log₃₂ n⌉`
/// for `n` units. Memory is `P` numbers for each traced variable.
///
/// # Errors
///
/// A step fails with [`OnlineError::NotElementwise`] if an element of a traced variable depends on another unit in this
/// step, or a parameter influences two. So does a stack of recurrent layers, since the parameters of the lower one
/// influence all units of the upper one. A recurrence that is elementwise at first, such as an
/// [`Elman::irnn`](bptt_layers::Elman::irnn) whose `W_hh` is the identity, fails as soon as training makes it another.
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
    /// Returns the path of each traced variable, and its elements within the state.
    #[track_caller]
    fn variables<'s, T: Scalar>(
        &self,
        step: &'s RecordedStep<'_, '_, T>,
    ) -> Vec<(&'s str, Range<usize>)> {
        let mut all: Vec<_> = step
            .variables
            .iter()
            .map(|(path, elements)| (path.as_str(), elements.clone()))
            .collect();
        let Some(traced) = &self.traced else { return all };
        for name in traced {
            let paths: Vec<_> = all.iter().map(|(path, _)| *path).collect();
            assert!(
                paths.contains(&name.as_str()),
                "traces: the state has no variable `{name}`; it has {}",
                paths.join(", ")
            );
        }
        all.retain(|(path, _)| traced.iter().any(|name| name == path));
        all
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
        let columns = self.units.pull(step, &variables)?;
        let mut traces = Vec::with_capacity(variables.len());
        for ((_, elements), Pulled { state: diagonals, parameters }) in
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

    #[track_caller]
    fn restored(
        &self,
        saved: &mut Saved<'_, T>,
        start: &RecordedStep<'_, '_, T>,
    ) -> Result<Self, WeightsError> {
        let units = Units::restored(saved, &self.variables(start))?;
        Ok(Self { traced: self.traced.clone(), units })
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
        for (_, elements) in self.variables(start) {
            let entries = saved.by_parameter(&format!("trace.{}", elements.start), None)?;
            traces.push(Trace { elements, entries });
        }
        Ok(traces)
    }
}
