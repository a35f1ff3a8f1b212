//! A scan over lists of variables, to which the trees of [`Scan`](crate::Scan) are flattened.

use std::fmt;
use std::panic::Location;

use bptt_tensor::{Scalar, Shape, Tensor, Unary};

use crate::scan::cache::compile;
use crate::scan::compiled::Compiled;
use crate::scan::own_sequences::OwnSequence;
use crate::scan::run::execute::over_steps;
use crate::scan::run::operation::{self, Operands, ScanConfig};
use crate::scan::run::stepper::Stepper;
use crate::scan::state_fault::StateFault;
use crate::scan::trace::{FlatStep, trace};
use crate::tape::{Op, Step, StepCount, Tape, Var};

/// The outputs and the last state.
pub(crate) type Flat<'t, T> = (Vec<Var<'t, T>>, Vec<Var<'t, T>>);

/// A recurrence to run.
#[derive(Clone, Debug)]
pub(crate) struct FlatScan<'t, T> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) sequences: Vec<Var<'t, T>>,
    pub(crate) state: Vec<Var<'t, T>>,
    pub(crate) steps: usize,
    pub(crate) reversed: bool,
    /// Whether the sequences are windows of longer ones.
    pub(crate) is_windowed: bool,
    /// The interval, in steps, at which the state is saved in place of all residuals.
    pub(crate) recompute: Option<usize>,
}

