//! Runs of a step in parts: regions of values that are computed row by row, and single operations.

use std::cell::RefCell;
use std::ops::Range;

use bptt_tensor::rows::{Buffer, Lifetime, Role, Session};
use bptt_tensor::{PackedRhs, Scalar, Tensor};
use smallvec::SmallVec;

use crate::scan::ir::program::{Input, Kind, Program};
use crate::scan::lower::{InputSlot, OutputSlot, Part, Parts, Region};
use crate::scan::run::execute::{
    Arguments, Outputs, SEGMENT_ROWS, over_steps, prepare, prepare_for_steps, run_rows, slices,
};

/// The regions of a step, prepared for a run.
#[derive(Debug)]
pub(crate) struct PackedParts<T> {
    /// The weights of the region that is computed ahead.
    ahead: Vec<PackedRhs<T>>,
    /// The sessions of the regions of a step.
    of_step: RefCell<Vec<RegionSession<T>>>,
}

impl<T: Scalar> Parts<T> {
    /// Prepares the regions for runs of up to this many steps with these invariants.
    pub(crate) fn pack(&self, steps: usize, invariants: &[Tensor<T>]) -> PackedParts<T> {
        let ahead = self.ahead.as_ref();
        let of_step = self.of_step.iter().filter_map(|part| match part {
            Part::Operation(_) => None,
            Part::Region(region) => Some(RegionSession::new(region, invariants)),
        });
        PackedParts {
            ahead: ahead.map_or(vec![], |region| match steps {
                1 => prepare_for_steps(&region.lowered, invariants), // one of many, of a stepper
                _ => prepare(&region.lowered, steps, invariants),
            }),
            of_step: RefCell::new(of_step.collect()),
        }
    }
}

/// Runs a step in parts over a sequence.
pub(crate) fn run_parts<T: Scalar>(
    program: &Program<T>,
    parts: &Parts<T>,
    packed: &PackedParts<T>,
    arguments: Arguments<'_, T>,
    results: Outputs<&mut [T]>,
) {
    let Arguments { steps, reversed, .. } = arguments;
    let run = Run { program, parts, packed, arguments };
    packed.of_step.borrow_mut().iter_mut().for_each(|region| region.begin(arguments.invariants));
    let mut totals = Totals { results, sums: vec![None; program.sums.len()] };
    let mut state: Vec<Tensor<T>> = arguments.state.to_vec();
    let rows = parts.ahead.as_ref().map_or(1, |region| region.lowered.rows);
    let window = SEGMENT_ROWS.div_ceil(rows);
    for first in (0..steps).step_by(window) {
        let counts = first..steps.min(first + window);
        let times = match reversed {
            false => counts.clone(),
            true => steps - counts.end..steps - counts.start,
        };
        let ahead = run.ahead(times.clone());
        for count in counts {
            let time = if reversed { steps - 1 - count } else { count };
            let values = run.step(time, &state, (&ahead, time - times.start));
            totals.add(program, time, &values);
            state = program.next.iter().map(|&id| values.of(id).clone()).collect();
        }
    }
    totals.finish(&state);
}

/// A step being run over a sequence.
struct Run<'a, T> {
    program: &'a Program<T>,
    parts: &'a Parts<T>,
    packed: &'a PackedParts<T>,
    arguments: Arguments<'a, T>,
}

/// The values of a step that are known so far.
struct Values<T>(Vec<Option<Tensor<T>>>);

impl<T> Values<T> {
    fn of(&self, id: u32) -> &Tensor<T> {
        self.0[id as usize].as_ref().expect("parts run in order")
    }
}

impl<T: Scalar> Run<'_, T> {
    /// The values of all steps at these times that are computed ahead.
    fn ahead(&self, times: Range<usize>) -> Vec<Tensor<T>> {
        let Some(region) = &self.parts.ahead else { return vec![] };
        let entries = region.entries.iter().map(|&id| match self.program.node(id).kind {
            Kind::Input(Input::Sequence(i)) => self.arguments.sequences[i].slice(0, times.clone()),
            _ => unreachable!("values ahead are computed from sequences"),
        });
        let entries: Vec<Tensor<T>> = entries.collect();
        let shape = |&id: &u32| over_steps(self.program.shape(id), times.len());
        let mut results: Vec<Tensor<T>> =
            region.results.iter().map(|id| Tensor::unspecified(shape(id))).collect();
        let arguments = Arguments {
            steps: times.len(),
            reversed: false,
            sequences: &entries,
            state: &[],
            invariants: self.arguments.invariants,
        };
        let outputs = Outputs { stacked: slices(&mut results), state: vec![], sums: vec![] };
        run_rows(&region.lowered, arguments, &self.packed.ahead, outputs);
        results
    }

    /// The values of the step at this time. Of those ahead, it reads the entries at `place`.
    fn step(
        &self,
        time: usize,
        state: &[Tensor<T>],
        (ahead, place): (&[Tensor<T>], usize),
    ) -> Values<T> {
        let mut values = Values(vec![None; self.program.nodes.len()]);
        for &id in &self.parts.leaves {
            values.0[id as usize] = Some(self.leaf(id, time, state));
        }
        let region = self.parts.ahead.iter().flat_map(|region| &region.results);
        for (&id, value) in region.zip(ahead) {
            values.0[id as usize] = Some(value.index_first(place));
        }
        let mut sessions = self.packed.of_step.borrow_mut();
        let mut sessions = sessions.iter_mut();
        for part in &self.parts.of_step {
            match part {
                Part::Operation(id) => {
                    let value = self.operation(*id, &values);
                    values.0[*id as usize] = Some(value);
                }
                Part::Region(_) => {
                    let session = sessions.next().expect("each region has a session");
                    session.step(self.program, &mut values);
                }
            }
        }
        values
    }

    fn leaf(&self, id: u32, time: usize, state: &[Tensor<T>]) -> Tensor<T> {
        let Arguments { steps, reversed, sequences, invariants, .. } = self.arguments;
        let next = if reversed { time.checked_sub(1) } else { Some(time + 1) };
        match self.program.node(id).kind {
            Kind::Literal(value) => Tensor::scalar(T::of(value)),
            Kind::Input(Input::Sequence(i)) => sequences[i].index_first(time),
            Kind::Input(Input::Ahead { sequence, edge }) => {
                match next.filter(|&next| next < steps) {
                    Some(next) => sequences[sequence].index_first(next),
                    None => invariants[edge].clone(),
                }
            }
            Kind::Input(Input::Carry(j)) => state[j].clone(),
            Kind::Input(Input::Invariant(i)) => invariants[i].clone(),
            Kind::Op(_) => unreachable!("a leaf is not computed"),
        }
    }

    fn operation(&self, id: u32, values: &Values<T>) -> Tensor<T> {
        let inputs = self.program.node(id).inputs.iter().map(|&input| values.of(input));
        let inputs: SmallVec<[&Tensor<T>; 3]> = inputs.collect();
        let op = self.program.op(id).and_then(|op| op.operation());
        op.expect("a part is no leaf").forward(&inputs)
    }
}

