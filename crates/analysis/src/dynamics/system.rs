//! A layer as a dynamical system: its state as one vector.

use std::ops::Range;

use bptt_autodiff::{Tape, Tree, Var};
use bptt_layers::Stepwise;
use bptt_tensor::{Scalar, Tensor};
use rand::{Rng, RngExt};

use super::error::finite;
use super::{DynamicsError, Jacobians};
use crate::sequences::{extents, sequence};

/// The rows of Jacobians that are computed at once, so that memory stays bounded.
const ROWS: usize = 4096;

/// A layer as a discrete dynamical system, `s_t = F(x_t, s_{t−1})`.
///
/// Every question about dynamics begins here. The layer is any [`Stepwise`] one: a cell with
/// [`StateSizes`](bptt_layers::StateSizes), a stack of cells, or a wrapper. Its state is one vector `s` of dimension
/// `S`, which concatenates all variables in the order of the leaves: for an [`Lstm`](bptt_layers::Lstm), `h` and then
/// `c`. Steps are those of evaluation, without noise.
///
/// ```
/// use bptt_analysis::dynamics::Dynamics;
/// use bptt_layers::Lstm;
/// use bptt_tensor::Tensor;
///
/// let mut rng = bptt_layers::rng(0);
/// let lstm = Lstm::<f32>::new(&mut rng, 3, 4);
/// let dynamics = Dynamics::new(&lstm);
/// assert_eq!(dynamics.variables(), [("state.0".into(), 0..4), ("state.1".into(), 4..8)]); // h and c
/// let xs = Tensor::normal([10, 2, 3], 0.0, 1.0, &mut rng); // [T, B, I]
/// let states = dynamics.states(&xs)?; // [T, B, S]
/// assert_eq!(states.shape(), &[10, 2, 8]);
/// let jacobians = dynamics.jacobians(&xs, 0)?; // of the first sequence
/// assert_eq!(jacobians.matrices().shape(), &[10, 8, 8]);
/// # Ok::<(), bptt_analysis::dynamics::DynamicsError>(())
/// ```
#[derive(Debug)]
pub struct Dynamics<'l, T, L> {
    layer: &'l L,
    /// The path of each variable of the state, and its elements within the state vector.
    variables: Vec<(String, Range<usize>)>,
    start: Option<Tensor<T>>,
}

impl<'l, T: Scalar, L: Stepwise<T>> Dynamics<'l, T, L> {
    /// Creates the system of a layer. Runs begin at the layer's initial state.
    ///
    /// # Panics
    ///
    /// If the layer has no state, or one that all sequences of a batch share.
    #[track_caller]
    #[must_use]
    pub fn new(layer: &'l L) -> Self {
        let tape = Tape::inference();
        let state = layer.start(&tape, 1);
        let mut variables = Vec::new();
        let mut size = 0;
        for (leaf, path) in state.leaves().into_iter().zip(state.paths("state")) {
            assert!(
                leaf.shape().first() == Some(&1),
                "dynamics: {path} is {} for a batch of one, so the batch shares it, and it is no part of a state \
                 vector; give it the batch as its first axis",
                leaf.shape()
            );
            variables.push((path, size..size + leaf.len()));
            size += leaf.len();
        }
        assert!(size > 0, "dynamics: the layer has no state");
        Self { layer, variables, start: None }
    }

    /// Begins runs at `start: [B, S]`.
    ///
    /// # Panics
    ///
    /// If it is not a batch of state vectors.
    #[track_caller]
    #[must_use]
    pub fn start(self, start: &Tensor<T>) -> Self {
        self.check_states("start", start);
        Self { start: Some(start.clone()), ..self }
    }

    /// Returns the dimension `S` of the state vector.
    #[must_use]
    pub fn state_size(&self) -> usize {
        self.variables.last().map_or(0, |(_, elements)| elements.end)
    }

    /// Returns the path of each variable of the state, such as `state.1`, and its elements within the state vector.
    #[must_use]
    pub fn variables(&self) -> &[(String, Range<usize>)] {
        &self.variables
    }

