//! Recomputation: the forward pass saves the state at intervals, in place of all residuals. The
//! reverse pass runs the steps of each interval once more.

use bptt_tensor::{Scalar, Tensor};

use crate::scan::compiled::{Compiled, CompiledReverse};
use crate::scan::run::backward::{Cotangents, Seen};
use crate::scan::run::execute::{Arguments, Outputs, slices};

/// A part of a sequence: steps `start..end` in time.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: usize,
    end: usize,
}

impl Window {
    /// Divides a sequence into windows of `every` steps, in the order in which they are run.
    fn all(steps: usize, every: usize, reversed: bool) -> Vec<Self> {
        let counts = (0..steps).step_by(every).map(|first| (first, steps.min(first + every)));
        let window = |(first, last)| match reversed {
            false => Self { start: first, end: last },
            true => Self { start: steps - last, end: steps - first },
        };
        counts.map(window).collect()
    }

    fn of<T: Scalar>(self, sequences: &[Tensor<T>]) -> Vec<Tensor<T>> {
        sequences.iter().map(|sequence| self.slice_of(sequence)).collect()
    }

    fn slice_of<T: Scalar>(self, sequence: &Tensor<T>) -> Tensor<T> {
        sequence.slice(0, self.start..self.end)
    }

    /// The window's part of each stacked output.
    fn part_of<'a, T>(self, outputs: &'a mut [&mut [T]], steps: usize) -> Vec<&'a mut [T]> {
        let part = |output: &'a mut &mut [T]| {
            let step = output.len() / steps;
            &mut output[self.start * step..self.end * step]
        };
        outputs.iter_mut().map(part).collect()
    }
}

/// Tensors of the state's shapes, with unspecified elements.
fn room_for<T: Scalar>(state: &[Tensor<T>]) -> Vec<Tensor<T>> {
    state.iter().map(|state| Tensor::unspecified(state.shape())).collect()
}

/// Runs the step, saving the state before every window of `every` steps.
pub(crate) fn forward<T: Scalar>(
    step: &Compiled<T>,
    arguments: Arguments<'_, T>,
    every: usize,
    mut results: Outputs<&mut [T]>,
) -> Vec<Vec<Tensor<T>>> {
    let plan = step.plain().ready(arguments.steps, arguments.invariants);
    let mut states = vec![arguments.state.to_vec()];
    for window in Window::all(arguments.steps, every, arguments.reversed) {
        let before = states.last().expect("the first state");
        let mut after = room_for(before);
        let sequences = window.of(arguments.sequences);
        let part = Arguments {
            steps: window.end - window.start,
            sequences: &sequences,
            state: before,
            ..arguments
        };
        let outputs = Outputs {
            stacked: window.part_of(&mut results.stacked, arguments.steps),
            state: slices(&mut after),
            sums: vec![],
        };
        plan.run(part, outputs);
        states.push(after);
    }
    let last = states.pop().expect("a window has run");
    for (output, state) in results.state.iter_mut().zip(&last) {
        output.copy_from_slice(state.as_slice());
    }
    states
}

/// Runs the reverse window by window, from the last to the first. Before each window, its forward steps are run once
/// more, from the state that [`forward`] saved.
pub(crate) fn backward<T: Scalar>(
    step: &Compiled<T>,
    reverse: &CompiledReverse<T>,
    whole: Seen<'_, T>,
    every: usize,
    states: &[Vec<Tensor<T>>],
) -> Outputs<Tensor<T>> {
    let Seen { arguments, cotangents, .. } = whole;
    let program = &reverse.step.hoisted.program;
    let mut gradients = Outputs::unspecified(program, arguments.steps);
    gradients.state.clone_from(&cotangents.state);
    gradients.sums.iter_mut().for_each(|sum| sum.as_mut_slice().fill(T::zero()));
    let again = step.saving().ready(arguments.steps, arguments.invariants);
    let reverse = reverse.ready(step, whole);
    let windows = Window::all(arguments.steps, every, arguments.reversed);
    for (window, state) in windows.iter().zip(states).rev() {
        let steps = window.end - window.start;
        let sequences = window.of(arguments.sequences);
        let arguments = Arguments { steps, sequences: &sequences, state, ..arguments };
        let mut residuals = step.empty_residuals(steps);
        // outputs are recomputed too, since these are in the cache
        let (mut outputs, mut after) = (room_for(&window.of(whole.stacked)), room_for(state));
        let mut stacked_again = slices(&mut outputs);
        stacked_again.extend(slices(&mut residuals));
        again.run(
            arguments,
            Outputs { stacked: stacked_again, state: slices(&mut after), sums: vec![] },
        );
        let of_window = |given: &Option<Tensor<T>>| given.as_ref().map(|all| window.slice_of(all));
        let cotangents = Cotangents {
            stacked: cotangents.stacked.iter().map(of_window).collect(),
            state: gradients.state,
            sums: cotangents.sums.clone(),
        };
        let found = reverse.run(Seen {
            arguments,
            stacked: &outputs,
            residuals: &residuals,
            cotangents: &cotangents,
        });
        for (whole, part) in gradients.stacked.iter_mut().zip(&found.stacked) {
            let row = part.len() / steps;
            whole.as_mut_slice()[window.start * row..window.end * row]
                .copy_from_slice(part.as_slice());
        }
        for (whole, part) in gradients.sums.iter_mut().zip(&found.sums) {
            *whole += part;
        }
        gradients.state = found.state;
    }
    gradients
}
