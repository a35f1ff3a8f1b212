//! Online runs of a recurrence: one step at a time, as inputs arrive.

use std::fmt;

use bptt_tensor::{Scalar, Shape, Tensor};

use crate::scan::compiled::Compiled;
use crate::scan::flat::Probed;
use crate::scan::own_sequences::OwnEntries;
use crate::scan::run::execute::{Arguments, Outputs, over_steps, slices};
use crate::scan::run::runner::Runner;
use crate::tape::listed;

/// A recurrence that runs one step at a time and carries its state, for generation, control and
/// other online use.
///
/// A stepper does not refer to a tape. It holds the parameters' values from when it was made. With
/// up to three sequences, large matrices share their memory with the parameters, unless the step
/// multiplies by their transposes.
///
/// A step has the same bits as in [`Scan::run`](crate::Scan::run), except that a run of a single
/// step may differ by rounding. A step allocates nothing, unless it is not compiled as a whole, sorts, multiplies two
/// matrices of a row or [memoizes](Self::memoize) a new entry. A stepper belongs to one thread. With few sequences, steps
/// are fastest within [`low_latency`](bptt_tensor::low_latency).
pub struct Stepper<T> {
    runner: Runner<T>,
    inputs: usize,
    /// The entries of the step's own sequences, which come after the inputs.
    own: Vec<OwnEntries<T>>,
    /// The number of the next step.
    index: usize,
    /// The initial state.
    start: Vec<Tensor<T>>,
    probed: Probed,
}

impl<T: Scalar> Stepper<T> {
    pub(crate) fn new(
        step: &Compiled<T>,
        state: &[Tensor<T>],
        invariants: Vec<Tensor<T>>,
        own: Vec<OwnEntries<T>>,
        probed: Probed,
    ) -> Self {
        let runner = Runner::new(step, state, invariants);
        let inputs = step.sequences - own.len();
        Self { runner, inputs, own, index: 0, start: state.to_vec(), probed }
    }

    /// Sets the number of the next step, which [`Tape::step_index`](crate::Tape::step_index) and
    /// [`Tape::at_step`](crate::Tape::at_step) read. Steps are counted from 0, whatever happens to the state.
    pub fn set_step_index(&mut self, index: usize) {
        self.index = index;
    }

    /// Keeps what steps compute from their entries alone, without the state, for up to `capacity` different entries.
    ///
    /// When an entry comes again, as the embedding of a token does, the step skips the products of its inputs. The
    /// bits are the same. The first `capacity` different entries are kept, with what is computed from them, such as
    /// `x W_ih`. A step that is not compiled as a whole keeps nothing.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let [shape, sum] = [tape.constant(Tensor::zeros([1, 1, 1])), tape.constant(Tensor::zeros([1, 1]))];
    /// let mut stepper = tape.scan(shape, sum).stepper(|x, sum| (sum + x.exp(), sum + x.exp())).memoize(2);
    /// stepper.step(&[&[0.0]]);
    /// stepper.step(&[&[0.0]]); // without an exponential function
    /// assert_eq!(stepper.state(0), [2.0]);
    /// ```
    #[must_use]
    pub fn memoize(mut self, capacity: usize) -> Self {
        if let Runner::Rows { session, inputs, .. } = &mut self.runner {
            session.memoize(inputs.iter().flatten().copied().collect(), capacity);
        }
        self
    }

    /// Rounds the weights of matrix products to [half precision](bptt_tensor::HalfPrecision::F16), to eleven significant
    /// bits. The arithmetic stays that of `T`.
    ///
    /// A step of few sequences takes as long as reading the weights. In half precision, they have half of the bytes of an
    /// `f32`. The stepper holds them as a copy, which shares no memory with the parameters.
    ///
    /// Biases are not rounded, nor is a matrix with a number beyond 65 504. A step that is not compiled as a whole stays
    /// in full precision.
    #[must_use]
    pub fn half_precision(mut self) -> Self {
        if let Runner::Rows { session, .. } = &mut self.runner {
            session.halve_precision();
        }
        self
    }

