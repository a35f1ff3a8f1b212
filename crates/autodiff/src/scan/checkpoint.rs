//! Saving the state every so many steps rather than every residual: the steps between are run again
//! when the reverse pass comes to them.

use bptt_tensor::{Scalar, Tensor};

use super::compiled::{Compiled, CompiledReverse, Cut};
use super::execute::{Arguments, Results};

/// What a forward pass was run on, and the states that it saved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forward<'a, T> {
    pub(super) arguments: Arguments<'a, T>,
    pub(super) every: usize,
    pub(super) states: &'a [Vec<Tensor<T>>],
}

/// A part of a sequence: steps `start..end` in time.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: usize,
    end: usize,
}

impl Window {
    /// The windows of `every` steps, in the order in which they are run.
    fn all(steps: usize, every: usize, reversed: bool) -> Vec<Self> {
        let counts = (0..steps).step_by(every).map(|first| (first, steps.min(first + every)));
        let window = |(first, last)| match reversed {
            false => Self { start: first, end: last },
            true => Self { start: steps - last, end: steps - first },
        };
        counts.map(window).collect()
    }

    fn of<T: Scalar>(self, sequences: &[Tensor<T>]) -> Vec<Tensor<T>> {
        sequences.iter().map(|sequence| sequence.slice_first(self.start..self.end)).collect()
    }

    /// The part of each output, of so many elements a step.
    fn part_of<'a, T>(self, outputs: &'a mut [&mut [T]], steps: usize) -> Vec<&'a mut [T]> {
        let part = |output: &'a mut &mut [T]| {
            let step = output.len() / steps;
            &mut output[self.start * step..self.end * step]
        };
        outputs.iter_mut().map(part).collect()
    }
}

/// Runs the step, saving the state before every window of `every` steps.
pub(super) fn forward<T: Scalar>(
    step: &Compiled<T>,
    arguments: Arguments<'_, T>,
    every: usize,
    mut results: Results<'_, T>,
) -> Vec<Vec<Tensor<T>>> {
    let mut states = vec![arguments.state.to_vec()];
    let windows = Window::all(arguments.steps, every, arguments.reversed);
    for window in &windows {
        let before = states.last().expect("the first state");
        let mut after: Vec<Tensor<T>> =
            before.iter().map(|state| Tensor::unspecified(state.shape())).collect();
        let sequences = window.of(arguments.sequences);
        let part = Arguments {
            steps: window.end - window.start,
            sequences: &sequences,
            state: before,
            ..arguments
        };
        let outputs = Results {
            stacked: window.part_of(&mut results.stacked, arguments.steps),
            state: after.iter_mut().map(Tensor::as_mut_slice).collect(),
            sums: vec![],
        };
        step.plain().run(part, outputs);
        states.push(after);
    }
    let last = states.pop().expect("a window has run");
    for (output, state) in results.state.iter_mut().zip(&last) {
        output.copy_from_slice(state.as_slice());
    }
    states
}

/// Runs the reverse window by window, the last first, each after its forward steps once more.
pub(super) fn backward<T: Scalar>(
    step: &Compiled<T>,
    reverse: &CompiledReverse<T>,
    forward: Forward<'_, T>,
    stacked: &[Tensor<T>],
    cotangents: &Cut<T>,
) -> Cut<T> {
    let Forward { arguments, every, states } = forward;
    let program = &reverse.step.hoisted.program;
    let whole = |&id: &u32| super::execute::over_steps(program.shape(id), arguments.steps);
    let mut gradients = Cut {
        stacked: program.stacked.iter().map(whole).map(Tensor::unspecified).collect(),
        state: cotangents.state.clone(),
        sums: program.sums.iter().map(|&id| Tensor::zeros(program.shape(id))).collect(),
    };
    let windows = Window::all(arguments.steps, every, arguments.reversed);
    for (window, state) in windows.iter().zip(states).rev() {
        let steps = window.end - window.start;
        let sequences = window.of(arguments.sequences);
        let part = Arguments { steps, sequences: &sequences, state, ..arguments };
        let mut residuals = step.empty_residuals(steps);
        let mut outputs: Vec<Tensor<T>> =
            window.of(stacked).iter().map(|output| Tensor::unspecified(output.shape())).collect();
        let mut after: Vec<Tensor<T>> =
            state.iter().map(|state| Tensor::unspecified(state.shape())).collect();
        let all = outputs.iter_mut().chain(&mut residuals);
        let results = Results {
            stacked: all.map(Tensor::as_mut_slice).collect(),
            state: after.iter_mut().map(Tensor::as_mut_slice).collect(),
            sums: vec![],
        };
        step.saving().run(part, results);
        let seen = Cut {
            stacked: window.of(&cotangents.stacked),
            state: gradients.state,
            sums: cotangents.sums.clone(),
        };
        let found = reverse.run(step, part, &outputs, &residuals, &seen);
        for (whole, part) in gradients.stacked.iter_mut().zip(&found.stacked) {
            let row = part.len() / steps.max(1);
            whole.as_mut_slice()[window.start * row..window.end * row]
                .copy_from_slice(part.as_slice());
        }
        for (whole, part) in gradients.sums.iter_mut().zip(&found.sums) {
            whole.add_assign(part);
        }
        gradients.state = found.state;
    }
    gradients
}
