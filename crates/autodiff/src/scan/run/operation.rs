//! A scan as an operation of the tape.

use std::ops::Range;
use std::rc::Rc;

use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use crate::scan::compiled::{Compiled, CompiledReverse};
use crate::scan::reverse::{GradientMask, InvariantSource, SequenceSource, StateBefore};
use crate::scan::run::backward::{Cotangents, Seen};
use crate::scan::run::execute::{Arguments, Outputs, over_steps, slices};
use crate::scan::run::recompute;
use crate::tape::{Class, Op, OpClass, Operation, Pullback, Tape, Var};

/// A step replayed over a sequence.
///
/// The inputs are the sequences, the variables of the state, and the invariants. The value is one
/// row of elements: the concatenated stacked outputs, last state and sums. Every output is a slice
/// that shares the memory. The cotangents of the outputs are taken slice by slice.
#[derive(Clone, Debug)]
pub(crate) struct ScanOperation<T> {
    step: Rc<Compiled<T>>,
    steps: usize,
    reversed: bool,
    /// The values that the forward pass saved; `None` on a tape where no gradient can be computed.
    saved: Option<Rc<Saved<T>>>,
}

/// Values that a forward pass saves for the reverse.
#[derive(Debug)]
enum Saved<T> {
    /// The residuals that are not outputs.
    Residuals(Vec<Tensor<T>>),
    /// The state before each window of `every` steps, in the order in which the windows are run.
    /// The residuals are recomputed.
    States { every: usize, states: Vec<Vec<Tensor<T>>> },
}

impl<T> PartialEq for ScanOperation<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.step, &other.step)
            && self.steps == other.steps
            && self.reversed == other.reversed
    }
}

/// The inputs of a scan, as variables or as tensors.
pub(crate) struct Operands<V> {
    pub(crate) sequences: Vec<V>,
    pub(crate) state: Vec<V>,
    pub(crate) invariants: Vec<V>,
}

/// The options of a scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanConfig {
    pub(crate) steps: usize,
    pub(crate) reversed: bool,
    /// The interval, in steps, at which the state is saved in place of all residuals.
    pub(crate) recompute: Option<usize>,
}

/// Records a scan over at least one step.
#[track_caller]
pub(crate) fn record<'t, T: Scalar>(
    tape: &'t Tape<T>,
    step: &Rc<Compiled<T>>,
    config: ScanConfig,
    operands: Operands<Var<'t, T>>,
) -> Outputs<Var<'t, T>> {
    let Operands { sequences, state, invariants } = operands;
    let invariants = step.hoisted.invariants(
        &invariants,
        |value| tape.scalar(value),
        |op, inputs| tape.record(op.clone(), inputs),
    );
    let inputs: Vec<Var<'t, T>> = sequences.into_iter().chain(state).chain(invariants).collect();
    let ScanConfig { steps, reversed, recompute } = config;
    let mut scan = ScanOperation { step: step.clone(), steps, reversed, saved: None };
    let value = if tape.is_tracing() {
        Tensor::unknown([scan.len()])
    } else {
        let values: Vec<Tensor<T>> = inputs.iter().map(|input| input.value()).collect();
        let arguments = scan.arguments(&values);
        if tape.saves_for_gradients() {
            let (value, saved) = match recompute {
                Some(every) if every < steps => scan.run_with_states(arguments, every),
                _ => scan.run_with_residuals(arguments),
            };
            scan.saved = Some(Rc::new(saved));
            value
        } else {
            scan.run(arguments)
        }
    };
    let parts = scan.clone();
    let row = tape.push(Op::Custom(Rc::new(scan)), &inputs, value);
    let origin = tape.nodes()[row.id as usize].origin;
    tape.attributing(origin, || parts.outputs(|range, shape| row.slice(0, range).reshape(shape)))
}

impl<T: Scalar> ScanOperation<T> {
    pub(crate) fn step(&self) -> &Compiled<T> {
        &self.step
    }

    pub(crate) fn is_reversed(&self) -> bool {
        self.reversed
    }

    /// Where each output begins within the row of all outputs, and its shape.
    pub(crate) fn layout(&self) -> Vec<(usize, Shape)> {
        let Outputs { stacked, state, sums } = self.outputs(|range, shape| (range.start, shape));
        stacked.into_iter().chain(state).chain(sums).collect()
    }

