//! The plan of a step, from which it can be run.

use std::fmt;

use bptt_tensor::{PackedRhs, Scalar, Tensor};

use crate::scan::ir::program::Program;
use crate::scan::lower::{Lowered, LoweringError, lower};
use crate::scan::rewrite::join_gates::join_gates;
use crate::scan::run::execute::{Arguments, Outputs, prepare, run_rows, run_steps};

/// The plan of a step: a program over rows, or else a run operation by operation.
#[derive(Debug)]
pub(crate) struct Plan<T> {
    pub(crate) program: Program<T>,
    lowered: Result<Lowered<T>, LoweringError>,
}

impl<T: Scalar> Plan<T> {
    /// Plans a step. A plan is never differentiated.
    pub(crate) fn new(program: &Program<T>) -> Self {
        let program = join_gates(&program.without_stops()).without_stops();
        let lowered = lower(&program);
        Self { program, lowered }
    }

    /// Prepares the weights for runs of up to this many steps with these invariants.
    pub(crate) fn ready(&self, steps: usize, invariants: &[Tensor<T>]) -> Ready<'_, T> {
        let lowered = self.lowered.as_ref();
        let packed = lowered.map_or(vec![], |lowered| prepare(lowered, steps, invariants));
        Ready { plan: self, packed }
    }

    pub(crate) fn lowered(&self) -> Result<&Lowered<T>, &LoweringError> {
        self.lowered.as_ref()
    }
}

impl<T: Scalar> fmt::Display for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lowered() {
            Ok(lowered) => lowered.fmt(f),
            Err(reason) => write!(f, "operation by operation, because of\n{reason}"),
        }
    }
}

/// A plan with its weights prepared, for a sequence or for all windows of it.
#[derive(Debug)]
pub(crate) struct Ready<'a, T> {
    plan: &'a Plan<T>,
    packed: Vec<PackedRhs<T>>,
}

impl<T: Scalar> Ready<'_, T> {
    /// Runs the step over a sequence of at least one entry, with the invariants for which the
    /// weights were prepared.
    pub(crate) fn run(&self, arguments: Arguments<'_, T>, results: Outputs<&mut [T]>) {
        match &self.plan.lowered {
            Ok(lowered) => run_rows(lowered, arguments, &self.packed, results),
            Err(_) => run_steps(&self.plan.program, arguments, results),
        }
    }
}
