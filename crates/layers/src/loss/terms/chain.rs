//! The loss of a linear chain: a sequence of classes in which neighbours depend on each other.

use std::rc::Rc;

use bptt_autodiff::Var;
use bptt_tensor::{Scalar, Tensor};

use super::positions::Positions;

/// `ln Σ_{y'} e^{s(y')} − s(y)` of each sequence.
///
/// The targets are `[T, B]` and the emissions `[T, B, C]`. The other scores are `start: [C]` of the first class,
/// `transitions: [C, C]` of pairs of neighbours and `end: [C]` of the last class.
#[derive(Clone, Debug)]
pub(crate) struct Chain<'t, T> {
    pub(crate) emissions: Var<'t, T>,
    pub(crate) start: Var<'t, T>,
    pub(crate) transitions: Var<'t, T>,
    pub(crate) end: Var<'t, T>,
    pub(crate) lengths: Rc<[usize]>,
    pub(crate) targets: Rc<[usize]>,
}

impl<'t, T: Scalar> Chain<'t, T> {
    #[track_caller]
    pub(crate) fn losses(&self, positions: &Positions<T>) -> Var<'t, T> {
        let (tape, shape) = (self.emissions.tape(), self.emissions.shape());
        let &[steps, batch, _] = &shape[..] else { unreachable!("checked by the field") };
        let within = Tensor::from_fn([steps, batch, 1], |i| indicator(self.is_within(i)));
        let within = tape.constant(within);
        let emissions = within.select(positions.kept(self.emissions), 0.0);
        let score = self.score(emissions);
        let losses = self.log_partition(emissions, within) - score;
        // impossible targets have an infinite loss, even where nothing is possible and ∞ − ∞ is NaN
        let impossible = score.lt(T::min_value().as_f64());
        let losses = impossible.select(-score.stop_gradient(), losses);
        let has_steps = Tensor::from_fn([batch], |b| indicator(self.lengths[b] > 0));
        tape.constant(has_steps).select(losses, 0.0)
    }

    /// Returns whether entry `i` of `[T, B]` is a step of its sequence.
    fn is_within(&self, i: usize) -> bool {
        let batch = self.lengths.len();
        i / batch < self.lengths[i % batch]
    }

    /// Returns the scores `s(y)`, `[B]`, of the targets. Its value is arbitrary for a sequence without steps.
    #[track_caller]
    fn score(&self, emissions: Var<'t, T>) -> Var<'t, T> {
        let (tape, shape) = (emissions.tape(), emissions.shape());
        let &[steps, batch, classes] = &shape[..] else { unreachable!("checked by the field") };
        let target = |i: usize| if self.is_within(i) { self.targets[i] } else { 0 };
        let last = |b: usize| self.lengths[b].saturating_sub(1) * batch + b;

        let emitted: Vec<usize> = (0..steps * batch).map(|i| i * classes + target(i)).collect();
        let emitted = emissions.reshape([shape.elements()]).gather_rows(&emitted);
        let later = batch..steps * batch; // all but the first step
        let pairs: Vec<usize> =
            later.clone().map(|i| target(i - batch) * classes + target(i)).collect();
        let moved = self.transitions.reshape([classes * classes]).gather_rows(&pairs);
        let is_move =
            Tensor::from_fn([pairs.len()], |i| indicator(self.is_within(later.start + i)));
        let moved = tape.constant(is_move).select(moved, 0.0);

        let first: Vec<usize> = (0..batch).map(target).collect();
        let last: Vec<usize> = (0..batch).map(|b| target(last(b))).collect();
        emitted.reshape([steps, batch]).sum(&[0])
            + moved.reshape([steps.saturating_sub(1), batch]).sum(&[0])
            + self.start.gather_rows(&first)
            + self.end.gather_rows(&last)
    }

    /// Returns `ln Σ_{y'} e^{s(y')}`, `[B]`. Here `α_t(j)` sums over all sequences that end with class `j` at step `t`:
    ///
    /// ```text
    /// ln α_1(j) = start_j + o_{1,j}
    /// ln α_t(j) = ln Σ_i e^{ln α_{t−1}(i) + A_{ij}} + o_{t,j}
    /// ```
    ///
    /// Everything is computed in log space. A product with `e^A` would be faster, but lose improbable transitions
    /// that a target needs.
    #[track_caller]
    fn log_partition(&self, emissions: Var<'t, T>, within: Var<'t, T>) -> Var<'t, T> {
        let shape = emissions.shape();
        let &[steps, batch, classes] = &shape[..] else { unreachable!("checked by the field") };
        let early = steps.min(1); // there may be no step
        let first = emissions.slice(0, 0..early).sum(&[0]) + self.start;
        let later = [emissions, within].map(|sequence| sequence.slice(0, early..steps));
        let into = self.transitions.transpose(0, 1); // a row for each class that is entered
        let scanned = emissions.tape().scan(later, first).run(|[emission, within], here| {
            let pairs = here.reshape([batch, 1, classes]) + into; // [B, C, C]
            ((), within.select(pairs.logsumexp(-1) + emission, here))
        });
        (scanned.state + self.end).logsumexp(-1)
    }
}

fn indicator<T: Scalar>(holds: bool) -> T {
    T::of(holds.into())
}
