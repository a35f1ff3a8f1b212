//! The context in which a tape records nodes: mode, time step and equation.

use std::panic::Location;

/// A step of a loop over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) time: u32,
    /// The number of steps, if the loop announces it. Each sequence that the step reads must have
    /// this many entries.
    pub(crate) of: Option<usize>,
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