    /// Calls `make` for each output, with its range within the row of all outputs and its shape.
    fn outputs<V>(&self, mut make: impl FnMut(Range<usize>, Shape) -> V) -> Outputs<V> {
        let program = &self.step.hoisted.program;
        let mut start = 0;
        let mut next = |shape: Shape| {
            let range = start..start + shape.elements();
            start = range.end;
            make(range, shape)
        };
        let shape = |&id: &u32| program.shape(id).clone();
        let stack = |id: &u32| over_steps(program.shape(*id), self.steps);
        Outputs {
            stacked: program.stacked.iter().map(stack).map(&mut next).collect(),
            state: program.next.iter().map(shape).map(&mut next).collect(),
            sums: program.sums.iter().map(shape).map(&mut next).collect(),
        }
    }

    /// The number of elements of all outputs.
    fn len(&self) -> usize {
        let mut len = 0;
        self.outputs(|range, _| len = range.end);
        len
    }

    fn arguments<'a>(&self, inputs: &'a [Tensor<T>]) -> Arguments<'a, T> {
        let (sequences, rest) = inputs.split_at(self.step.sequences);
        let (state, invariants) = rest.split_at(self.step.hoisted.program.next.len());
        let Self { steps, reversed, .. } = *self;
        Arguments { steps, reversed, sequences, state, invariants }
    }

    /// Divides the row of all outputs into slices.
    fn results<'a>(&self, mut out: &'a mut [T]) -> Outputs<&'a mut [T]> {
        self.outputs(|range, _| {
            let (slice, rest) = std::mem::take(&mut out).split_at_mut(range.len());
            out = rest;
            slice
        })
    }

    fn run(&self, arguments: Arguments<'_, T>) -> Tensor<T> {
        let mut value = Tensor::unspecified([self.len()]);
        let plan = self.step.plain().ready(arguments.steps, arguments.invariants);
        plan.run(arguments, self.results(value.as_mut_slice()));
        value
    }

    fn run_with_residuals(&self, arguments: Arguments<'_, T>) -> (Tensor<T>, Saved<T>) {
        let mut value = Tensor::unspecified([self.len()]);
        let mut results = self.results(value.as_mut_slice());
        let mut residuals = self.step.empty_residuals(self.steps);
        results.stacked.extend(slices(&mut residuals));
        self.step.saving().ready(arguments.steps, arguments.invariants).run(arguments, results);
        (value, Saved::Residuals(residuals))
    }

    fn run_with_states(&self, arguments: Arguments<'_, T>, every: usize) -> (Tensor<T>, Saved<T>) {
        let mut value = Tensor::unspecified([self.len()]);
        let results = self.results(value.as_mut_slice());
        let states = recompute::forward(&self.step, arguments, every, results);
        (value, Saved::States { every, states })
    }

    /// The cotangents of the outputs.
    fn cotangents<'t>(&self, at: &Pullback<'_, 't, T>) -> Cotangents<Var<'t, T>> {
        let Outputs { stacked, state, sums } = self.outputs(|range, shape| {
            let added = at.cotangent_slice(range).map(|slice| slice.reshape(&shape));
            (added, shape)
        });
        let whole = |(added, shape): (Option<Var<'t, T>>, Shape)| {
            added.unwrap_or_else(|| at.output().tape().scalar(0.0).broadcast_to(shape))
        };
        Cotangents {
            stacked: stacked.into_iter().map(|(added, _)| added).collect(),
            state: state.into_iter().map(whole).collect(),
            sums: sums.into_iter().map(whole).collect(),
        }
    }

    fn mask<V>(&self, at: &Pullback<'_, '_, T>, cotangents: &Cotangents<V>) -> GradientMask {
        let states = self.step.hoisted.program.next.len();
        let needed: Vec<bool> = (0..at.inputs()).map(|i| at.needs(i)).collect();
        let (sequences, rest) = needed.split_at(self.step.sequences);
        GradientMask {
            stacked: cotangents.stacked.iter().map(Option::is_some).collect(),
            sequences: sequences.to_vec(),
            invariants: rest[states..].to_vec(),
        }
    }

    /// Computes the gradient as tensors, from the values that the forward pass saved.
    fn gradient_in_place(&self, at: &mut Pullback<'_, '_, T>, saved: &Saved<T>) {
        let cotangents = self.cotangents(at).map(Var::value);
        let reverse = self.step.reverse(&self.mask(at, &cotangents), StateBefore::Shifted);
        let inputs: Vec<Tensor<T>> = (0..at.inputs()).map(|i| at.input(i).value()).collect();
        let arguments = self.arguments(&inputs);
        let row = at.output().value();
        let stacked = self.outputs(|range, shape| row.slice(0, range).reshape(shape)).stacked;
        let seen =
            |residuals| Seen { arguments, stacked: &stacked, residuals, cotangents: &cotangents };
        let gradients = match saved {
            Saved::Residuals(residuals) => {
                let seen = seen(residuals);
                reverse.ready(&self.step, seen).run(seen)
            }
            Saved::States { every, states } => {
                recompute::backward(&self.step, &reverse, seen(&[]), *every, states)
            }
        };
        let tape = at.output().tape();
        let constants = |tensors: Vec<Tensor<T>>| {
            tensors.into_iter().map(|tensor| tape.constant(tensor)).collect::<Vec<_>>()
        };
        let Outputs { stacked, state, sums } = gradients;
        self.add(at, &reverse, &constants(stacked), &constants(state), &constants(sums));
    }

    /// Records the gradient as a scan, which can be differentiated again. The forward pass is recorded once more, with
    /// the residuals among its outputs.
    fn gradient_recorded(&self, at: &mut Pullback<'_, '_, T>) {
        let cotangents = self.cotangents(at);
        let reverse = self.step.reverse(&self.mask(at, &cotangents), StateBefore::Saved);
        let tape = at.output().tape();
        let inputs: Vec<Var<'_, T>> = (0..at.inputs()).map(|i| at.input(i)).collect();
        let (sequences, rest) = inputs.split_at(self.step.sequences);
        let (state, invariants) = rest.split_at(self.step.hoisted.program.next.len());
        let residuals = reverse.reverse.residuals();
        let Self { steps, reversed, .. } = *self;
        let exposed = if residuals.is_empty() {
            Vec::new()
        } else {
            let operands = Operands {
                sequences: sequences.to_vec(),
                state: state.to_vec(),
                invariants: invariants.to_vec(),
            };
            let config = ScanConfig { steps, reversed, recompute: None };
            let outputs = record(tape, &self.step.exposing(&residuals), config, operands);
            outputs.stacked[self.step.hoisted.program.stacked.len()..].to_vec()
        };
        let sequence = |source: &SequenceSource| match *source {
            SequenceSource::Cotangent(k) => cotangents.stacked[k].expect("the mask has it"),
            SequenceSource::Sequence(i) => sequences[i],
            SequenceSource::Residual(id) => {
                exposed[residuals.find(&id).expect("every residual is exposed")]
            }
        };
        let invariant = |source: &InvariantSource| match *source {
            InvariantSource::Cotangent(k) => cotangents.sums[k],
            InvariantSource::Invariant(i) => invariants[i],
            InvariantSource::Initial(j) => state[j],
            InvariantSource::Constant(k) => tape.constant(reverse.reverse.constants[k].clone()),
        };
        let operands = Operands {
            sequences: reverse.reverse.sequences.iter().map(sequence).collect(),
            state: cotangents.state.clone(),
            invariants: reverse.reverse.invariants.iter().map(invariant).collect(),
        };
        let config = ScanConfig { steps, reversed: !reversed, recompute: None };
        let Outputs { stacked, state, sums } = record(tape, &reverse.step, config, operands);
        self.add(at, &reverse, &stacked, &state, &sums);
    }

    fn add<'t>(
        &self,
        at: &mut Pullback<'_, 't, T>,
        reverse: &CompiledReverse<T>,
        stacked: &[Var<'t, T>],
        state: &[Var<'t, T>],
        sums: &[Var<'t, T>],
    ) {
        let sequences = self.step.sequences;
        for (&i, &gradient) in reverse.reverse.stacked.iter().zip(stacked) {
            at.add(i, || gradient);
        }
        for (j, &gradient) in state.iter().enumerate() {
            at.add(sequences + j, || gradient);
        }
        for (&i, &gradient) in reverse.reverse.sums.iter().zip(sums) {
            at.add(sequences + state.len() + i, || gradient);
        }
    }
}

impl<T: Scalar> Operation<T> for ScanOperation<T> {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn class(&self) -> OpClass<T> {
        Class::Tuple.into()
    }

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }

    fn shape(&self, _: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok([self.len()].into()) // tracing has checked the inputs
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let inputs: Vec<Tensor<T>> = inputs.iter().map(|&input| input.clone()).collect();
        self.run(self.arguments(&inputs))
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        match &self.saved {
            Some(saved) if at.output().tape().is_scratch() => {
                self.gradient_in_place(at, &saved.clone());
            }
            _ => self.gradient_recorded(at),
        }
    }
}