/// A region that runs step by step, in memory of its own.
#[derive(Debug)]
struct RegionSession<T> {
    session: Session<T>,
    /// The values and the invariants that it reads, and its results, with their buffers.
    read: Vec<(u32, usize)>,
    invariants: Vec<(usize, usize)>,
    results: Vec<(u32, usize)>,
}

impl<T: Scalar> RegionSession<T> {
    fn new(region: &Region<T>, invariants: &[Tensor<T>]) -> Self {
        let lowered = &region.lowered;
        let buffers = || lowered.program.buffers.iter().enumerate();
        let of_role = |role| buffers().filter(move |(_, buffer)| buffer.role == role);
        let (mut read, mut of_invariants) = (Vec::new(), Vec::new());
        for (&slot, (buffer, _)) in lowered.inputs.iter().zip(of_role(Role::Input)) {
            match slot {
                InputSlot::Sequence(k) => read.push((region.entries[k], buffer)),
                InputSlot::Invariant(i) => match i.checked_sub(region.invariants) {
                    Some(k) => read.push((region.shared[k], buffer)),
                    None => of_invariants.push((i, buffer)),
                },
                InputSlot::Initial(_) => unreachable!("a region has no state"),
            }
        }
        let outputs = lowered.outputs.iter().zip(of_role(Role::Output));
        let results = outputs.map(|(&slot, (buffer, _))| match slot {
            OutputSlot::Stacked(k) => (region.results[k], buffer),
            OutputSlot::Final(_) | OutputSlot::Sum(_) => unreachable!("a region has no state"),
        });
        let empty = of_role(Role::Input).map(|(_, &Buffer { lifetime, width, .. })| {
            let rows = if lifetime == Lifetime::Row { 1 } else { lowered.rows };
            Tensor::zeros([rows * width])
        });
        let (results, empty): (Vec<_>, Vec<Tensor<T>>) = (results.collect(), empty.collect());
        let empty: Vec<&Tensor<T>> = empty.iter().collect();
        let packed = prepare_for_steps(lowered, invariants);
        let program = lowered.program.clone();
        let session = Session::new(program, lowered.rows, packed, &empty, &[]);
        Self { session, read, invariants: of_invariants, results }
    }

    /// Copies the invariants of a run.
    fn begin(&mut self, invariants: &[Tensor<T>]) {
        for &(i, buffer) in &self.invariants {
            self.session.buffer_mut(buffer).copy_from_slice(invariants[i].as_slice());
        }
    }

    /// Computes the values of a step.
    fn step(&mut self, program: &Program<T>, values: &mut Values<T>) {
        for &(id, buffer) in &self.read {
            self.session.buffer_mut(buffer).copy_from_slice(values.of(id).as_slice());
        }
        self.session.step();
        for &(id, buffer) in &self.results {
            let value = Tensor::from_slice(program.shape(id), self.session.buffer(buffer));
            values.0[id as usize] = Some(value);
        }
    }
}

/// The outputs of a run, with the sums so far.
struct Totals<'a, T> {
    results: Outputs<&'a mut [T]>,
    sums: Vec<Option<Tensor<T>>>,
}

impl<T: Scalar> Totals<'_, T> {
    /// Adds the values of the step at this time.
    fn add(&mut self, program: &Program<T>, time: usize, values: &Values<T>) {
        for (output, &id) in self.results.stacked.iter_mut().zip(&program.stacked) {
            let value = values.of(id).as_slice();
            let start = time * value.len();
            output[start..start + value.len()].copy_from_slice(value);
        }
        for (sum, &id) in self.sums.iter_mut().zip(&program.sums) {
            match sum {
                Some(sum) => *sum += values.of(id),
                None => *sum = Some(values.of(id).clone()),
            }
        }
    }

    /// Writes the last state and the sums.
    fn finish(mut self, state: &[Tensor<T>]) {
        for (output, value) in self.results.state.iter_mut().zip(state) {
            output.copy_from_slice(value.as_slice());
        }
        for (output, sum) in self.results.sums.iter_mut().zip(&self.sums) {
            match sum {
                Some(sum) => output.copy_from_slice(sum.as_slice()),
                None => output.fill(T::zero()),
            }
        }
    }
}
