//! The plan of a step, from which it can be run.

use std::fmt;

use bptt_tensor::{PackedRhs, Scalar, Tensor};

use crate::scan::ir::program::Program;
use crate::scan::lower::{Lowered, LoweringError, Parts, lower};
use crate::scan::rewrite::join_gates::join_gates;
use crate::scan::run::execute::{Arguments, Outputs, prepare, run_rows};
use crate::scan::run::parts::{PackedParts, run_parts};

/// The plan of a step.
#[derive(Debug)]
pub(crate) struct Plan<T> {
    pub(crate) program: Program<T>,
    way: Way<T>,
}

/// The way of running a step: as a program over rows, or else in parts, for a reason.
#[derive(Debug)]
enum Way<T> {
    Rows(Lowered<T>),
    Parts(Parts<T>, LoweringError),
}

/// The prepared weights of a plan.
#[derive(Debug)]
pub(crate) enum Packed<T> {
    Rows(Vec<PackedRhs<T>>),
    Parts(PackedParts<T>),
}

impl<T: Scalar> Plan<T> {
    /// Plans a step. A plan is never differentiated.
    pub(crate) fn new(program: &Program<T>) -> Self {
        let program = join_gates(&program.without_stops()).without_stops();
        let way = match lower(&program) {
            Ok(lowered) => Way::Rows(lowered),
            Err(reason) => Way::Parts(Parts::of(&program), reason),
        };
        Self { program, way }
    }

    /// Prepares the weights for runs of up to this many steps with these invariants.
    pub(crate) fn pack(&self, steps: usize, invariants: &[Tensor<T>]) -> Packed<T> {
        match &self.way {
            Way::Rows(lowered) => Packed::Rows(prepare(lowered, steps, invariants)),
            Way::Parts(parts, _) => Packed::Parts(parts.pack(steps, invariants)),
        }
    }

    /// Runs the step over a sequence of at least one entry, with the invariants for which the
    /// weights were prepared.
    pub(crate) fn run(
        &self,
        packed: &Packed<T>,
        arguments: Arguments<'_, T>,
        results: Outputs<&mut [T]>,
    ) {
        match (&self.way, packed) {
            (Way::Rows(lowered), Packed::Rows(packed)) => {
                run_rows(lowered, arguments, packed, results);
            }
            (Way::Parts(parts, _), Packed::Parts(packed)) => {
                run_parts(&self.program, parts, packed, arguments, results);
            }
            _ => unreachable!("the weights are those of the plan"),
        }
    }

    /// The plan with its weights prepared for runs of up to this many steps.
    pub(crate) fn ready(&self, steps: usize, invariants: &[Tensor<T>]) -> Ready<'_, T> {
        Ready { plan: self, packed: self.pack(steps, invariants) }
    }

    /// The program over rows, if the step is one.
    pub(crate) fn lowered(&self) -> Option<&Lowered<T>> {
        match &self.way {
            Way::Rows(lowered) => Some(lowered),
            Way::Parts(..) => None,
        }
    }
}

impl<T: Scalar> fmt::Display for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, reason) = match &self.way {
            Way::Rows(lowered) => return lowered.fmt(f),
            Way::Parts(parts, reason) => (parts, reason),
        };
        let Parts { ahead, compiled, operations, .. } = parts;
        let extent = if *compiled > 0 { "partly " } else { "" };
        write!(f, "{extent}operation by operation, because of\n{reason}")?;
        if *compiled == 0 {
            return Ok(());
        }
        write!(f, "{compiled} of {operations} operations are compiled")?;
        match ahead {
            Some(region) => writeln!(f, ", {} of them for all steps at once", region.operations),
            None => writeln!(f),
        }
    }
}

/// A plan with its weights prepared, for a sequence or for all windows of it.
#[derive(Debug)]
pub(crate) struct Ready<'a, T> {
    plan: &'a Plan<T>,
    packed: Packed<T>,
}

impl<T: Scalar> Ready<'_, T> {
    /// Runs the step over a sequence, as [`Plan::run`] does.
    pub(crate) fn run(&self, arguments: Arguments<'_, T>, results: Outputs<&mut [T]>) {
        self.plan.run(&self.packed, arguments, results);
    }
}
