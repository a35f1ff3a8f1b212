//! What a tape records its nodes for: their mode, their time step and their equation.

use std::panic::Location;

/// A step of a loop over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) time: u32,
    /// The number of steps, if the loop announces it. Each sequence that the step reads has this many entries.
    pub(crate) of: Option<usize>,
}

/// What happens to the nodes that are being recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// They stay.
    Recording,
    /// They are about to be dropped, once their values are known.
    Scratch,
    /// They are shapes without values, to be read as a program and dropped.
    Tracing,
}

/// The line of an equation, and the time step that it was computed for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) location: &'static Location<'static>,
    /// The time step, where one was announced.
    pub(crate) step: Option<u32>,
}
