//! Lines of forward values on the tape of shapes, from which the gradient rules pass them on.

use std::panic::Location;

use crate::scan::ir::line::Line;
use crate::tape::Origin;

/// Stands for the line of a value that no line computes, such as an input.
fn nowhere() -> &'static Location<'static> {
    Location::caller()
}

/// The origin of a forward value on the tape.
pub(super) fn origin(line: Option<Line>) -> Origin {
    Origin { location: line.and_then(Line::location).unwrap_or(nowhere()), step: None }
}

/// The line of a value that the gradient rule of a forward value recorded.
pub(super) fn gradient_line(of: Origin) -> Line {
    if of.location == nowhere() { Line::Gradient } else { Line::GradientOf(of.location) }
}
