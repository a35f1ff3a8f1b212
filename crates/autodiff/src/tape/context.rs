//! The context in which a tape records nodes: mode, time step and equation.

use std::panic::Location;

use bptt_tensor::Shape;

/// A step of a loop over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) time: u32,
    /// The steps of the loop, if it announces them.
    pub(crate) of: Option<StepCount>,
}

/// The steps of a scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepCount {
    pub(crate) count: usize,
    /// Whether the steps are those of windows of longer sequences.
    pub(crate) is_windowed: bool,
}

impl StepCount {
    /// Panics unless a sequence that a step reads by `at_step` has an entry for each step.
    #[track_caller]
    pub(crate) fn check_entries(self, sequence: &Shape) {
        let Self { count, is_windowed } = self;
        assert!(
            sequence[0] >= count,
            "at_step: a sequence {sequence} does not have {count} entries, one for each step of the scan"
        );
        assert!(
            !is_windowed || sequence[0] == count,
            "at_step: which entries of a sequence {sequence} belong to windows of {count} steps is not known; \
             make it an input of the layer"
        );
    }

    /// Panics if the steps have no number.
    #[track_caller]
    pub(crate) fn check_index(self) {
        assert!(
            !self.is_windowed,
            "step_index: the steps of a window are not numbered; count them in the state"
        );
    }
}

/// The fate of the nodes that are being recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The nodes stay on the tape.
    Recording,
    /// The nodes are dropped once their values are known.
    Scratch,
    /// The nodes have shapes without values. They are read as a program and dropped.
    Tracing,
}

/// The line of an equation, and the time step for which it was computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) location: &'static Location<'static>,
    /// The time step, if one was announced.
    pub(crate) step: Option<u32>,
}
