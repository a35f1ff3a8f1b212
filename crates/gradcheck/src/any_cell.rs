//! Cells behind a trait object, so that the laws are compiled once rather than for each cell.

use bptt_autodiff::{Param, Recompute};
use bptt_layers::{
    Cell, Layer, LearnedStart, Module, Recurrence, State, StateSizes, Tree, Truncation, scan,
    stepper, unroll,
};
use bptt_tensor::Tensor;

use crate::values::V;

/// Outputs `[T, B, O]` and the variables of the last state.
pub(crate) type Sequence<'t> = (V<'t>, Vec<V<'t>>);

/// How a cell is run over a sequence.
#[derive(Clone, Debug)]
pub(crate) enum Execution {
    /// The loop, which specifies the other ways.
    Unrolled,
    Scanned,
    Recomputed(usize),
    Reversed,
    /// Sequences of these lengths, padded.
    Lengths(Vec<usize>),
    /// The state is reset before the steps of this mask `[T, B]`. The run is reversed if the flag is set.
    Episodes(Tensor<f64>, bool),
    /// Truncation: a window every `k₁` steps, which reaches back over `k₂` steps.
    Truncated([usize; 2]),
}

/// A [`Cell`] whose state is a list of variables, whatever its type.
pub(crate) trait AnyCell: Module<f64> {
    fn features(&self) -> Vec<usize>;

    fn one_step<'t>(&self, x: V<'t>, state: &[V<'t>]) -> (V<'t>, Vec<V<'t>>);

    fn run<'t>(&self, execution: &Execution, xs: V<'t>, state: &[V<'t>]) -> Sequence<'t>;

    /// Runs from a [`LearnedStart`] with these parameters, each `[1, S]`.
    fn run_from_learned<'t>(&self, initial: Vec<Param<f64>>, xs: V<'t>) -> Sequence<'t>;

    /// The outputs and the last state, computed by a stepper.
    fn stream(
        &self,
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
    ) -> (Vec<Tensor<f64>>, Vec<Tensor<f64>>);
}

impl<C: Cell<f64> + StateSizes + Module<f64>> AnyCell for C {
    fn features(&self) -> Vec<usize> {
        self.state_sizes()
    }

    fn one_step<'t>(&self, x: V<'t>, state: &[V<'t>]) -> (V<'t>, Vec<V<'t>>) {
        let (y, state) = self.step(x, State::from_leaves(state));
        (y, state.leaves())
    }

    fn run<'t>(&self, execution: &Execution, xs: V<'t>, state: &[V<'t>]) -> Sequence<'t> {
        let state = <C as Cell<f64>>::State::from_leaves(state);
        let recurrence = Recurrence::new(self);
        let (ys, state) = match execution {
            Execution::Unrolled => unroll(self, xs, state),
            Execution::Scanned => scan(self, xs, state),
            Execution::Recomputed(every) => {
                recurrence.recompute(Recompute::Every(*every)).run(xs, state)
            }
            Execution::Reversed => recurrence.reversed().run(xs, state),
            Execution::Lengths(lengths) => recurrence.lengths(lengths).run(xs, state),
            Execution::Episodes(resets, false) => recurrence.resets(resets).run(xs, state),
            Execution::Episodes(resets, true) => {
                recurrence.resets(resets).reversed().run(xs, state)
            }
            Execution::Truncated([every, reach]) => {
                Truncation::new(*every, *reach).run(self, xs, state)
            }
        };
        (ys, state.leaves())
    }

    fn run_from_learned<'t>(&self, initial: Vec<Param<f64>>, xs: V<'t>) -> Sequence<'t> {
        let (ys, state) = LearnedStart { layer: self, initial }.forward(xs);
        (ys, state.leaves())
    }

    fn stream(
        &self,
        xs: &Tensor<f64>,
        state: &[Tensor<f64>],
    ) -> (Vec<Tensor<f64>>, Vec<Tensor<f64>>) {
        let [steps, batch, input] = xs.shape()[..] else { panic!("[T, B, I]") };
        let mut online = stepper(self, [batch, input]);
        online.set_state(state);
        let ys = (0..steps).map(|t| {
            online.step(&[xs.index_first(t).as_slice()]);
            let y = online.output(0);
            Tensor::from_slice([y.len()], y)
        });
        let ys = ys.collect();
        let last = state.iter().enumerate();
        let last = last.map(|(i, start)| Tensor::from_slice(start.shape(), online.state(i)));
        (ys, last.collect())
    }
}