    /// Returns the state after each step of a run over `xs: [T, B, I]`, as vectors `[T, B, S]`.
    ///
    /// # Errors
    ///
    /// If a state is not finite.
    ///
    /// # Panics
    ///
    /// If `xs` is not a sequence of inputs of the layer, or its batch is not that of the [start](Self::start).
    #[track_caller]
    pub fn states(&self, xs: &Tensor<T>) -> Result<Tensor<T>, DynamicsError> {
        let [steps, batch, _] = extents(xs);
        let tape = Tape::inference();
        let start = self.start_of(&tape, batch);
        let scanned = tape.scan(tape.constant(xs.clone()), start).run(|x, state| {
            let (_, next) = self.layer.advance(x, state);
            (next.leaves(), next)
        });
        let leaves = scanned.outputs.iter().zip(&self.variables);
        let leaves = leaves
            .map(|(leaf, (_, elements))| leaf.value().reshape([steps, batch, elements.len()]));
        let states = Tensor::concat(&leaves.collect::<Vec<_>>(), 2);
        finite("the state after step", 0, states)
    }

    /// Returns `count` states that a run over `xs: [T, B, I]` visits, drawn at random, with Gaussian noise of the deviation
    /// `noise` added: `[count, S]`. They are starts of a search for [fixed points](Self::fixed_points).
    ///
    /// # Errors
    ///
    /// As [`states`](Self::states), and if there are no steps.
    ///
    /// # Panics
    ///
    /// As [`states`](Self::states), and if there are no sequences.
    #[track_caller]
    pub fn visited(
        &self,
        xs: &Tensor<T>,
        count: usize,
        noise: f64,
        rng: &mut impl Rng,
    ) -> Result<Tensor<T>, DynamicsError> {
        let [steps, batch, _] = extents(xs);
        assert!(batch > 0, "visited: a batch without sequences visits no states");
        if steps == 0 {
            return Err(DynamicsError::TooShort { steps, needed: 1 });
        }
        let all = steps * batch;
        let states = self.states(xs)?.reshape([all, self.state_size()]);
        let rows: Vec<usize> = (0..count).map(|_| rng.random_range(0..all)).collect();
        let drawn = states.gather_rows(&rows);
        let noise = Tensor::normal(drawn.shape().clone(), 0.0, noise, rng);
        Ok(drawn + noise)
    }

    /// Returns the state vectors after one step, `[N, S]`, from inputs `[N, I]` and states `[N, S]`.
    ///
    /// # Panics
    ///
    /// If the states or inputs do not have these shapes.
    #[track_caller]
    #[must_use]
    pub fn step(&self, inputs: &Tensor<T>, states: &Tensor<T>) -> Tensor<T> {
        self.check_points("step", inputs, states);
        let tape = Tape::inference();
        self.advance(tape.constant(inputs.clone()), tape.constant(states.clone())).value()
    }

    /// Returns the Jacobians `J_t = ∂s_t/∂s_{t−1}` of all steps of sequence `row` in a run over `xs: [T, B, I]`:
    /// `[T, S, S]`. The first is with respect to the initial state.
    ///
    /// # Errors
    ///
    /// If a state or a Jacobian is not finite.
    ///
    /// # Panics
    ///
    /// As [`states`](Self::states), and if there is no such row.
    #[track_caller]
    pub fn jacobians(&self, xs: &Tensor<T>, row: usize) -> Result<Jacobians, DynamicsError> {
        let [_, batch, _] = extents(xs);
        assert!(row < batch, "jacobians: there is no sequence {row} in a batch of {batch}");
        let before = self.states_before(xs)?;
        self.jacobians_at(&sequence(xs, row), &sequence(&before, row))
    }

    /// Returns the Jacobians `∂F/∂s` at inputs `[N, I]` and states `[N, S]`: `[N, S, S]`.
    ///
    /// Reverse mode computes the rows of a Jacobian as a batch: the state is repeated `S` times, and the cotangents are
    /// the identity matrix. Where equations [stop a gradient](Var::stop_gradient), the entries lack its paths.
    ///
    /// # Errors
    ///
    /// If a Jacobian is not finite.
    ///
    /// # Panics
    ///
    /// If the states or inputs do not have these shapes.
    #[track_caller]
    pub fn jacobians_at(
        &self,
        inputs: &Tensor<T>,
        states: &Tensor<T>,
    ) -> Result<Jacobians, DynamicsError> {
        Jacobians::new(0, self.jacobian_entries(inputs, states))
    }