impl<'t, T: Scalar> FlatScan<'t, T> {
    /// A recurrence over equally long sequences, which messages call by their paths.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn new(
        tape: &'t Tape<T>,
        sequences: Vec<Var<'t, T>>,
        state: Vec<Var<'t, T>>,
        paths: &dyn Fn() -> Vec<String>,
    ) -> Self {
        for var in sequences.iter().chain(&state) {
            var.on_tape(tape);
        }
        let lengths = sequences.iter().map(|sequence| sequence.shape().first().copied());
        let lengths: Vec<Option<usize>> = lengths.collect();
        let Some(&Some(steps)) = lengths.first() else {
            panic!("scan: needs a sequence [T, ..], which tells the number of steps")
        };
        if let Some(other) = lengths.iter().position(|&length| length != Some(steps)) {
            let paths = paths();
            panic!(
                "scan: `{}` of shape {} does not have {steps} steps, as `{}` has",
                paths[other],
                sequences[other].shape(),
                paths[0]
            );
        }
        Self { tape, sequences, state, steps, reversed: false, is_windowed: false, recompute: None }
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn run(self, step: &mut FlatStep<'_, 't, T>) -> Result<Flat<'t, T>, StateFault> {
        let tape = self.tape;
        let _line = tape.scanning(Location::caller());
        let mut probed = Probed::default();
        let (mut outputs, state) =
            self.run_step(&mut |entries, state| probed.step(tape, || step(entries, state)))?;
        for (name, output) in probed.names.into_iter().zip(outputs.drain(probed.outputs..)) {
            tape.name(&name, output);
        }
        Ok((outputs, state))
    }

    /// Runs a recurrence whose probes are outputs like others.
    #[track_caller]
    fn run_step(self, step: &mut FlatStep<'_, 't, T>) -> Result<Flat<'t, T>, StateFault> {
        let tape = self.tape;
        if self.steps == 1 || tape.sees_every_operation() && self.steps > 0 {
            return self.run_in_a_loop(step);
        }
        let count = self.step_count();
        let Self { sequences, state, steps, reversed, recompute, .. } = self;
        let traced = trace(tape, &sequences, &state, step)?;
        let sequences = traced.sequences(&sequences, count);
        if steps == 0 {
            let shape = |&id: &u32| over_steps(traced.program.shape(id), 0);
            let shapes: Vec<Shape> = traced.program.stacked.iter().map(shape).collect();
            let outputs = shapes.into_iter().map(|shape| tape.constant(Tensor::zeros(shape)));
            return Ok((outputs.collect(), state));
        }
        let compiled = compile(traced.program, sequences.len(), traced.invariants.len());
        let operands = Operands { sequences, state, invariants: traced.invariants };
        let config = ScanConfig { steps, reversed, recompute };
        let outputs = operation::record(tape, &compiled, config, operands);
        Ok((outputs.stacked, outputs.state))
    }

    fn step_count(&self) -> StepCount {
        StepCount { count: self.steps, is_windowed: self.is_windowed }
    }

    /// The shapes of the outputs of a step.
    #[track_caller]
    #[inline(never)]
    pub(crate) fn output_shapes(
        &self,
        step: &mut FlatStep<'_, 't, T>,
    ) -> Result<Vec<Shape>, StateFault> {
        let _line = self.tape.scanning(Location::caller());
        let tape = self.tape;
        let step = &mut |entries: &[_], state: &[_]| tape.probed_step(|| step(entries, state)).0;
        let program = trace(tape, &self.sequences, &self.state, step)?.program;
        Ok(program.stacked.iter().map(|&id| program.shape(id).clone()).collect())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn stepper(self, step: &mut FlatStep<'_, 't, T>) -> Result<Stepper<T>, StateFault> {
        let _line = self.tape.scanning(Location::caller());
        assert!(!self.reversed, "stepper: inputs arrive in the order of time, not reversed");
        let (tape, mut probed) = (self.tape, Probed::default());
        let step = &mut |entries: &[_], state: &[_]| probed.step(tape, || step(entries, state));
        let traced = trace(tape, &self.sequences, &self.state, step)?;
        let own: Vec<_> = traced.own_sequences.into_iter().map(OwnSequence::online).collect();
        let (sequences, invariants) = (self.sequences.len() + own.len(), traced.invariants.len());
        let compiled = compile(traced.program, sequences, invariants);
        let values: Vec<Tensor<T>> = traced.invariants.iter().map(|var| var.value()).collect();
        let invariants = compiled.invariant_values(&values);
        let state: Vec<Tensor<T>> = self.state.iter().map(|var| var.value()).collect();
        Ok(Stepper::new(&compiled, &state, invariants, own, probed))
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn plan(self, step: &mut FlatStep<'_, 't, T>) -> Result<String, StateFault> {
        let _line = self.tape.scanning(Location::caller());
        let (tape, mut probed) = (self.tape, Probed::default());
        let step = &mut |entries: &[_], state: &[_]| probed.step(tape, || step(entries, state));
        let traced = trace(tape, &self.sequences, &self.state, step)?;
        let sequences = self.sequences.len() + traced.own_sequences.len();
        // not from the cache, since an equal step may be recorded at other lines
        let plan = Compiled::new(traced.program, sequences, traced.invariants.len());
        Ok(format!("{probed}{plan}"))
    }

    /// Records every step on the tape. This is the specification of a scan.
    #[track_caller]
    fn run_in_a_loop(self, step: &mut FlatStep<'_, 't, T>) -> Result<Flat<'t, T>, StateFault> {
        let clock = Clock { tape: self.tape, outer: self.tape.announce(None) };
        let count = self.step_count();
        let mut state = self.state;
        let mut outputs: Vec<Vec<Var<'t, T>>> = Vec::new();
        for run in 0..self.steps {
            let time = if self.reversed { self.steps - 1 - run } else { run };
            let of = Some(count);
            self.tape.announce(u32::try_from(time).ok().map(|time| Step { time, of }));
            let entries: Vec<_> = self.sequences.iter().map(|x| x.index_first(time)).collect();
            let (out, next) = step(&entries, &state);
            for var in out.iter().chain(&next) {
                var.on_tape(self.tape);
            }
            if let Some(fault) = StateFault::of(&state, &next) {
                return Err(fault);
            }
            if run == 0 {
                outputs.resize_with(out.len(), Vec::new);
            }
            assert!(
                out.len() == outputs.len(),
                "scan: a step has {} outputs, but the step before it had {}",
                out.len(),
                outputs.len()
            );
            for (outputs, out) in outputs.iter_mut().zip(out) {
                outputs.push(out);
            }
            state = next;
        }
        drop(clock);
        if self.reversed {
            outputs.iter_mut().for_each(|outputs| outputs.reverse());
        }
        // separate variables, as in a compiled scan, so that their gradients do not include the
        // operations within the step on its new state
        for variable in &mut state {
            *variable = self.tape.record(Op::Unary(Unary::Identity), &[*variable]);
        }
        Ok((outputs.iter().map(|outputs| Var::stack(outputs, 0)).collect(), state))
    }
}

/// The probes of a step, which are outputs after its own.
#[derive(Debug, Default)]
pub(crate) struct Probed {
    /// The number of the step's own outputs.
    pub(crate) outputs: usize,
    pub(crate) names: Vec<String>,
}

impl Probed {
    /// Runs a step. Returns its outputs, the values that it named, and the next state.
    #[track_caller]
    fn step<'t, T: Scalar>(
        &mut self,
        tape: &'t Tape<T>,
        step: impl FnOnce() -> Flat<'t, T>,
    ) -> Flat<'t, T> {
        let ((mut outputs, next), named) = tape.probed_step(step);
        let (names, values): (Vec<String>, Vec<_>) = named.into_iter().unzip();
        self.outputs = outputs.len();
        self.names = names;
        outputs.extend(values);
        (outputs, next)
    }
}

impl fmt::Display for Probed {
    /// The outputs that are probes, by their number among all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (output, name) in (self.outputs..).zip(&self.names) {
            writeln!(f, "output {output} is the probe `{name}`")?;
        }
        Ok(())
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