    /// Runs a step on an entry of each sequence, as `[B, ..]` in row-major order.
    ///
    /// # Panics
    ///
    /// If there is not one entry for each sequence, or an entry does not have the number of
    /// elements that the step reads. If a sequence that the step reads by
    /// [`Tape::at_step`](crate::Tape::at_step) has no entry for this step.
    #[track_caller]
    #[inline(never)]
    pub fn step(&mut self, entries: &[&[T]]) {
        assert!(
            entries.len() == self.inputs,
            "step: the recurrence reads {} sequences, not {}",
            self.inputs,
            entries.len()
        );
        for own in &mut self.own {
            own.set(self.index);
        }
        self.index += 1;
        let entries = entries.iter().copied().chain(self.own.iter().map(|own| &own.entry[..]));
        match &mut self.runner {
            Runner::Rows { session, inputs, .. } => {
                for (input, entry) in inputs.iter().zip(entries) {
                    if let Some(buffer) = *input {
                        let buffer = session.buffer_mut(buffer);
                        check_entry(entry.len(), buffer.len());
                        buffer.copy_from_slice(entry);
                    }
                }
                session.step();
            }
            Runner::Steps { plan, packed, invariants, outputs, state } => {
                let program = &plan.program;
                let shape_of = |i: usize| program.sequence_shape(i);
                let mut sequences = Vec::with_capacity(self.inputs + self.own.len());
                for (i, entry) in entries.enumerate() {
                    sequences.push(match shape_of(i) {
                        Some(shape) => {
                            check_entry(entry.len(), shape.elements());
                            Tensor::from_slice(over_steps(&shape, 1), entry)
                        }
                        None => Tensor::from_slice([1, entry.len()], entry),
                    });
                }
                let before = state.clone();
                let arguments = Arguments {
                    steps: 1,
                    reversed: false,
                    sequences: &sequences,
                    state: &before,
                    invariants,
                };
                let results =
                    Outputs { stacked: slices(outputs), state: slices(state), sums: vec![] };
                plan.run(packed, arguments, results);
            }
        }
    }

    /// Output `k` of the last step, in row-major order; zeros before the first.
    ///
    /// # Panics
    ///
    /// If the step does not have an output `k`.
    #[track_caller]
    #[must_use]
    pub fn output(&self, k: usize) -> &[T] {
        let count = self.probed.outputs;
        assert!(k < count, "output: the step has {count} outputs, and none with index {k}");
        self.any_output(k)
    }

    /// A value of the last step by the name that [`Var::probe`](crate::Var::probe) gave it, in row-major order. The
    /// stepper must have been made while values were [collected](crate::Tape::probes).
    ///
    /// # Panics
    ///
    /// If no value has the name.
    #[track_caller]
    #[must_use]
    pub fn probe(&self, name: &str) -> &[T] {
        let Probed { outputs, names } = &self.probed;
        match names.iter().position(|other| other == name) {
            Some(place) => self.any_output(outputs + place),
            None => {
                panic!("probe: no value of the step is named `{name}`; there are {}", listed(names))
            }
        }
    }

    /// An output, or a probe, which come after the outputs.
    fn any_output(&self, k: usize) -> &[T] {
        match &self.runner {
            Runner::Rows { session, outputs, .. } => session.buffer(outputs[k]),
            Runner::Steps { outputs, .. } => outputs[k].as_slice(),
        }
    }

    /// Variable `j` of the state, in row-major order.
    ///
    /// # Panics
    ///
    /// If the state does not have a variable `j`.
    #[track_caller]
    #[must_use]
    pub fn state(&self, j: usize) -> &[T] {
        self.check_variable("state", j);
        match &self.runner {
            Runner::Rows { session, state, .. } => session.buffer(state[j]),
            Runner::Steps { state, .. } => state[j].as_slice(),
        }
    }

