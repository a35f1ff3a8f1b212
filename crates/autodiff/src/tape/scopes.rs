//! Scopes within which a tape records for a time step, for the gradient of an equation, or
//! temporarily.

use std::cell::Cell;
use std::panic::Location;

use bptt_tensor::Scalar;

use super::context::{Mode, Origin, Step};
use super::graph::Tape;

/// A guard that restores a value of the tape, even after a panic.
pub(crate) struct Restore<'a, V>(&'a Cell<Option<V>>, Option<V>);

impl<V> Drop for Restore<'_, V> {
    fn drop(&mut self) {
        self.0.set(self.1.take());
    }
}

/// A guard that drops the nodes recorded while it lives, even after a panic. See [`Tape::aside`].
#[derive(Debug)]
#[must_use = "nodes are dropped when the guard is"]
pub struct Aside<'t, T: Scalar> {
    tape: &'t Tape<T>,
    len: usize,
    /// The mode to which the tape returns.
    mode: Mode,
    step: Option<Step>,
}

impl<T: Scalar> Drop for Aside<'_, T> {
    fn drop(&mut self) {
        self.tape.mode.set(self.mode);
        self.tape.step.set(self.step);
        self.tape.nodes.borrow_mut().truncate(self.len);
    }
}

impl<T: Scalar> Tape<T> {
    /// Announces the time step of the following operations, for messages and for
    /// [`at_step`](Self::at_step). Returns the step announced before. A loop over time restores
    /// that one at its end, since it may run within another loop.
    pub fn set_step(&self, step: Option<usize>) -> Option<usize> {
        let time = step.and_then(|step| u32::try_from(step).ok());
        let before = self.announce(time.map(|time| Step { time, of: None }));
        before.map(|step| step.time as usize)
    }

    /// Announces a step of a loop over time. Returns the step that was announced before, as
    /// [`set_step`](Self::set_step) does.
    pub(crate) fn announce(&self, step: Option<Step>) -> Option<Step> {
        self.step.replace(step)
    }

    /// Runs `compute`, a gradient rule, and attributes its nodes to the equation that computed
    /// value `id`.
    pub(crate) fn differentiating<R>(&self, id: u32, compute: impl FnOnce() -> R) -> R {
        let origin = self.nodes()[id as usize].origin;
        self.attributing(origin, compute)
    }

    /// The equation to which recorded nodes are attributed, if it is another than their own.
    pub(crate) fn attributed(&self) -> Option<Origin> {
        self.differentiated.get()
    }

    /// Runs `compute`, and attributes its nodes to an equation that was recorded elsewhere.
    pub(crate) fn attributing<R>(&self, origin: Origin, compute: impl FnOnce() -> R) -> R {
        let outer = self.differentiated.replace(Some(origin));
        let _restore = Restore(&self.differentiated, outer);
        compute()
    }

    /// Announces the line that calls a scan, until the guard is dropped. The message of a shape
    /// error within a step names that line. Of nested scans, the outermost counts.
    pub(crate) fn scanning(
        &self,
        line: &'static Location<'static>,
    ) -> Restore<'_, &'static Location<'static>> {
        let outer = self.scan_line.get();
        self.scan_line.set(outer.or(Some(line)));
        Restore(&self.scan_line, outer)
    }

    /// Panics on a tape for inference, on which no gradient can be computed.
    #[track_caller]
    pub(crate) fn assert_differentiable(&self, operation: &str) {
        assert!(
            !self.inference,
            "{operation}: a tape made by Tape::inference saves nothing for gradients; make it by Tape::new"
        );
    }

    /// Panics on a tape for inference, except within the step of a scan: a gradient that is recorded there is a part of
    /// the step, and does not need the values that this tape does not keep.
    #[track_caller]
    pub(crate) fn assert_records_gradients(&self, operation: &str) {
        if self.scan_line.get().is_none() {
            self.assert_differentiable(operation);
        }
    }

    /// Drops every node that is recorded until the guard is dropped. Use it for values without gradients, if the
    /// equations read variables of this tape, such as [substituted](Self::substitute) parameters.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.variable(Tensor::scalar(3.0));
    /// let recorded = tape.aside();
    /// let nine = x.square().value();
    /// drop(recorded);
    /// assert_eq!((nine.item(), tape.len()), (9.0, 1));
    /// ```
    ///
    /// Do not use the variables recorded meanwhile after the guard is dropped: they no longer
    /// exist.
    pub fn aside(&self) -> Aside<'_, T> {
        self.dropping(if self.is_tracing() { Mode::Tracing } else { Mode::Scratch })
    }

    /// Runs `compute` on shapes without values and without an announced step, and drops every node
    /// that it recorded.
    pub(crate) fn tracing<R>(&self, compute: impl FnOnce() -> R) -> R {
        let _recorded = self.dropping(Mode::Tracing);
        self.step.set(None);
        compute()
    }

    fn dropping(&self, mode: Mode) -> Aside<'_, T> {
        let (len, step) = (self.len(), self.step.get());
        Aside { tape: self, len, mode: self.mode.replace(mode), step }
    }

    pub(crate) fn is_tracing(&self) -> bool {
        self.mode.get() == Mode::Tracing
    }

    pub(crate) fn is_scratch(&self) -> bool {
        self.mode.get() == Mode::Scratch
    }
}