    /// Returns the entries of Jacobians, which may not be finite.
    #[track_caller]
    pub(super) fn jacobian_entries(&self, inputs: &Tensor<T>, states: &Tensor<T>) -> Tensor<f64> {
        self.check_points("jacobians_at", inputs, states);
        let (points, size) = (states.shape()[0], self.state_size());
        let at_once = self.jacobians_at_once();
        let mut entries = Vec::with_capacity(points * size * size);
        for first in (0..points).step_by(at_once) {
            let rows: Vec<usize> = (first..points.min(first + at_once))
                .flat_map(|point| std::iter::repeat_n(point, size))
                .collect();
            let tape = Tape::new();
            let state = tape.variable(states.gather_rows(&rows));
            let next = self.advance(tape.constant(inputs.gather_rows(&rows)), state);
            let is_diagonal = |i: usize| i / size % size == i % size;
            let identities = Tensor::from_fn([rows.len(), size], |i| match is_diagonal(i) {
                true => T::one(),
                false => T::zero(),
            });
            let jacobians = &tape.vjp(&[(next, tape.constant(identities))], &[state])[0];
            entries.extend(jacobians.value().iter().map(|entry| entry.as_f64()));
        }
        Tensor::from_vec([points, size, size], entries)
    }

    /// Returns the number of Jacobians that are computed at once.
    pub(super) fn jacobians_at_once(&self) -> usize {
        (ROWS / self.state_size()).max(1)
    }

    /// Returns the state before each step of a run, `[T, B, S]`.
    #[track_caller]
    pub(super) fn states_before(&self, xs: &Tensor<T>) -> Result<Tensor<T>, DynamicsError> {
        let [steps, batch, _] = extents(xs);
        let after = self.states(xs)?;
        let tape = Tape::inference();
        let start = self.flat(&self.start_of(&tape, batch), batch).value();
        let start = start.reshape([1, batch, self.state_size()]);
        Ok(Tensor::concat(&[start, after], 0).slice(0, 0..steps))
    }

    /// Makes a step on the tape, from inputs `[N, I]` and state vectors `[N, S]`.
    #[track_caller]
    pub(super) fn advance<'t>(&self, x: Var<'t, T>, state: Var<'t, T>) -> Var<'t, T> {
        let rows = state.shape()[0];
        let (_, next) = self.layer.advance(x, self.tree(state));
        self.flat(&next, rows)
    }

    #[track_caller]
    fn start_of<'t>(&self, tape: &'t Tape<T>, batch: usize) -> L::State<'t> {
        let Some(start) = &self.start else { return self.layer.start(tape, batch) };
        let starts = start.shape()[0];
        assert!(starts == batch, "dynamics: {starts} starts need as many sequences, not {batch}");
        self.tree(tape.constant(start.clone()))
    }

    /// Returns the state of the layer with the entries of vectors `[N, S]`.
    fn tree<'t>(&self, vectors: Var<'t, T>) -> L::State<'t> {
        let state = self.layer.start(vectors.tape(), vectors.shape()[0]);
        let leaves = state.leaves().into_iter().zip(&self.variables);
        let parts = leaves
            .map(|(leaf, (_, elements))| vectors.slice(1, elements.clone()).reshape(leaf.shape()));
        state.with_leaves(&parts.collect::<Vec<_>>())
    }

    /// Returns a state of `rows` sequences as vectors `[N, S]`.
    fn flat<'t>(&self, state: &L::State<'t>, rows: usize) -> Var<'t, T> {
        let leaves = state.leaves().into_iter().zip(&self.variables);
        let parts = leaves.map(|(leaf, (_, elements))| leaf.reshape([rows, elements.len()]));
        Var::concat(&parts.collect::<Vec<_>>(), 1)
    }

    #[track_caller]
    fn check_points(&self, question: &str, inputs: &Tensor<T>, states: &Tensor<T>) {
        self.check_states(question, states);
        let count = states.shape()[0];
        assert!(
            inputs.rank() == 2 && inputs.shape()[0] == count,
            "{question}: {count} states need as many inputs, [{count}, I], not {}",
            inputs.shape()
        );
    }

    #[track_caller]
    pub(super) fn check_states(&self, question: &str, states: &Tensor<T>) {
        let size = self.state_size();
        assert!(
            states.rank() == 2 && states.shape()[1] == size,
            "{question}: states of this layer are vectors [N, {size}], not {}; concatenate the variables of each state",
            states.shape()
        );
    }
}
