//! Execution of a step over a sequence of tensors: as a program over rows, or operation by operation.

use bptt_tensor::rows::{Instruction, RowProgram, Sizes};
use bptt_tensor::{PackedRhs, Scalar, Shape, Tensor};
use smallvec::SmallVec;

use crate::scan::ir::program::{Input, Kind, Program};
use crate::scan::lower::{InputSlot, Lowered, OutputSlot};

/// The inputs of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'a, T> {
    pub(crate) steps: usize,
    pub(crate) reversed: bool,
    /// `[T, ..]` each.
    pub(crate) sequences: &'a [Tensor<T>],
    pub(crate) state: &'a [Tensor<T>],
    pub(crate) invariants: &'a [Tensor<T>],
}

/// The outputs of a run: stacked outputs, the last state, and sums.
#[derive(Debug)]
pub(crate) struct Outputs<V> {
    pub(crate) stacked: Vec<V>,
    pub(crate) state: Vec<V>,
    pub(crate) sums: Vec<V>,
}

impl<T: Scalar> Outputs<Tensor<T>> {
    /// Tensors for the outputs of this number of steps, with unspecified elements.
    pub(crate) fn unspecified(program: &Program<T>, steps: usize) -> Self {
        let shape = |&id: &u32| program.shape(id).clone();
        let stack = |id: &u32| Tensor::unspecified(over_steps(program.shape(*id), steps));
        Self {
            stacked: program.stacked.iter().map(stack).collect(),
            state: program.next.iter().map(shape).map(Tensor::unspecified).collect(),
            sums: program.sums.iter().map(shape).map(Tensor::unspecified).collect(),
        }
    }

    pub(crate) fn as_mut_slices(&mut self) -> Outputs<&mut [T]> {
        let Self { stacked, state, sums } = self;
        Outputs { stacked: slices(stacked), state: slices(state), sums: slices(sums) }
    }
}

/// The elements of tensors, for writing.
pub(crate) fn slices<T: Scalar>(tensors: &mut [Tensor<T>]) -> Vec<&mut [T]> {
    tensors.iter_mut().map(Tensor::as_mut_slice).collect()
}

/// Rows in a segment of the sequence. Values that pass from one stage to the next should stay in the cache, but the
/// products of a stage are faster with many rows.
const SEGMENT_ROWS: usize = 4096;

/// The weights of a lowered step, prepared for a run of up to this many steps. A product before or
/// after the loop has the rows of all steps.
pub(crate) fn prepare<T: Scalar>(
    lowered: &Lowered<T>,
    steps: usize,
    invariants: &[Tensor<T>],
) -> Vec<PackedRhs<T>> {
    let RowProgram { before, step, after, .. } = &lowered.program;
    let repeated = rights(step);
    let once = [rights(before), rights(after)].concat();
    let prepare = |(right, &(weight, transposed)): (usize, &(usize, bool))| {
        let (matrix, all) = (&invariants[weight], lowered.rows * steps);
        let products = once.iter().filter(|&&other| other == right).count();
        match (repeated.contains(&right), products) {
            (true, 0) => PackedRhs::for_rows(lowered.rows, matrix, transposed),
            (false, 1) => PackedRhs::for_one_product(all, matrix, transposed),
            _ => PackedRhs::for_rows(all, matrix, transposed),
        }
    };
    lowered.packs.iter().enumerate().map(prepare).collect()
}

/// The weights of a lowered step, prepared for any number of runs of a single step.
pub(crate) fn prepare_for_steps<T: Scalar>(
    lowered: &Lowered<T>,
    invariants: &[Tensor<T>],
) -> Vec<PackedRhs<T>> {
    let prepare = |&(weight, transposed): &(usize, bool)| {
        PackedRhs::for_rows(lowered.rows, &invariants[weight], transposed)
    };
    lowered.packs.iter().map(prepare).collect()
}

/// The right operands of the products among some instructions.
fn rights<T: Scalar>(instructions: &[Instruction<T>]) -> Vec<usize> {
    let right = |instruction: &Instruction<T>| match *instruction {
        Instruction::MatMul { right, .. } => Some(right),
        Instruction::Fused(_) => None,
    };
    instructions.iter().filter_map(right).collect()
}