    /// Replaces the state. Each variable must have the shape that it had in the initial state.
    ///
    /// # Panics
    ///
    /// If the state has another number of variables, or if a variable has another shape.
    #[track_caller]
    #[inline(never)]
    pub fn set_state(&mut self, state: &[Tensor<T>]) {
        let shapes = |state: &[Tensor<T>]| -> Vec<Shape> {
            state.iter().map(|value| value.shape().clone()).collect()
        };
        let (given, expected) = (shapes(state), shapes(&self.start));
        assert!(given == expected, "set_state: the state has shapes {expected:?}, not {given:?}");
        for (j, value) in state.iter().enumerate() {
            self.state_mut(j).copy_from_slice(value.as_slice());
        }
    }

    /// Restarts these sequences of the batch from the initial state. A sequence is an entry along
    /// the first axis of each variable. The other sequences go on.
    ///
    /// # Panics
    ///
    /// If the batch does not have one of the sequences, or if a variable of the state has no axes.
    #[track_caller]
    #[inline(never)]
    pub fn reset(&mut self, sequences: &[usize]) {
        for j in 0..self.start.len() {
            let start = self.start[j].clone(); // shares its memory
            let shape = start.shape();
            let Some(&batch) = shape.first() else {
                panic!(
                    "reset: variable {j} of the state has no axes, so no sequence has one of its own"
                )
            };
            for &b in sequences {
                assert!(b < batch, "reset: sequence {b} is not one of {batch}, which count from 0");
                let of_sequence = b * start.len() / batch..(b + 1) * start.len() / batch;
                self.state_mut(j)[of_sequence.clone()]
                    .copy_from_slice(&start.as_slice()[of_sequence]);
            }
        }
    }

    /// Mutable access to variable `j` of the state, in row-major order.
    ///
    /// # Panics
    ///
    /// If the state does not have a variable `j`.
    #[track_caller]
    #[must_use]
    pub fn state_mut(&mut self, j: usize) -> &mut [T] {
        self.check_variable("state_mut", j);
        match &mut self.runner {
            Runner::Rows { session, state, .. } => session.buffer_mut(state[j]),
            Runner::Steps { state, .. } => state[j].as_mut_slice(),
        }
    }

    #[track_caller]
    fn check_variable(&self, operation: &str, j: usize) {
        let count = self.start.len();
        assert!(j < count, "{operation}: the state has {count} variables, and none with index {j}");
    }

    /// Rearranges the sequences: row `i` of each variable of the state `[B, ..]` becomes a copy of
    /// row `rows[i]`. In a beam search, hypotheses continue from others by this method.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let shape = tape.constant(Tensor::zeros([1, 3, 1])); // [T, B, F]
    /// let sums = tape.constant(Tensor::zeros([3, 1]));
    /// let mut running_sums = tape.scan(shape, sums).stepper(|x, sum| (sum + x, sum + x));
    /// running_sums.step(&[&[1.0, 2.0, 3.0]]);
    /// running_sums.gather_rows(&[2, 2, 0]);
    /// assert_eq!(running_sums.state(0), [3.0, 3.0, 1.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If there is not an entry for each sequence of the batch, or if an entry is not a row of the state.
    #[track_caller]
    #[inline(never)]
    pub fn gather_rows(&mut self, rows: &[usize]) {
        for j in 0..self.start.len() {
            let shape = self.start[j].shape();
            assert!(
                shape.first() == Some(&rows.len()),
                "gather_rows: variable {j} of the state has shape {shape}, which needs a row for each of its \
                 first axis, not {}",
                rows.len()
            );
            let gathered = Tensor::from_slice(shape, self.state(j)).gather_rows(rows);
            self.state_mut(j).copy_from_slice(gathered.as_slice());
        }
    }
}

#[track_caller]
fn check_entry(given: usize, expected: usize) {
    assert!(given == expected, "step: an entry has {expected} elements, not {given}");
}

impl<T> fmt::Debug for Stepper<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepper").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}
