//! The public face of a scan: [`Tape::scan`], and the recurrence that it builds.

use bptt_tensor::{Scalar, Shape, Tensor, Unary};

use crate::scan::compiled::compile;
use crate::scan::run::execute::over_steps;
use crate::scan::run::operation::{self, Operands, ScanConfig};
use crate::scan::run::stepper::Stepper;
use crate::scan::trace::{self, trace};
use crate::tape::{Op, Step, Tape, Var};

impl<T: Scalar> Tape<T> {
    /// A recurrence over sequences `[T, ..]`, all as long, from the variables of an initial state.
    ///
    /// It means what a loop over the steps means, up to rounding: sums may be taken in another order,
    /// and many elements are divided by one number by multiplying with its reciprocal, which overflows
    /// where that number is subnormal.
    ///
    /// ```
    /// # use bptt_autodiff::{Param, Tape};
    /// # use bptt_tensor::Tensor;
    /// let u = Param::new(Tensor::from_vec([2, 2], vec![0.5, -0.3, 0.2, 0.8]));
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::ones([7, 3, 2])); // [T, B, H]
    /// let h0 = tape.constant(Tensor::zeros([3, 2])); // [B, H]
    /// let scanned = tape.scan(&[xs], &[h0]).run(|x, state| {
    ///     let h = (x[0] + state[0].matmul(&u)).tanh();
    ///     (vec![h], vec![h])
    /// });
    /// assert_eq!(scanned.outputs[0].shape(), [7, 3, 2]);
    /// assert_eq!(scanned.state[0].shape(), [3, 2]);
    /// let gradients = tape.backward(scanned.outputs[0].sum_all());
    /// assert_eq!(gradients[&u].shape(), &[2, 2]);
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no sequence, or they are not equally long, or a variable lives on another tape.
    #[track_caller]
    pub fn scan<'t>(&'t self, sequences: &[Var<'t, T>], state: &[Var<'t, T>]) -> Scan<'t, T> {
        for var in sequences.iter().chain(state) {
            var.on_tape(self);
        }
        let steps = sequences.first().and_then(|sequence| sequence.shape().first().copied());
        let Some(steps) = steps else {
            panic!("scan: needs a sequence [T, ..], which tells the number of steps")
        };
        for sequence in sequences {
            let shape = sequence.shape();
            assert!(
                shape.first() == Some(&steps),
                "scan: a sequence of shape {shape} has not {steps} steps as the first has"
            );
        }
        let (sequences, state) = (sequences.to_vec(), state.to_vec());
        Scan { tape: self, sequences, state, steps, reversed: false, recompute: None }
    }
}

/// A recurrence to run; see [`Tape::scan`].
#[derive(Clone, Debug)]
#[must_use = "a scan computes nothing until it is run"]
pub struct Scan<'t, T> {
    tape: &'t Tape<T>,
    sequences: Vec<Var<'t, T>>,
    state: Vec<Var<'t, T>>,
    steps: usize,
    reversed: bool,
    recompute: Option<usize>,
}

/// Activation recomputation: how often a forward pass saves the state, in place of all residuals.
///
/// The reverse pass runs the steps between two saved states once more. The price is at most one more forward pass.
/// (Chen et al., *Training Deep Nets with Sublinear Memory Cost*, 2016, where it is called checkpointing.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recompute {
    /// The state is saved before every so many steps.
    Every(usize),
    /// The state is saved before every √T steps, which takes the least memory.
    Auto,
}

/// What a recurrence computed.
#[derive(Clone, Debug)]
pub struct Scanned<'t, T> {
    /// Each output of the step over all steps, `[T, ..]`. A gradient with respect to an output includes only the
    /// operations after the scan. The gradients with respect to inputs, parameters and the first state include the
    /// paths through later steps.
    pub outputs: Vec<Var<'t, T>>,
    /// The state after the step that was run last. The same holds for its gradient.
    pub state: Vec<Var<'t, T>>,
}

impl<'t, T: Scalar> Scan<'t, T> {
    /// Runs from the last step to the first. Outputs keep their places in time.
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    /// Saves states in place of residuals, which [`Tape::backward`] then recomputes.
    ///
    /// A scan within the step of another scan saves its residuals all the same. So do gradients that are recorded
    /// ([`Tape::grad`] and all that is built on it).
    ///
    /// # Panics
    ///
    /// If states are to be saved every zero steps.
    #[track_caller]
    pub fn recompute(mut self, recompute: Recompute) -> Self {
        let every = match recompute {
            Recompute::Every(every) => every,
            Recompute::Auto => self.steps.isqrt().max(1),
        };
        assert!(
            every > 0,
            "recompute: Every(0) saves no state; give at least 1, or Recompute::Auto"
        );
        self.recompute = Some(every);
        self
    }

