//! The error of an operation whose operands' shapes do not fit.

use std::fmt;

use smallvec::SmallVec;

use super::extents::Shape;

/// Shapes that an operation cannot combine. The message names the operation, the shapes, the axis
/// and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    operation: &'static str,
    shapes: SmallVec<[Shape; 1]>,
    axis: Option<usize>,
    problem: String,
}

impl ShapeError {
    /// Creates an error of `operation` on operands of these shapes. `problem` says what does not
    /// fit and how to mend it.
    #[must_use]
    pub fn new(operation: &'static str, shapes: &[&[usize]], problem: impl Into<String>) -> Self {
        Self {
            operation,
            shapes: shapes.iter().map(|&shape| Shape::from(shape)).collect(),
            axis: None,
            problem: problem.into(),
        }
    }

    /// Names the axis at which the shapes disagree.
    #[must_use]
    pub fn at_axis(mut self, axis: usize) -> Self {
        self.axis = Some(axis);
        self
    }

    /// The operation's name.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The axis at which the shapes disagree, if it is a single one.
    #[must_use]
    pub fn axis(&self) -> Option<usize> {
        self.axis
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        for (i, shape) in self.shapes.iter().enumerate() {
            write!(f, "{} {shape}", if i == 0 { " of" } else { " and" })?;
        }
        if let Some(axis) = self.axis {
            write!(f, ", axis {axis}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ShapeError {}

/// Turns a shape error into a panic, since a wrong shape in an equation is a bug.
pub trait OrPanic<V> {
    /// Returns the value, or panics with the error's message. In a method marked `#[track_caller]`,
    /// the panic is at the line that calls the method.
    fn or_panic(self) -> V;
}

impl<V> OrPanic<V> for Result<V, ShapeError> {
    #[track_caller]
    fn or_panic(self) -> V {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}