/// Runs a lowered step.
pub(crate) fn run_rows<T: Scalar>(
    lowered: &Lowered<T>,
    arguments: Arguments<'_, T>,
    packed: &[PackedRhs<T>],
    results: Outputs<&mut [T]>,
) {
    let rows = lowered.rows;
    let sizes = Sizes {
        steps: arguments.steps,
        rows,
        segment: SEGMENT_ROWS.div_ceil(rows).min(arguments.steps),
        reversed: arguments.reversed,
    };
    let inputs: Vec<&Tensor<T>> = lowered
        .inputs
        .iter()
        .map(|slot| match *slot {
            InputSlot::Sequence(i) => &arguments.sequences[i],
            InputSlot::Initial(j) => &arguments.state[j],
            InputSlot::Invariant(i) => &arguments.invariants[i],
        })
        .collect();
    let optional = |slices: Vec<_>| slices.into_iter().map(Some).collect::<Vec<_>>();
    let (mut stacked, mut state) = (optional(results.stacked), optional(results.state));
    let mut sums = optional(results.sums);
    let mut outputs: Vec<&mut [T]> = lowered
        .outputs
        .iter()
        .map(|slot| {
            let slice = match *slot {
                OutputSlot::Stacked(k) => &mut stacked[k],
                OutputSlot::Final(j) => &mut state[j],
                OutputSlot::Sum(k) => &mut sums[k],
            };
            slice.take().expect("an output is one buffer")
        })
        .collect();
    lowered.program.run(sizes, packed, &inputs, &mut outputs);
    for &(from, to) in &lowered.copies {
        let to = sums[to].as_mut().expect("a copy is no output of the program");
        to.copy_from_slice(outputs[from]);
    }
}

/// Runs a step operation by operation.
pub(crate) fn run_steps<T: Scalar>(
    program: &Program<T>,
    arguments: Arguments<'_, T>,
    mut results: Outputs<&mut [T]>,
) {
    let mut state: Vec<Tensor<T>> = arguments.state.to_vec();
    let mut sums: Vec<Option<Tensor<T>>> = vec![None; program.sums.len()];
    let steps = arguments.steps;
    for count in 0..steps {
        let time = |count: usize| if arguments.reversed { steps - 1 - count } else { count };
        let mut values: Vec<Tensor<T>> = Vec::with_capacity(program.nodes.len());
        for node in &program.nodes {
            let value = match &node.kind {
                Kind::Literal(value) => Tensor::scalar(T::of(*value)),
                Kind::Input(Input::Sequence(i)) => arguments.sequences[*i].index_first(time(count)),
                Kind::Input(Input::Ahead { edge, .. }) if count + 1 == steps => {
                    arguments.invariants[*edge].clone()
                }
                Kind::Input(Input::Ahead { sequence, .. }) => {
                    arguments.sequences[*sequence].index_first(time(count + 1))
                }
                Kind::Input(Input::Carry(j)) => state[*j].clone(),
                Kind::Input(Input::Invariant(i)) => arguments.invariants[*i].clone(),
                Kind::Op(op) => {
                    let inputs: SmallVec<[&Tensor<T>; 3]> =
                        node.inputs.iter().map(|&input| &values[input as usize]).collect();
                    op.operation().expect("a leaf is an input").forward(&inputs)
                }
            };
            values.push(value);
        }
        for (output, &id) in results.stacked.iter_mut().zip(&program.stacked) {
            let value = values[id as usize].as_slice();
            let start = time(count) * value.len();
            output[start..start + value.len()].copy_from_slice(value);
        }
        for (sum, &id) in sums.iter_mut().zip(&program.sums) {
            match sum {
                Some(sum) => *sum += &values[id as usize],
                None => *sum = Some(values[id as usize].clone()),
            }
        }
        state = program.next.iter().map(|&id| values[id as usize].clone()).collect();
    }
    for (output, value) in results.state.iter_mut().zip(&state) {
        output.copy_from_slice(value.as_slice());
    }
    for (output, sum) in results.sums.iter_mut().zip(&sums) {
        match sum {
            Some(sum) => output.copy_from_slice(sum.as_slice()),
            None => output.fill(T::zero()),
        }
    }
}

/// The shape of a value stacked over this number of steps.
pub(crate) fn over_steps(shape: &Shape, steps: usize) -> Shape {
    std::iter::once(steps).chain(shape.iter().copied()).collect()
}