    /// Runs the recurrence: `step` computes, from this step's entry of each sequence and the state,
    /// the outputs and the next state.
    ///
    /// The step is called once, to be recorded, on variables without values. It may use variables,
    /// parameters and tensors from outside, which are the same at every step. It cannot branch on
    /// values.
    ///
    /// On a [checking](Tape::checking) or [perturbed](Tape::perturbed) tape, the step runs in a plain loop. So does a
    /// scan of a single step: to run it once takes less time than to record it on shapes.
    ///
    /// # Panics
    ///
    /// If the step's equations panic. If the next state does not have the form of the state. If the step reads a
    /// value, and the scan has several steps. If a sequence that the step reads by [`Tape::at_step`] has another
    /// length.
    #[track_caller]
    #[must_use]
    pub fn run(
        self,
        step: impl FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> (Vec<Var<'t, T>>, Vec<Var<'t, T>>),
    ) -> Scanned<'t, T> {
        let mut step = step;
        if self.steps == 1 || self.tape.sees_every_operation() && self.steps > 0 {
            return self.run_in_a_loop(step);
        }
        let Self { tape, sequences, state, steps, reversed, recompute } = self;
        let traced = trace(tape, &sequences, &state, &mut step);
        let sequences = traced.sequences(&sequences);
        if steps == 0 {
            let shape = |&id: &u32| over_steps(traced.program.shape(id), 0);
            let shapes: Vec<Shape> = traced.program.stacked.iter().map(shape).collect();
            let outputs = shapes.into_iter().map(|shape| tape.constant(Tensor::zeros(shape)));
            return Scanned { outputs: outputs.collect(), state };
        }
        let compiled = compile(traced.program, sequences.len(), traced.invariants.len());
        let operands = Operands { sequences, state, invariants: traced.invariants };
        let config = ScanConfig { steps, reversed, recompute };
        let outputs = operation::record(tape, &compiled, config, operands);
        Scanned { outputs: outputs.stacked, state: outputs.state }
    }

    /// The shapes of the outputs of a step.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    #[must_use]
    pub fn output_shapes(
        &self,
        step: impl FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> (Vec<Var<'t, T>>, Vec<Var<'t, T>>),
    ) -> Vec<Shape> {
        let program = trace(self.tape, &self.sequences, &self.state, step).program;
        program.stacked.iter().map(|&id| program.shape(id).clone()).collect()
    }

    /// The recurrence as one that is run step by step as inputs arrive, from the state given here. Of
    /// the sequences, only the shape of an entry counts.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let shape = tape.constant(Tensor::zeros([1, 1, 1])); // [T, B, F]
    /// let sum = tape.constant(Tensor::zeros([1, 1]));
    /// let mut running_sum = tape.scan(&[shape], &[sum]).stepper(|x, sum| {
    ///     let sum = x[0] + sum[0];
    ///     (vec![sum], vec![sum])
    /// });
    /// running_sum.step(&[&[2.0]]);
    /// running_sum.step(&[&[3.0]]);
    /// assert_eq!(running_sum.output(0), [5.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and if it was to be run reversed.
    #[track_caller]
    #[must_use]
    pub fn stepper(
        self,
        step: impl FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> (Vec<Var<'t, T>>, Vec<Var<'t, T>>),
    ) -> Stepper<T> {
        assert!(!self.reversed, "stepper: inputs arrive in the order of time, not reversed");
        let traced = trace(self.tape, &self.sequences, &self.state, step);
        assert!(
            traced.own_sequences.is_empty(),
            "stepper: the step reads an entry of a sequence (at_step), but steps that arrive one by one \
             have no number: leave it out"
        );
        let (sequences, invariants) = (self.sequences.len(), traced.invariants.len());
        let compiled = compile(traced.program, sequences, invariants);
        let values: Vec<Tensor<T>> = traced.invariants.iter().map(|var| var.value()).collect();
        let invariants = compiled.invariant_values(&values);
        let state: Vec<Tensor<T>> = self.state.iter().map(|var| var.value()).collect();
        Stepper::new(&compiled, &state, invariants)
    }

    /// How the recurrence would be run, forward and in the reverse pass, as text.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    #[must_use]
    pub fn plan(
        self,
        step: impl FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> (Vec<Var<'t, T>>, Vec<Var<'t, T>>),
    ) -> String {
        let traced = trace(self.tape, &self.sequences, &self.state, step);
        let sequences = traced.sequences(&self.sequences).len();
        compile(traced.program, sequences, traced.invariants.len()).to_string()
    }

    /// The specification: every step recorded on the tape.
    #[track_caller]
    fn run_in_a_loop(
        self,
        mut step: impl FnMut(&[Var<'t, T>], &[Var<'t, T>]) -> (Vec<Var<'t, T>>, Vec<Var<'t, T>>),
    ) -> Scanned<'t, T> {
        let clock = Clock { tape: self.tape, outer: self.tape.announce(None) };
        let mut state = self.state;
        let mut outputs: Vec<Vec<Var<'t, T>>> = Vec::new();
        for count in 0..self.steps {
            let time = if self.reversed { self.steps - 1 - count } else { count };
            let of = Some(self.steps);
            self.tape.announce(u32::try_from(time).ok().map(|time| Step { time, of }));
            let entries: Vec<_> = self.sequences.iter().map(|x| x.index_first(time)).collect();
            let (out, next) = step(&entries, &state);
            for var in out.iter().chain(&next) {
                var.on_tape(self.tape);
            }
            if let Some(fault) = trace::fault_of_state(&state, &next) {
                panic!("{fault}");
            }
            outputs.resize_with(out.len(), Vec::new);
            for (outputs, out) in outputs.iter_mut().zip(out) {
                outputs.push(out);
            }
            state = next;
        }
        drop(clock);
        if self.reversed {
            outputs.iter_mut().for_each(|outputs| outputs.reverse());
        }
        // separate variables, as in every way of running a scan: their gradients do not include what a step itself
        // computes from its new state
        for variable in &mut state {
            *variable = self.tape.record(Op::Unary(Unary::Identity), &[*variable]);
        }
        Scanned { outputs: outputs.iter().map(|outputs| Var::stack(outputs)).collect(), state }
    }
}

/// Restores, after a loop, the step that was announced before it.
struct Clock<'t, T: Scalar> {
    tape: &'t Tape<T>,
    outer: Option<Step>,
}

impl<T: Scalar> Drop for Clock<'_, T> {
    fn drop(&mut self) {
        self.tape.announce(self.outer);
    }
}
