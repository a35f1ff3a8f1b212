//! Faults of a step's next state.

use bptt_tensor::{Scalar, Shape};

use crate::tape::Var;

/// A next state whose form differs from that of the state.
#[derive(Debug)]
pub(crate) enum StateFault {
    /// The number of variables differs.
    Count { state: usize, next: usize },
    /// The shape of the variable at this position differs.
    Shape { position: usize, state: Shape, next: Shape },
}

impl StateFault {
    pub(crate) fn of<T: Scalar>(state: &[Var<'_, T>], next: &[Var<'_, T>]) -> Option<Self> {
        if state.len() != next.len() {
            return Some(Self::Count { state: state.len(), next: next.len() });
        }
        let shapes = state.iter().zip(next).map(|(old, new)| (old.shape(), new.shape()));
        let (position, (state, next)) = shapes.enumerate().find(|(_, (old, new))| old != new)?;
        Some(Self::Shape { position, state, next })
    }

    /// The message, which names a variable by its path in the state.
    pub(crate) fn message(&self, paths: &[String]) -> String {
        match self {
            Self::Count { state, next } => {
                format!("scan: the state has {state} variables, but the next state has {next}")
            }
            Self::Shape { position, state, next } => format!(
                "scan: `{}` has shape {state}, but {next} after a step; start from a state of the shape that the \
                 equations compute",
                paths[*position]
            ),
        }
    }
}
