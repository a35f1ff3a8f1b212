//! Execution of a lowered step over a sequence of tensors.

use bptt_tensor::rows::{Buffer, Instruction, Role, RowProgram, Sizes};
use bptt_tensor::{PackedRhs, Scalar, Shape, Tensor};

use crate::scan::ir::program::Program;
use crate::scan::lower::{Accumulator, InputSlot, Lowered, OutputSlot};

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

/// Rows in a segment of the sequence, if the step is summed over: sums are faster with many rows.
pub(crate) const SEGMENT_ROWS: usize = 4096;

/// Rows of a thread in a segment of several stages without sums. Values that pass from one stage to the next should
/// stay in the cache, and each thread should have several pieces of each stage.
const ROWS_OF_THREAD: usize = 256;

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
    let rows = rows_of_step(lowered);
    let prepare = |(right, &(weight, transposed)): (usize, &(usize, bool))| {
        let (matrix, all) = (&invariants[weight], rows[right] * steps);
        let products = once.iter().filter(|&&other| other == right).count();
        match (repeated.contains(&right), products) {
            (true, 0) => PackedRhs::for_rows(rows[right], matrix, transposed),
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
    let prepare = |(&(weight, transposed), rows): (&(usize, bool), usize)| {
        PackedRhs::for_rows(rows, &invariants[weight], transposed)
    };
    lowered.packs.iter().zip(rows_of_step(lowered)).map(prepare).collect()
}

/// The most rows that a product of one step multiplies by each packed matrix.
fn rows_of_step<T: Scalar>(lowered: &Lowered<T>) -> Vec<usize> {
    let RowProgram { before, step, after, .. } = &lowered.program;
    let mut rows = vec![lowered.rows; lowered.packs.len()];
    for instruction in before.iter().chain(step).chain(after) {
        if let Instruction::MatMul { right, inner_rows, .. } = *instruction {
            rows[right] = rows[right].max(lowered.rows * inner_rows);
        }
    }
    rows
}

/// The right operands of the products among some instructions.
fn rights<T: Scalar>(instructions: &[Instruction<T>]) -> Vec<usize> {
    let right = |instruction: &Instruction<T>| match *instruction {
        Instruction::MatMul { right, .. } => Some(right),
        Instruction::Apply { .. } | Instruction::Fused(_) => None,
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
        segment: segment_rows(&lowered.program).div_ceil(rows).min(arguments.steps),
        reversed: arguments.reversed,
    };
    let (states, mut totals) = (arguments.state.len(), totals_of_rows(lowered));
    let zeros: Vec<Tensor<T>> = totals.iter().map(|total| Tensor::zeros([total.len()])).collect();
    let inputs: Vec<&Tensor<T>> = lowered
        .inputs
        .iter()
        .map(|slot| match *slot {
            InputSlot::Sequence(i) => &arguments.sequences[i],
            InputSlot::Initial(j) => arguments.state.get(j).unwrap_or_else(|| &zeros[j - states]),
            InputSlot::Invariant(i) => &arguments.invariants[i],
        })
        .collect();
    let Outputs { stacked, mut state, mut sums } = results;
    state.extend(slices(&mut totals));
    let optional = |slices: Vec<_>| slices.into_iter().map(Some).collect::<Vec<_>>();
    let (mut stacked, mut state) = (optional(stacked), optional(state));
    let mut computed: Vec<Option<&mut [T]>> = sums.iter_mut().map(|sum| Some(&mut **sum)).collect();
    let mut outputs: Vec<&mut [T]> = lowered
        .outputs
        .iter()
        .map(|slot| {
            let slice = match *slot {
                OutputSlot::Stacked(k) => &mut stacked[k],
                OutputSlot::Final(j) => &mut state[j],
                OutputSlot::Sum(k) => &mut computed[k],
            };
            slice.take().expect("an output is one buffer")
        })
        .collect();
    lowered.program.run(sizes, packed, &inputs, &mut outputs);
    let mut is_new: Vec<bool> = computed.iter().map(Option::is_some).collect();
    for &Accumulator { sum, state, over_rows } in &lowered.accumulators {
        let (total, sum_of_rows) = (&totals[state - states], &mut *sums[sum]);
        if std::mem::take(&mut is_new[sum]) {
            sum_of_rows.fill(T::zero());
        }
        let width = if over_rows { total.len() / rows } else { total.len() };
        for row in total.as_slice().chunks_exact(width.max(1)) {
            sum_of_rows.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
        }
    }
    for &(from, to) in &lowered.copies {
        let (before, after) = sums.split_at_mut(to);
        after[0].copy_from_slice(before[from]);
    }
}

/// The rows after which the stages begin again.
fn segment_rows<T: Scalar>(program: &RowProgram<T>) -> usize {
    let RowProgram { before, after, sums, .. } = program;
    if !sums.is_empty() {
        SEGMENT_ROWS
    } else if before.is_empty() && after.is_empty() {
        usize::MAX // a loop alone passes no values to other stages, so it need not be interrupted
    } else {
        (ROWS_OF_THREAD * rayon::current_num_threads()).min(SEGMENT_ROWS)
    }
}

/// Memory for the sums over all steps of each row, one tensor for each accumulator.
fn totals_of_rows<T: Scalar>(lowered: &Lowered<T>) -> Vec<Tensor<T>> {
    let outputs = lowered.program.buffers.iter().filter(|buffer| buffer.role == Role::Output);
    let slots: Vec<(&OutputSlot, &Buffer)> = lowered.outputs.iter().zip(outputs).collect();
    let total = |accumulator: &Accumulator| {
        let slot = OutputSlot::Final(accumulator.state);
        let (_, buffer) =
            slots.iter().find(|(own, _)| **own == slot).expect("a state is an output");
        Tensor::unspecified([lowered.rows * buffer.width])
    };
    lowered.accumulators.iter().map(total).collect()
}

/// The shape of a value stacked over this number of steps.
pub(crate) fn over_steps(shape: &Shape, steps: usize) -> Shape {
    std::iter::once(steps).chain(shape.iter().copied()).collect()
}
