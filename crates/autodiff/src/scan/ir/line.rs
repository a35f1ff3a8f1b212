//! Lines of the source at which the values of a step are computed.

use std::fmt;
use std::panic::Location;

/// The line of the equation for which a value is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The line records the operation.
    Of(&'static Location<'static>),
    /// The gradient of the equation in this line records the operation.
    GradientOf(&'static Location<'static>),
    /// The gradient of an input or of a parameter records the operation.
    Gradient,
}

impl Line {
    /// The line of the equation.
    pub(crate) fn location(self) -> Option<&'static Location<'static>> {
        match self {
            Self::Of(location) | Self::GradientOf(location) => Some(location),
            Self::Gradient => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(location) => write!(f, "at {location}"),
            Self::GradientOf(location) => write!(f, "in the gradient of {location}"),
            Self::Gradient => f.write_str("in the gradient"),
        }
    }
}
